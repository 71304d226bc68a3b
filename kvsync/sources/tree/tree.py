"""A directory tree: its pairs, file by file, and the source that one is on the command line."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from kvsync.formats.record import NO_LOSSES
from kvsync.model.entries import Sparing
from kvsync.model.keys import check_key
from kvsync.model.tally import Tally, Tallying, Why
from kvsync.model.text import count_text, printable
from kvsync.model.values import Destination, Entry, Expiry, Loaded, Lost, Recall, Row, nothing_known
from kvsync.sources.files import (
    AUTO,
    Clock,
    FileRef,
    form_of,
    is_known,
    is_pointer,
    read_file,
    size_fault,
    stored_as,
)
from kvsync.sources.gc_pause import gc_paused
from kvsync.sources.interface import Fingerprint
from kvsync.sources.mistakes import Mistakes
from kvsync.sources.options import SourceOptions, Tree, tree_from_options
from kvsync.sources.origins import Whereabouts
from kvsync.sources.own_files import OURS, head_of, is_ours
from kvsync.sources.snapshot import Evidence
from kvsync.sources.tree.devices import Devices
from kvsync.sources.tree.indexed import keys_of
from kvsync.sources.tree.listing import Observed, Unobserved
from kvsync.sources.tree.mistakes import Folder, join_warnings, twins_warning, why_left_out
from kvsync.sources.tree.selection import inside, is_utf8
from kvsync.sources.tree.walk import Found, walk

_NAMED = 5


class Claims:
    """Which key is whose, over all of a source's trees and keys."""

    def __init__(self) -> None:
        self._places: dict[str, str] = {}

    def claim(self, key: str, place: str) -> str:
        """Empty, or the place that has the key already."""
        first = self._places.setdefault(key, place)
        return "" if first is place else first


def known(row: Row | None, signature: bytes, encoding: str, checksum: bool) -> bool:
    """Return whether the state's row has the digest of the file with this signature, so encoded."""
    return bool(
        row
        and is_known(row.signature, signature, encoding)
        and row.digest
        and not row.in_doubt
        and not checksum
    )


def pointer_warning(origins: list[str]) -> list[str]:
    """Return what to say of files that only stand for others."""
    if not origins:
        return []
    more = f" and {len(origins) - _NAMED:,} more" if len(origins) > _NAMED else ""
    files = count_text(len(origins), "file is a Git LFS pointer", "files are Git LFS pointers")
    return [
        f"{files}, and not what it stands for: run git lfs pull"
        f" ({', '.join(origins[:_NAMED])}{more})"
    ]


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
        self._tallying = Tallying()
        self._pointers: list[str] = []
        self._ours: list[str] = []
        self.spared: list[str] = []
        """Keys of files that are left out, though not by a pattern of the user's."""
        self.warnings: list[str] = []
        """What a person should know of what was read last."""
        self.observed = Observed()
        """What the last walk came across."""

    def entries(
        self, recall: Recall, claims: Claims, mistakes: Mistakes, tallying: Tallying
    ) -> list[Entry]:
        """Return the tree's pairs, by path."""
        self._read.clear()
        self._pointers.clear()
        self._ours.clear()
        self._devices = Devices()
        self._tallying = tallying
        with gc_paused():
            return self._all_entries(recall, claims, mistakes)

    def _all_entries(self, recall: Recall, claims: Claims, mistakes: Mistakes) -> list[Entry]:
        entries = []
        files = self._walk(recall, mistakes)
        folder = Folder(self.tree, mistakes, files)
        shown, charset = self._shown, self.tree.charset
        for found, key, expiry in self._named(files, mistakes):
            origin = shown + printable(found.path)
            entry = self._entry(key, expiry, found, origin, recall(key))
            if isinstance(entry, Lost):
                if self._is_left_out(entry, found, origin):
                    self.spared.append(key)
                    continue
                folder.lost(origin, entry, found)
            first = claims.claim(key, origin)
            fault = check_key(key, charset)
            if fault or first:
                folder.wrong_key(origin, key, fault, first)
            elif isinstance(entry, Entry):
                self._read.append((key, found.path))
                entries.append(entry)
        joined = self.tree.style == "join" and charset == "strict"
        self.warnings = [
            *pointer_warning(self._pointers),
            *twins_warning(found.path for found in files),
            *(join_warnings(self._read, shown) if joined else ()),
            *self._own_files(),
        ]
        return entries

    def _is_left_out(self, lost: Lost, found: Found, origin: str) -> bool:
        if lost.message == OURS:
            self._ours.append(found.path)
            return True
        why = why_left_out(self.tree, lost)
        if why:
            self._tallying.leave_out(why, origin)
        return bool(why)

    def _own_files(self) -> Iterator[str]:
        if ours := self._ours:
            named = ", ".join(printable(path) for path in ours[:_NAMED])
            more = f" and {len(ours) - _NAMED} more" if len(ours) > _NAMED else ""
            yield f"{self._shown}: left out, since kvsync keeps it for itself: {named}{more}"

    def _walk(self, recall: Recall, mistakes: Mistakes) -> list[Found]:
        tree = self.tree
        # What the state does not know is opened, and shows then what it is.
        self.observed = Unobserved() if recall is nothing_known else Observed()
        files, passed, besides = walk(tree, self._clock(), mistakes, self._left_out, self.observed)
        for path in besides:
            self._tallying.leave_out(Why.NAME, self._shown + printable(path))
        self.spared = []
        if not tree.exported:
            # What is no text was never sent under any name.
            self.spared += (tree.key_of(path) for path in (*passed, *besides) if is_utf8(path))
        return files

    def _named(self, files: list[Found], mistakes: Mistakes) -> Iterable[tuple[Found, str, Expiry]]:
        tree = self.tree
        if tree.exported:
            return keys_of(tree, files, mistakes)
        return ((found, tree.key_of(found.path), tree.expiry) for found in files)

    def _entry(
        self, key: str, expiry: Expiry, found: Found, origin: str, row: Row | None
    ) -> Entry | Lost:
        encoding = self.tree.encoding
        # What is said to be empty may not be: some files are made when they are read.
        fault = found.size > 0 and size_fault(found.size, encoding)
        path = self._folder + found.path
        if fault:
            return Lost(OURS if is_ours(path, head_of(path)) else fault)
        if row and known(row, found.signature, encoding, self._checksum):
            self._note(form_of(row.signature), origin)
            mark = row.signature if found.settled else b""
            return Entry(key, row.digest, row.size, expiry, origin, mark)
        content = read_file(path, encoding, self._clock, self._devices)
        if isinstance(content, Lost):
            return content
        value, mark, form = content
        self._note(form, origin)
        if not mark:
            self.observed.settled = False
        return Entry(key, hashlib.sha256(value).digest(), len(value), expiry, origin, mark)

    def _note(self, form: int, origin: str) -> None:
        """Note what is told of files that are so."""
        if self.tree.encoding == AUTO:
            self._tallying.store(stored_as(form), origin)
        if is_pointer(form):
            self._pointers.append(origin)

    @cached_property
    def _whereabouts(self) -> Whereabouts:
        return Whereabouts(self.tree.root, self.tree.shown)

    def may_own(self, key: str, origin: str, *, dotted: bool) -> bool:
        """Return whether a file that made this origin would have the key."""
        tree = self.tree
        paths = self._whereabouts.inside(origin, dotted=dotted)
        return any(tree.exported or tree.key_of(path) == key for path in paths)

    def values(self, wanted: Mapping[str, Entry]) -> Iterator[Loaded]:
        """Yield the values of the wanted keys, each read when it is asked for."""
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


