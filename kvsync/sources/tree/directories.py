"""Directories on the way down a tree, and what their entries are."""

import os
from collections.abc import Iterator
from typing import NamedTuple

from kvsync.sources.tree.patterns import Rules


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
    """Whether a real path is ``root`` or lies in it."""
    return real == root or real.startswith(root.rstrip("/") + "/")


def upwards(directory: Directory | None) -> Iterator[Directory]:
    """The directory, and all that it lies in."""
    while directory:
        yield directory
        directory = directory.parent


def is_surely_directory(entry: os.DirEntry[str]) -> bool:
    """Whether it is a directory, or a link to one."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def may_be_link(entry: os.DirEntry[str]) -> bool:
    """Whether it is a link, or nobody can tell: who follows it finds out what is wrong."""
    try:
        return entry.is_symlink()
    except OSError:
        return True


def is_utf8(name: str) -> bool:
    """Whether a name or path that the system gave is text: its bytes are UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
