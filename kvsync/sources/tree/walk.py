"""Which files a tree has: one scan per directory, one status per file, no recursion."""

import os
import stat
from collections import Counter
from collections.abc import Collection
from operator import itemgetter
from typing import NamedTuple

from kvsync.model.values import Lost
from kvsync.sources.files import link_fault, os_fault, read_raw, settled, signature
from kvsync.sources.mistakes import Mistakes
from kvsync.sources.options import Tree
from kvsync.sources.tree.devices import Devices
from kvsync.sources.tree.listing import Observed, own_identities, own_names
from kvsync.sources.tree.patterns import Rules, parse_ignore_file
from kvsync.sources.tree.selection import (
    BOOKKEEPING,
    IGNORE_FILE,
    Directory,
    inside,
    is_besides,
    is_ignored,
    is_included,
    is_left_out,
    is_named,
    is_surely_directory,
    is_utf8,
    may_be_link,
    upwards,
)

_MAX_IGNORE_FILE_SIZE = 2**20
_ENOUGH = 10_000
"""Mistakes after which a tree is not walked any further."""
_MOST_WAYS = 100
"""Paths by which links may lead to one directory: with two links to the next one in each of 40
directories there are more than anybody could walk."""


_NOT_ASKED = -1
"""The size of a file whose status no one has asked for."""


class Found(NamedTuple):
    """One file: its relative path, its size, and what identifies its content.

    ``settled``: it is old enough for its signature to be trusted.
    """

    path: str
    size: int = _NOT_ASKED
    signature: bytes = b""
    settled: bool = False


class Walked(NamedTuple):
    """The files of a tree, by path.

    ``left_out`` are paths of those that no tree has for their name, ``besides`` of those that it
    would have if a pattern named them.
    """

    found: list[Found]
    left_out: list[str]
    besides: list[str]


def walk(
    tree: Tree, moment: float, mistakes: Mistakes, left_out: Collection[str], observed: Observed
) -> Walked:
    """Return the tree's files; what cannot be read becomes a mistake, never a gap.

    ``moment`` is when the scan began, in Unix seconds. ``left_out`` has files by real path.
    ``observed`` takes down what is come across, and decides whether files are asked for their
    status.
    """
    return _Walk(tree, moment, mistakes, left_out, observed).run()


