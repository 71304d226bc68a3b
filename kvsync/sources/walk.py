"""Which files a tree has: one scan per directory, one status per file, no recursion."""

import os
import stat
from collections import Counter
from collections.abc import Collection, Iterator
from operator import itemgetter
from typing import NamedTuple

from kvsync.limits import MAX_VALUE_SIZE
from kvsync.model import Lost
from kvsync.sources.files import os_fault, read_raw, settled, signature
from kvsync.sources.leftout import BOOKKEEPING, IGNORE_FILE, is_left_out
from kvsync.sources.listing import Observed, own_names
from kvsync.sources.mistakes import Mistakes
from kvsync.sources.options import Tree
from kvsync.sources.patterns import Rules, decide, parse_rules

__all__ = ["NOT_ASKED", "Found", "inside", "walk"]

_ENOUGH = 10_000
"""Mistakes after which a tree is not walked any further."""
_MOST_WAYS = 100
"""Paths by which links may lead to one directory: with two links to the next one in each of 40
directories there are more than anybody could walk."""


NOT_ASKED = -1
"""The size of a file whose status nobody has asked for."""


class Found(NamedTuple):
    """One file: its relative path, its size, and what identifies its content.

    ``settled``: it is old enough for its signature to be trusted.
    """

    path: str
    size: int = NOT_ASKED
    signature: bytes = b""
    settled: bool = False


class _Directory(NamedTuple):
    """A directory on the way down.

    ``path`` is relative and ends with a slash (the root's is empty); ``real`` has no links in it;
    ``levels`` are the ignore files above, the nearest first, each with the length of its path.
    """

    path: str
    real: str
    parent: "_Directory | None"
    levels: tuple[tuple[int, Rules], ...]
    included: bool


def inside(real: str, root: str) -> bool:
    """Whether a real path is ``root`` or lies in it."""
    return real == root or real.startswith(root.rstrip("/") + "/")