def load(entry: Entry, ref: FileRef, clock: Clock, devices: Devices) -> Loaded:
    """Return the entry as its file is just now, and the value."""
    content = read_file(*ref, clock, devices)
    if isinstance(content, Lost):
        return entry, content
    value, mark, _ = content
    digest = hashlib.sha256(value).digest()
    return entry._replace(digest=digest, size=len(value), signature=mark), value


class TreeSource:
    """A directory (`kvsync.sources.interface.Source`)."""

    losses = NO_LOSSES
    complete = True
    stale = False
    passing = False
    valueless = ()

    def __init__(self, path: str, options: SourceOptions, clock: Clock) -> None:
        tree, self._warnings = tree_from_options(path, options)
        self.label = path
        self.owner = options.name or ""
        self.location = tree.root
        self.home = tree.root
        self.destination = Destination()
        self.charset = tree.charset
        self._reader = TreeReader(tree, options, clock)
        self._tallying = Tallying()

    @property
    def warnings(self) -> list[str]:
        """Warnings; complete once `entries` has been called."""
        return [*self._warnings, *self._reader.warnings]

    @property
    def tally(self) -> Tally:
        """Counts of files that are left out, or stored one way or another."""
        return self._tallying.tally

    @property
    def fingerprint(self) -> Fingerprint | None:
        """The fingerprint of what was read; None: nothing tells if another reading finds the
        same.
        """
        evidence = Evidence()
        evidence.tree(self._reader.tree.root, self._reader.observed)
        return evidence.fingerprint()

    def may_own(self, key: str, origin: str, *, dotted: bool) -> bool:
        """Return whether a file of the tree may have made the origin."""
        return self._reader.may_own(key, origin, dotted=dotted)

    def entries(self, recall: Recall) -> Sequence[Entry]:
        """Return all files as pairs, by path. Raises `InputError` with every mistake found."""
        mistakes = Mistakes(self.label)
        self._tallying = Tallying()
        entries = self._reader.entries(recall, Claims(), mistakes, self._tallying)
        mistakes.raise_all()
        return Sparing(entries, self._reader.spared) if self._reader.spared else entries

    def values(self, wanted: Iterable[Entry]) -> Iterator[Loaded]:
        """Return the values of these entries, by path, each read when it is asked for."""
        return self._reader.values({entry.key: entry for entry in wanted})