class _Walk:
    def __init__(
        self,
        tree: Tree,
        moment: float,
        mistakes: Mistakes,
        left_out: Collection[str],
        observed: Observed,
    ) -> None:
        self.tree = tree
        self.moment = moment
        self.mistakes = mistakes
        self.left_out = frozenset(left_out)
        self.left_out_in = own_names(left_out)
        self.own = own_identities(left_out)
        self.observed = observed
        self.devices = Devices()
        self.found: list[Found] = []
        self.passed: list[str] = []
        self.besides: list[str] = []
        self.ways: Counter[str] = Counter()
        self.enough = False
        root = os.path.realpath(tree.root)
        self.real_root = root
        self.pending = [Directory("", root, None, (), not tree.include)]

    def run(self) -> Walked:
        while self.pending and not self.enough:
            self.look_into(self.pending.pop())
        if self.enough:
            self.mistakes.about(self.tree.shown, "and more: the rest was not looked at")
        self.found.sort(key=itemgetter(0))
        return Walked(self.found, self.passed, self.besides)

    def look_into(self, directory: Directory) -> None:
        folder = os.path.join(self.tree.root, directory.path)
        try:
            with os.scandir(folder) as listing:
                entries = list(listing)
            number = os.stat(folder).st_dev
        except OSError as error:
            self.fault(directory.path.rstrip("/"), os_fault(error))
            return
        directory = self.with_ignore_file(directory, entries)
        names = self.left_out_in.get(directory.real)
        if names:
            entries = [e for e in entries if e.name not in names or is_surely_directory(e)]
        device = self.devices.of(number, folder)
        self.observed.open(directory.path, directory.real, number, device)
        self.visit_all(directory, entries)
        self.observed.close()

    def fault(self, path: str, message: str) -> None:
        shown = os.path.join(self.tree.shown, path) if path else self.tree.shown
        self.mistakes.among(self.tree.shown, shown, message, message.partition(":")[0])
        self.enough = len(self.mistakes) >= _ENOUGH

    def with_ignore_file(self, directory: Directory, entries: list[os.DirEntry[str]]) -> Directory:
        for entry in entries:
            if entry.name == IGNORE_FILE:
                path = directory.path + IGNORE_FILE
                gone_wrong = may_be_link(entry) and not self.follow(directory, path, False)
                rules = () if gone_wrong else self.read_ignore_file(path)
                level = (len(directory.path), rules)
                return directory._replace(levels=(level, *directory.levels))
        return directory

    def read_ignore_file(self, path: str) -> Rules:
        raw = read_raw(os.path.join(self.tree.root, path))
        if isinstance(raw, Lost):
            self.fault(path, raw.message)
            return ()
        if len(raw[0]) > _MAX_IGNORE_FILE_SIZE:
            self.fault(path, "an ignore file over 1 MiB: write fewer or shorter lines")
            return ()
        rules, faults = parse_ignore_file(raw[0])
        for line, message in faults:
            self.mistakes.about(os.path.join(self.tree.shown, path), message, line)
        return rules

    def visit_all(self, directory: Directory, entries: list[os.DirEntry[str]]) -> None:
        for entry in entries:
            self.visit(directory, entry)
            if self.enough:
                return

    def visit(self, directory: Directory, entry: os.DirEntry[str]) -> None:
        name = entry.name
        if is_left_out(name):
            self.leave_out(directory, entry)
            return
        path = directory.path + name
        try:
            is_directory = entry.is_dir()
            linked = entry.is_symlink()
            if linked:
                entry.stat()
        except OSError as error:
            # What it leads to, or is, decides which patterns are for it: none can be asked.
            self.cannot_tell(path, error)
            return
        tree = self.tree
        included = not tree.include or is_included(tree, directory, path, is_directory)
        patterned = tree.exclude or directory.levels
        ignored = patterned and is_ignored(tree, directory, path, is_directory)
        if ignored or not (included or is_directory):
            self.pass_over(directory, entry, is_directory)
            return
        besides = directory.besides or is_besides(name)
        besides = besides and not is_named(tree, directory, path, is_directory)
        if besides and not is_directory:
            self.besides.append(path)
            self.pass_over(directory, entry, is_directory, counted=True)
            return
        if not name.isascii() and not is_utf8(name):
            self.fault(path, "a name that is not UTF-8: rename it, or leave it out")
            return
        link = ""
        if linked:
            link = self.follow(directory, path, is_directory)
            if not link:
                # Whether it goes wrong, or leads to a file of ours, is to be looked at each time.
                self.observed.settled = False
                return
        if is_directory:
            self.observed.directory(name, link)
            real = link or f"{directory.real.rstrip('/')}/{name}"
            below = Directory(path + "/", real, directory, directory.levels, included, besides)
            self.pending.append(below)
        else:
            self.take(path, entry, link)

    def leave_out(self, directory: Directory, entry: os.DirEntry[str]) -> None:
        """Pass over what no tree has for its name, though others may be decided by it."""
        if entry.name in BOOKKEEPING:
            self.observe(directory, entry)
        if not is_surely_directory(entry):
            self.passed.append(directory.path + entry.name)

    def cannot_tell(self, path: str, error: OSError) -> None:
        self.observed.settled = False
        if isinstance(error, FileNotFoundError):
            if os.path.realpath(os.path.join(self.tree.root, path)) not in self.left_out:
                self.fault(path, "a link that leads nowhere: remove it, or mend it")
        else:
            self.fault(path, link_fault(error))

    def pass_over(
        self,
        directory: Directory,
        entry: os.DirEntry[str],
        is_directory: bool,
        *,
        counted: bool = False,
    ) -> None:
        folder = os.path.join(self.tree.root, directory.path)
        self.observed.pass_over(entry, folder, is_directory=is_directory, counted=counted)

    def observe(self, directory: Directory, entry: os.DirEntry[str]) -> None:
        """Note what is no part of the tree itself, but decides what is."""
        try:
            link = os.path.realpath(entry.path) if entry.is_symlink() else ""
            status = entry.stat()
        except OSError as error:
            self.observed.settled = False
            # An index that was seen to be there is told of where it is read; below it is none.
            if entry.name == IGNORE_FILE or not (directory.path or self.tree.exported):
                self.cannot_tell(directory.path + entry.name, error)
            return
        device = self.devices.of(status.st_dev, entry.path)
        self.observed.file(entry.name, link, status, device)
        self.observed.settled &= device.trusted and settled(status, self.moment)

    def follow(self, directory: Directory, path: str, is_directory: bool) -> str:
        """Return where a link leads; empty if it leads to a left-out file, or goes wrong: a
        mistake.
        """
        link = os.path.join(self.tree.root, path)
        try:
            real = os.path.realpath(link, strict=True)
        except OSError as error:
            self.cannot_tell(path, error)
            return ""
        if real in self.left_out and not is_directory:
            return ""
        if not inside(real, self.real_root):
            self.fault(path, "a link out of the tree: copy the file into it, or leave it out")
            return ""
        if is_directory and any(inside(above.real, real) for above in upwards(directory)):
            self.fault(path, "a link that leads back to itself: remove it, or leave it out")
            return ""
        if is_directory and self.too_many_ways(path, real):
            return ""
        return real

    def too_many_ways(self, path: str, real: str) -> bool:
        self.ways[real] += 1
        if self.ways[real] == _MOST_WAYS + 1:
            words = f"links lead to one directory in more than {_MOST_WAYS} ways: remove some"
            self.fault(path, words)
        return self.ways[real] > _MOST_WAYS

    def take(self, path: str, entry: os.DirEntry[str], link: str) -> None:
        try:
            own = entry.inode() in self.own
            if not (self.observed.by_status or own) and entry.is_file(follow_symlinks=False):
                self.found.append(Found(path))
                return
            status = entry.stat()
        except OSError as error:
            self.fault(path, os_fault(error))
            return
        if not stat.S_ISREG(status.st_mode):
            self.fault(path, "a FIFO, socket or device: remove it, or leave it out")
            return
        if self.own.get(status.st_ino) == status.st_dev:
            # A file of ours by another name, which is no link.
            self.observed.settled = False
            return
        device = self.devices.of(status.st_dev, entry.path)
        mark = signature(status, self.tree.encoding, device)
        is_settled = device.trusted and settled(status, self.moment)
        self.observed.file(entry.name, link, status, device)
        self.observed.settled &= is_settled
        self.found.append(Found(path, status.st_size, mark, is_settled))
