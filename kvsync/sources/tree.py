"""A directory tree as a source: each file is a pair."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from kvsync.dumps.losses import NO_LOSSES
from kvsync.entries import Sparing
from kvsync.fingerprint import Fingerprint
from kvsync.keys import check_key
from kvsync.model import Destination, Entry, Expiry, Loaded, Lost, Recall, Row, nothing_known
from kvsync.origins import Whereabouts
from kvsync.sources.devices import Devices
from kvsync.sources.directories import inside
from kvsync.sources.evidence import Evidence
from kvsync.sources.files import EMPTY, Clock, FileRef, read_file, size_fault
from kvsync.sources.indexed import keys_of
from kvsync.sources.joined import join_warnings
from kvsync.sources.listing import Observed, Unobserved
from kvsync.sources.memory import gc_paused
from kvsync.sources.mistakes import Mistakes, quoted
from kvsync.sources.options import SourceOptions, Tree, tree_from_options
from kvsync.sources.ours import OURS, head_of, is_ours
from kvsync.sources.walk import Found, walk
from kvsync.units import printable

__all__ = ["Claims", "TreeReader", "TreeSource", "known", "load"]

_NAMED = 5
"""How many files a message lists before it only counts."""


class Claims:
    """Which key is whose, over all of a source's trees and keys."""

    def __init__(self) -> None:
        self._places: dict[str, str] = {}

    def claim(self, key: str, place: str) -> str:
        """Empty, or the place that has the key already."""
        first = self._places.setdefault(key, place)
        return "" if first is place else first


def known(row: Row | None, signature: bytes, checksum: bool) -> bool:
    """Whether the state's row has the digest of the file with this signature."""
    return bool(
        row and row.signature == signature and row.digest and not row.in_doubt and not checksum
    )


class TreeReader:
    """Reads the pairs of one tree; of the options, ``checksum`` and ``left_out`` are asked."""

    def __init__(self, tree: Tree, options: SourceOptions, clock: Clock) -> None:
        self.tree = tree
        self._checksum = options.checksum
        self._left_out = options.left_out
        self._clock = clock
        self._shown = printable(os.path.join(tree.shown, ""))
        self._folder = os.path.join(tree.root, "")
        self._devices = Devices()
        self._read: list[tuple[str, str]] = []
        self._found: list[Found] = []
        self._paths: dict[str, str] = {}
        """Of the files that were found, by what is shown of them; made when it is needed."""
        self._ours: list[str] = []
        self.spared: list[str] = []
        """Keys of files that are left out, though not by a pattern of the user's."""
        self._joined: list[str] = []
        self.observed = Observed()
        """What the last walk came across."""

    def entries(self, recall: Recall, claims: Claims, mistakes: Mistakes) -> list[Entry]:
        """The tree's pairs, by path."""
        self._read.clear()
        self._ours.clear()
        self._devices = Devices()
        with gc_paused():
            return self._all_entries(recall, claims, mistakes)

    def _all_entries(self, recall: Recall, claims: Claims, mistakes: Mistakes) -> list[Entry]:
        entries = []
        # What the state does not know is opened, and shows then what it is.
        unread = recall is nothing_known
        self.observed = Unobserved() if unread else Observed()
        files, passed = walk(self.tree, self._clock(), mistakes, self._left_out, self.observed)
        self._found, self._paths = files, {}
        self.spared = [] if self.tree.exported else list(map(self.tree.key_of, passed))
        shown, charset = self._shown, self.tree.charset
        for found, key, expiry in self._named(files, mistakes):
            origin = shown + printable(found.path)
            entry = self._entry(key, expiry, found, origin, recall(key))
            if isinstance(entry, Lost) and self._is_left_out(entry, found):
                self.spared.append(key)
                continue
            first = claims.claim(key, origin)
            fault = check_key(key, charset)
            if isinstance(entry, Lost):
                mistakes.about(origin, _advice(entry))
            if fault or first:
                mistakes.about(origin, self._key_fault(key, fault, first, found.path))
            elif isinstance(entry, Entry):
                self._read.append((key, found.path))
                entries.append(entry)
        joined = self.tree.style == "join" and charset == "strict"
        self._joined = join_warnings(self._read, shown) if joined else []
        self._found, self._paths = [], {}
        return entries

    def _is_left_out(self, lost: Lost, found: Found) -> bool:
        if lost.message == OURS:
            self._ours.append(found.path)
            return True
        return lost.message == EMPTY and self.tree.skip_empty

    @property
    def warnings(self) -> list[str]:
        """What a person should know of the last reading."""
        ours = self._ours
        if not ours:
            return self._joined
        named = ", ".join(printable(path) for path in ours[:_NAMED])
        more = f" and {len(ours) - _NAMED} more" if len(ours) > _NAMED else ""
        left_out = f"{self._shown}: left out, since kvsync keeps it for itself: {named}{more}"
        return [*self._joined, left_out]

    def _named(self, files: list[Found], mistakes: Mistakes) -> Iterable[tuple[Found, str, Expiry]]:
        tree = self.tree
        if tree.exported:
            return keys_of(tree, files, mistakes)
        return ((found, tree.key_of(found.path), tree.expiry) for found in files)

    def _key_fault(self, key: str, fault: str, first: str, path: str) -> str:
        if fault:
            return f"the key {quoted(key)} {fault}"
        return f"the key {quoted(key)} is also that of {first}: rename one{self._way(first, path)}"

    def _way(self, first: str, path: str) -> str:
        """What keeps a file and the ``first`` place of its key apart, but for another name."""
        if self.tree.exported:
            return ""
        if not self._paths:
            shown = self._shown
            self._paths = {shown + printable(found.path): found.path for found in self._found}
        other = self._paths.get(first)
        if other is None:
            return ", or give one of the two a prefix of its own (folder: --prefix)"
        if self.tree.drop_extension and os.path.splitext(other)[0] == os.path.splitext(path)[0]:
            return ", or keep them apart with extension: keep (folder: --extension keep)"
        return ", or keep them apart with key: escape (folder: --key escape)"

    def _entry(
        self, key: str, expiry: Expiry, found: Found, origin: str, row: Row | None
    ) -> Entry | Lost:
        # What is said to be empty may not be: some files are made when they are read.
        fault = found.size > 0 and size_fault(found.size, self.tree.encoding)
        path = self._folder + found.path
        if fault:
            return Lost(OURS if is_ours(path, head_of(path)) else fault)
        if row and known(row, found.signature, self._checksum):
            mark = found.signature if found.settled else b""
            return Entry(key, row.digest, row.size, expiry, origin, mark)
        content = read_file(path, self.tree.encoding, self._clock, self._devices)
        if isinstance(content, Lost):
            return content
        value, mark = content
        if not mark:
            self.observed.settled = False
        return Entry(key, hashlib.sha256(value).digest(), len(value), expiry, origin, mark)

    @cached_property
    def _whereabouts(self) -> Whereabouts:
        return Whereabouts(self.tree.root, self.tree.shown)

    def may_own(self, key: str, origin: str, *, dotted: bool) -> bool:
        """Whether a file that made this origin would have the key."""
        tree = self.tree
        paths = self._whereabouts.inside(origin, dotted=dotted)
        return any(tree.exported or tree.key_of(path) == key for path in paths)

    def values(self, wanted: Mapping[str, Entry]) -> Iterator[Loaded]:
        """The values of the wanted keys, each read when it is asked for."""
        root = os.path.realpath(self.tree.root)
        for key, path in self._read:
            entry = wanted.get(key)
            if entry is None:
                continue
            ref = FileRef(self._folder + path, self.tree.encoding)
            real = os.path.realpath(ref.path)
            if not inside(real, root):
                yield entry, Lost("the file has become a link out of the tree")
            elif real in self._left_out:
                yield entry, Lost("the file has become a link to a file of kvsync's own")
            else:
                yield load(entry, ref, self._clock, self._devices)


