"""Gathering what a source is read from, and looking whether it is as it was."""

import os
import stat
from collections.abc import Collection, Iterator, Mapping
from hashlib import blake2b

from kvsync.sources.files import Clock, plain, settled, signature
from kvsync.sources.interface import Fingerprint, Seen
from kvsync.sources.tree.devices import Devices
from kvsync.sources.tree.listing import Observed, looks_alike

_BLOCK = 1 << 20


class Consulted(Mapping[str, str]):
    """An environment that notes who asks for what."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._asked: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self._asked.add(name)
        return self._environ[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._environ)

    def __len__(self) -> int:
        return len(self._environ)

    def digests(self) -> dict[str, str]:
        """Of each variable that was asked for."""
        return {name: _variable(self._environ, name) for name in sorted(self._asked)}


class Evidence:
    """Gathers what a source is read from, while it is read."""

    def __init__(self) -> None:
        self._contents: dict[str, str] = {}
        self._files: dict[str, str] = {}
        self._trees: list[Seen] = []
        self._enough = True

    def content(self, path: str, digest: str) -> None:
        """Note a file that was read whole, with its `digest_of`; a pipe cannot be read again."""
        self._enough = self._enough and os.path.isfile(path)
        self._contents[path] = digest

    def file(self, path: str, mark: bytes) -> None:
        """Note a file with its `signature`, or none that can be trusted."""
        self._enough = self._enough and bool(mark)
        self._files[path] = plain(mark).hex()

    def tree(self, root: str, observed: Observed) -> None:
        """Note a tree that was walked."""
        self._enough = self._enough and observed.settled
        self._trees.append(observed.seen(root))

    def fingerprint(self, variables: dict[str, str] | None = None) -> Fingerprint | None:
        """Return what stands for all of it; None if it could change without a trace."""
        if not self._enough:
            return None
        return Fingerprint(self._contents, self._files, variables or {}, self._trees)


def still_holds(
    fingerprint: Fingerprint, environ: Mapping[str, str], left_out: Collection[str]
) -> bool:
    """Return whether everything is as it was; ``left_out`` are files that no tree has, by real
    path.
    """
    devices = Devices()
    try:
        return (
            all(_variable(environ, name) == old for name, old in fingerprint.variables.items())
            and all(_content(path) == old for path, old in fingerprint.contents.items())
            and all(_mark(path, devices) == old for path, old in fingerprint.files.items())
            and all(looks_alike(seen, left_out) for seen in fingerprint.trees)
        )
    except OSError:
        return False


def digest_of(data: bytes) -> str:
    """Return what a file with these bytes is known by, in hexadecimal digits."""
    return blake2b(data).hexdigest()


def status_mark(path: str, clock: Clock) -> bytes:
    """Return what tells the file from its next version; empty if nothing does, or it is too
    young.
    """
    moment = clock()
    try:
        status = os.stat(path)
    except OSError:
        return b""
    device = Devices().of(status.st_dev, path)
    known = device.trusted and stat.S_ISREG(status.st_mode) and settled(status, moment)
    return signature(status, "text", device) if known else b""


def _content(path: str) -> str:
    if not stat.S_ISREG(os.stat(path).st_mode):
        # What comes through a pipe comes but once, and not for us.
        return ""
    digest = blake2b()
    with open(path, "rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _mark(path: str, devices: Devices) -> str:
    status = os.stat(path)
    return plain(signature(status, "text", devices.of(status.st_dev, path))).hex()


def _variable(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name)
    return "" if value is None else blake2b(value.encode("utf-8", "surrogatepass")).hexdigest()