def walk(
    tree: Tree, moment: float, mistakes: Mistakes, left_out: Collection[str], observed: Observed
) -> list[Found]:
    """The tree's files, sorted by path; what cannot be read becomes a mistake, never a gap.

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
        self.observed = observed
        self.found: list[Found] = []
        self.ways: Counter[str] = Counter()
        self.enough = False
        root = os.path.realpath(tree.root)
        self.real_root = root
        self.pending = [_Directory("", root, None, (), not tree.include)]

    def run(self) -> list[Found]:
        while self.pending and not self.enough:
            directory = self.pending.pop()
            try:
                with os.scandir(os.path.join(self.tree.root, directory.path)) as listing:
                    entries = list(listing)
            except OSError as error:
                self.fault(directory.path.rstrip("/"), os_fault(error))
                continue
            directory = self.with_ignore_file(directory, entries)
            names = self.left_out_in.get(directory.real)
            if names:
                entries = [e for e in entries if e.name not in names or _is_directory(e)]
            self.observed.open(directory.path, directory.real)
            self.visit_all(directory, entries)
            self.observed.close()
        if self.enough:
            self.mistakes.about(self.tree.shown, "and more: the rest was not looked at")
        self.found.sort(key=itemgetter(0))
        return self.found

    def fault(self, path: str, message: str) -> None:
        shown = os.path.join(self.tree.shown, path) if path else self.tree.shown
        self.mistakes.about(shown, message)
        self.enough = len(self.mistakes) >= _ENOUGH

    def with_ignore_file(
        self, directory: _Directory, entries: list[os.DirEntry[str]]
    ) -> _Directory:
        for entry in entries:
            if entry.name == IGNORE_FILE:
                path = directory.path + IGNORE_FILE
                linked = entry.is_symlink()
                gone_wrong = linked and not self.follow(directory, path, is_directory=False)
                rules = () if gone_wrong else self.read_ignore_file(path)
                level = (len(directory.path), rules)
                return directory._replace(levels=(level, *directory.levels))
        return directory

    def read_ignore_file(self, path: str) -> Rules:
        raw = read_raw(os.path.join(self.tree.root, path))
        if isinstance(raw, Lost):
            self.fault(path, raw.message)
            return ()
        if len(raw[0]) > MAX_VALUE_SIZE:
            self.fault(path, "an ignore file over 1 MiB: write fewer or shorter lines")
            return ()
        rules, faults = parse_rules(raw[0].decode("utf-8-sig", "surrogateescape").splitlines())
        for line, message in faults:
            self.mistakes.about(os.path.join(self.tree.shown, path), message, line)
        return rules

    def visit_all(self, directory: _Directory, entries: list[os.DirEntry[str]]) -> None:
        for entry in entries:
            self.visit(directory, entry)
            if self.enough:
                return

    def visit(self, directory: _Directory, entry: os.DirEntry[str]) -> None:
        name = entry.name
        if is_left_out(name):
            if name in BOOKKEEPING:
                self.observe(directory, entry)
            return
        path = directory.path + name
        is_directory = _is_directory(entry)
        tree = self.tree
        included = not tree.include or self.is_included(directory, path, is_directory)
        patterned = tree.exclude or directory.levels
        ignored = patterned and self.is_ignored(directory, path, is_directory)
        if ignored or not (included or is_directory):
            self.pass_over(directory, entry, is_directory)
            return
        if not name.isascii() and not _is_utf8(name):
            self.fault(path, "a name that is not UTF-8: rename it, or leave it out")
            return
        link = ""
        if entry.is_symlink():
            link = self.follow(directory, path, is_directory)
            if not link:
                # Whether it goes wrong, or leads to a file of ours, is to be looked at each time.
                self.observed.settled = False
                return
        if is_directory:
            self.observed.directory(name, link)
            real = link or f"{directory.real.rstrip('/')}/{name}"
            below = _Directory(path + "/", real, directory, directory.levels, included)
            self.pending.append(below)
        else:
            self.take(path, entry, link)

    def pass_over(self, directory: _Directory, entry: os.DirEntry[str], is_directory: bool) -> None:
        folder = os.path.join(self.tree.root, directory.path)
        self.observed.pass_over(entry, folder, is_directory=is_directory)

    def observe(self, directory: _Directory, entry: os.DirEntry[str]) -> None:
        """Note what is no part of the tree itself, but decides what is."""
        link = ""
        if entry.is_symlink():
            link = os.path.realpath(os.path.join(self.tree.root, directory.path, entry.name))
        try:
            status = entry.stat()
        except OSError:
            # What is wrong is found, and told, where it is read.
            self.observed.settled = False
            return
        self.observed.file(entry.name, link, status)
        self.observed.settled &= settled(status, self.moment)

    def is_ignored(self, directory: _Directory, path: str, is_directory: bool) -> bool:
        if self.tree.exclude and decide(self.tree.exclude, path, is_directory):
            return True
        for start, rules in directory.levels:
            said = decide(rules, path[start:], is_directory)
            if said is not None:
                return said
        return False

    def is_included(self, directory: _Directory, path: str, is_directory: bool) -> bool:
        said = decide(self.tree.include, path, is_directory)
        return directory.included if said is None else said

    def follow(self, directory: _Directory, path: str, is_directory: bool) -> str:
        """Where a link leads; empty if it leads to a left-out file, or goes wrong: a mistake."""
        link = os.path.join(self.tree.root, path)
        try:
            real = os.path.realpath(link, strict=True)
        except FileNotFoundError:
            if os.path.realpath(link) in self.left_out:
                return ""
            self.fault(path, "a link that leads nowhere: remove it, or leave it out")
            return ""
        except OSError as error:
            self.fault(path, os_fault(error))
            return ""
        if real in self.left_out and not is_directory:
            return ""
        if not inside(real, self.real_root):
            self.fault(path, "a link out of the tree: copy the file into it, or leave it out")
            return ""
        if is_directory and any(inside(above.real, real) for above in _upwards(directory)):
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
        if not self.observed.by_status and entry.is_file(follow_symlinks=False):
            self.found.append(Found(path))
            return
        try:
            status = entry.stat()
        except OSError as error:
            self.fault(path, os_fault(error))
            return
        if not stat.S_ISREG(status.st_mode):
            self.fault(path, "a FIFO, socket or device: remove it, or leave it out")
            return
        mark = signature(status, self.tree.encoding)
        is_settled = settled(status, self.moment)
        self.observed.file(entry.name, link, status)
        self.observed.settled &= is_settled
        self.found.append(Found(path, status.st_size, mark, is_settled))


def _upwards(directory: _Directory | None) -> Iterator[_Directory]:
    while directory:
        yield directory
        directory = directory.parent


def _is_directory(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        # What is wrong is found, and told, when it is followed or read.
        return False


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