def _advice(lost: Lost) -> str:
    more = ", or set empty: skip (folder: --empty skip)" if lost.message == EMPTY else ""
    return lost.message + more


def load(entry: Entry, ref: FileRef, clock: Clock, devices: Devices) -> Loaded:
    """The entry as its file is just now, and the value."""
    content = read_file(*ref, clock, devices)
    if isinstance(content, Lost):
        return entry, content
    value, mark = content
    digest = hashlib.sha256(value).digest()
    return entry._replace(digest=digest, size=len(value), signature=mark), value


class TreeSource:
    """A directory that was named on the command line (`kvsync.source.Source`)."""

    losses = NO_LOSSES
    complete = True
    stale = False
    passing = False
    left_over = ()

    def __init__(self, path: str, options: SourceOptions, clock: Clock) -> None:
        tree, self._warnings = tree_from_options(path, options)
        self.label = path
        self.owner = options.name or ""
        self.location = tree.root
        self.home = tree.root
        self.destination = Destination()
        self.charset = tree.charset
        self._reader = TreeReader(tree, options, clock)

    @property
    def warnings(self) -> list[str]:
        """What a person should know; complete once `entries` has been called."""
        return [*self._warnings, *self._reader.warnings]

    @property
    def fingerprint(self) -> Fingerprint | None:
        """What tells whether another reading would find the same; None: nothing does."""
        evidence = Evidence()
        evidence.tree(self._reader.tree.root, self._reader.observed)
        return evidence.fingerprint()

    def may_own(self, key: str, origin: str, *, dotted: bool) -> bool:
        """Whether a file of the tree may have made the origin."""
        return self._reader.may_own(key, origin, dotted=dotted)

    def entries(self, recall: Recall) -> Sequence[Entry]:
        """All files as pairs, by path. Raises `InputError` with every mistake found."""
        mistakes = Mistakes(self.label)
        entries = self._reader.entries(recall, Claims(), mistakes)
        mistakes.raise_all()
        return Sparing(entries, self._reader.spared) if self._reader.spared else entries

    def values(self, wanted: Iterable[Entry]) -> Iterator[Loaded]:
        """The values of these entries, by path, each read when it is asked for."""
        return self._reader.values({entry.key: entry for entry in wanted})
