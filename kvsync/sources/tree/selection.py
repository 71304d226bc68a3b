"""Which entries of a directory belong to a tree."""

import os
import re
from collections.abc import Iterator
from typing import NamedTuple

from kvsync.formats.filenames import INDEX_NAME
from kvsync.sources.options import Tree
from kvsync.sources.tree.patterns import Rules, decide, matching


class Directory(NamedTuple):
    """A directory on the way down.

    ``path`` is relative and ends with a slash (the root's is empty); ``real`` has no links in it;
    ``levels`` are the ignore files above, the nearest first, each with the length of its path.
    ``besides``: what is in it is left out unless a pattern names it.
    """

    path: str
    real: str
    parent: "Directory | None"
    levels: tuple[tuple[int, Rules], ...]
    included: bool
    besides: bool = False


def inside(real: str, root: str) -> bool:
    """Return whether a real path is ``root`` or lies in it."""
    return real == root or real.startswith(root.rstrip("/") + "/")


def upwards(directory: Directory | None) -> Iterator[Directory]:
    """Yield the directory, and all that it lies in."""
    while directory:
        yield directory
        directory = directory.parent


def is_surely_directory(entry: os.DirEntry[str]) -> bool:
    """Return whether it is a directory, or a link to one."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def may_be_link(entry: os.DirEntry[str]) -> bool:
    """Return whether it is a link, or no one can tell: who follows it finds out what is wrong."""
    try:
        return entry.is_symlink()
    except OSError:
        return True


def is_utf8(name: str) -> bool:
    """Return whether a name or path that the system gave is text: its bytes are UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


IGNORE_FILE = ".kvsyncignore"

BOOKKEEPING = frozenset({IGNORE_FILE, INDEX_NAME})
"""Left out themselves, they decide what becomes of others."""

_LEFT_OUT = BOOKKEEPING | {".git", ".hg", ".svn", ".kvsync", ".DS_Store", "Thumbs.db"}
# vim's swap files, emacs' locks and auto-saves, LibreOffice's locks.
_SWAP = re.compile(r"\..*\.sw[a-p]|\.#.*|#.*#|\.~lock\..*#", re.DOTALL)
_UNUSUAL = frozenset(".#T")
"""What all these names begin with."""


def is_left_out(name: str) -> bool:
    """Return whether the name is one of version control, of a desktop, an editor, a mount, or
    ours.
    """
    if name[0] not in _UNUSUAL:
        return False
    return name in _LEFT_OUT or name.startswith("..") or _SWAP.fullmatch(name) is not None


# Secrets; what macOS, NFS and Windows lay beside files; editors' backups.
_DOTTED = re.compile(r"\.(?=env|nfs)|\._")
_BESIDES = frozenset(".dD")
"""What the names begin with that do not end in a tilde."""
_SETTINGS = "desktop.ini"


def is_besides(name: str) -> bool:
    """Return whether the name is one of what lies besides in folders, and is sent if a pattern
    names it.

    These are ``.env*``, ``._*``, ``.nfs*``, ``desktop.ini`` and ``*~``.
    """
    if name[-1] == "~":
        return True
    if name[0] not in _BESIDES:
        return False
    return _DOTTED.match(name) is not None or name.lower() == _SETTINGS


def plain_name(name: str) -> str:
    """Return the name without what makes it one of those; a pattern that takes it, too, names
    neither.
    """
    if not is_besides(name):
        return name
    if name[-1] == "~":
        return name[:-1] or "x"
    return "x.ini" if name.lower() == _SETTINGS else _DOTTED.sub("", name, count=1) or "x"


def is_ignored(tree: Tree, directory: Directory, path: str, is_directory: bool) -> bool:
    """Return whether the path is excluded, or an ignore file names it; the nearest one decides."""
    if tree.exclude and decide(tree.exclude, path, is_directory):
        return True
    for start, rules in directory.levels:
        said = decide(rules, path[start:], is_directory)
        if said is not None:
            return said
    return False


def is_included(tree: Tree, directory: Directory, path: str, is_directory: bool) -> bool:
    """Return whether ``include`` names the path, or else a directory that it is in."""
    said = decide(tree.include, path, is_directory)
    return directory.included if said is None else said


def is_named(tree: Tree, directory: Directory, path: str, is_directory: bool) -> bool:
    """Return whether ``include`` or a ``!`` names what is left out of a tree unless it is named.

    ``*`` and ``*.json`` do not: they were written for the files beside which ``._a.json`` lies.
    """
    plain = "/".join(map(plain_name, path.split("/")))

    def names(rules: Rules, start: int, *, matches: bool) -> bool:
        below = path[start:]
        others = plain.split("/", path.count("/", 0, start))[-1]
        chosen = [rule for rule in rules if rule.matches is matches]
        return any(
            not matching(rule, others, is_directory)
            for rule in chosen
            if matching(rule, below, is_directory)
        )

    return (
        names(tree.include, 0, matches=True)
        or names(tree.exclude, 0, matches=False)
        or any(names(rules, start, matches=False) for start, rules in directory.levels)
    )
