"""The listing of a tree when it was walked: enough to tell that it has not changed.

A walk observes each directory as it lists it. Later `looks_alike` lists them again, without any
patterns, and without making anything of what it finds.
"""

import os
from collections.abc import Collection, Iterator, Mapping
from hashlib import blake2b
from marshal import dumps
from typing import Any

from kvsync.sources.gc_pause import gc_paused
from kvsync.sources.interface import Seen
from kvsync.sources.tree.devices import Device, Devices
from kvsync.sources.tree.selection import BOOKKEEPING, is_left_out

_DIGEST_BYTES = 16
_COUNTED = "/"
"""Stands before what was passed over and counted; no name begins with it."""
_LASTING = 2
"""The version of marshal's format in which equal values are equal bytes: later ones refer back to
what they have written already, and that depends on who else holds an object."""


class Observed:
    """Takes down what a walk comes across.

    ``settled``: all of it is old enough for its status to be trusted.
    """

    by_status = True
    """Whether the status of each file is asked for."""

    def __init__(self) -> None:
        self.settled = True
        self._digests: list[str] = []
        self._passed_over: dict[str, list[str]] = {}
        self._path = ""
        self._number = 0
        self._items: list[Any] = []

    def open(self, path: str, real: str, number: int, device: Device) -> None:
        """Begin a directory, at this relative path and in this file system."""
        self._path = path
        self._number = number
        self._items = _heading(path, real, device)

    def directory(self, name: str, link: str) -> None:
        """Note a directory that is looked into; ``link`` is where it really is, if elsewhere."""
        self._items += (link, name) if link else (name,)

    def file(self, name: str, link: str, status: os.stat_result, device: Device) -> None:
        """Note a file."""
        if link:
            self._items.append(link)
        if status.st_dev != self._number:
            self._items.append(device.mark)
        self._items += (
            name, status.st_size, status.st_mtime_ns, status.st_ino, status.st_ctime_ns,
        )  # fmt: skip

    def pass_over(
        self, entry: "os.DirEntry[str]", folder: str, *, is_directory: bool, counted: bool
    ) -> None:
        """Note what is no part of the tree; ``folder`` is the directory's path.

        ``counted``: that it is there is told, so it makes a difference if it goes.
        """
        passed = self._passed_over.setdefault(self._path, [])
        link = _link(entry, folder) if entry.is_symlink() else ""
        described = _described(entry, link, is_directory=is_directory)
        passed.append(_COUNTED + described if counted else described)
        if counted:
            self._items.append(described)

    def close(self) -> None:
        """End the directory."""
        self._digests.append(_digest(self._items))

    def seen(self, root: str) -> Seen:
        """Return all that was observed of the tree at ``root``."""
        return Seen(root, "".join(self._digests), self._passed_over)


class Unobserved(Observed):
    """Takes nothing down: of what is all new no one asks whether it is as it was."""

    by_status = False

    def __init__(self) -> None:
        super().__init__()
        self.settled = False

    def file(self, name: str, link: str, status: os.stat_result, device: Device) -> None:
        """Note a file whose status was needed for something else."""


def own_names(left_out: Collection[str]) -> Mapping[str, set[str]]:
    """Files by real path, as names by directory: in all others no name need be compared."""
    names: dict[str, set[str]] = {}
    for path in left_out:
        names.setdefault(os.path.dirname(path), set()).add(os.path.basename(path))
    return names


def own_identities(left_out: Collection[str]) -> dict[int, int]:
    """Inode and device of those files that are there: a file may have two names, neither a link."""
    found = {}
    for path in left_out:
        try:
            status = os.stat(path)
        except OSError:
            continue
        found[status.st_ino] = status.st_dev
    return found


def looks_alike(seen: Seen, left_out: Collection[str]) -> bool:
    """Return whether the tree still looks as it was seen; the first difference is enough.

    ``left_out`` has files that no tree has, by real path. Raises `OSError`.
    """
    expected = iter(range(0, len(seen.digests), 2 * _DIGEST_BYTES))
    with gc_paused():
        for digest in _Listing(seen, left_out).digests():
            start = next(expected, None)
            if start is None or seen.digests[start : start + 2 * _DIGEST_BYTES] != digest:
                return False
    return next(expected, None) is None


class _Listing:
    """One pass over the directories of a tree, in the order of the walk that saw it."""

    def __init__(self, seen: Seen, left_out: Collection[str]) -> None:
        self._root = seen.root
        self._passed_over = {path: frozenset(names) for path, names in seen.passed_over.items()}
        self._own = own_names(left_out)
        self._devices = Devices()
        self._pending = [("", os.path.realpath(seen.root))]

    def digests(self) -> Iterator[str]:
        """Yield each directory's. No one looks into a directory before its parent is found
        unchanged.
        """
        while self._pending:
            path, real = self._pending.pop()
            folder = os.path.join(self._root, path)
            # A descriptor spares the kernel a path for each file.
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                number = os.fstat(descriptor).st_dev
                heading = _heading(path, real, self._devices.of(number, folder))
                with os.scandir(descriptor) as listing:
                    yield _digest(heading + self._items(listing, path, real, number))
            finally:
                os.close(descriptor)

    def _items(
        self, listing: "Iterator[os.DirEntry[str]]", path: str, real: str, number: int
    ) -> list[Any]:
        items: list[Any] = []
        passed_over = self._passed_over.get(path)
        own = self._own.get(real, ())
        folder = os.path.join(self._root, path)
        for entry in listing:
            name = entry.name
            is_directory = entry.is_dir()
            if own and name in own and not is_directory:
                continue
            if is_left_out(name) and name not in BOOKKEEPING:
                continue
            link = ""
            if entry.is_symlink():
                # One that leads nowhere is a mistake, no matter what patterns say of it.
                entry.stat()
                link = _link(entry, folder)
            if (
                passed_over
                and (told := _passed(passed_over, entry, link, is_directory)) is not None
            ):
                items += told
                continue
            if link:
                items.append(link)
            if is_directory and name not in BOOKKEEPING:
                items.append(name)
                self._pending.append((f"{path}{name}/", link or f"{real.rstrip('/')}/{name}"))
            else:
                # The innermost step: a call more for each file would be felt.
                found = entry.stat()
                if found.st_dev != number:
                    items.append(self._devices.of(found.st_dev, folder + name).mark)
                items += (name, found.st_size, found.st_mtime_ns, found.st_ino, found.st_ctime_ns)
        return items


def _passed(
    passed_over: frozenset[str], entry: "os.DirEntry[str]", link: str, is_directory: bool
) -> tuple[str, ...] | None:
    """Return what is told of an entry that was passed over; None if it was not."""
    described = _described(entry, link, is_directory=is_directory)
    if described in passed_over:
        return ()
    return (described,) if _COUNTED + described in passed_over else None


def _heading(path: str, real: str, device: Device) -> list[Any]:
    """Return what a directory's items begin with: where it lies, and of the root, where it really
    is.
    """
    return [device.mark] if path else [device.mark, real]


def _link(entry: "os.DirEntry[str]", folder: str) -> str:
    """Return where a link leads in the end."""
    return os.path.realpath(os.path.join(folder, entry.name))


def _described(entry: "os.DirEntry[str]", link: str, *, is_directory: bool) -> str:
    """Return what patterns look at, and where links lead."""
    return f"{entry.name}{'/' * is_directory}" + (f"\0{link}" if link else "")


def _digest(items: list[Any]) -> str:
    return blake2b(dumps(items, _LASTING), digest_size=_DIGEST_BYTES).hexdigest()
