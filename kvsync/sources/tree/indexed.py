"""A tree that ``kvsync export`` wrote: its index says which file holds which key."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from kvsync.formats.filenames import INDEX_NAME, TEMPORARY, file_name
from kvsync.model.errors import InputError
from kvsync.model.values import NEVER, Expiry
from kvsync.sources.files import os_fault
from kvsync.sources.mistakes import Mistakes
from kvsync.sources.options import Tree
from kvsync.sources.tree.selection import inside
from kvsync.sources.tree.walk import Found

if TYPE_CHECKING:
    from kvsync.formats.folder_index import Index

_UNFINISHED = "the export did not finish: run the same kvsync export again"
_UNKNOWN = (
    "not in the index of this exported directory: take the file away, "
    f"or remove {INDEX_NAME} to read this as an ordinary folder"
)
_MISSING = (
    "no such file, although the index names it: run the same kvsync export again, "
    f"or remove {INDEX_NAME} to read this as an ordinary folder"
)


def keys_of(
    tree: Tree, files: list[Found], mistakes: Mistakes
) -> Iterator[tuple[Found, str, Expiry]]:
    """Yield each file with its key, the tree's prefix in front, and its expiry.

    A file that the index does not know is a mistake, as is one that it names and that is not there,
    and an index that is not whole.
    """
    index = _read(tree, mistakes)
    if index is None:
        return
    keys = {file_name(key): key for key in index.expires}
    for found in files:
        key = keys.pop(found.path, None)
        if key is not None:
            at = index.expires[key]
            yield found, tree.prefix + key, Expiry(at=at) if at else NEVER
        elif not found.path.startswith(TEMPORARY):
            place = os.path.join(tree.shown, found.path)
            mistakes.among(tree.shown, place, _UNKNOWN, _UNKNOWN.partition(":")[0])
    for name in keys:
        # What is there was left out by the tree's patterns, or is a mistake already.
        if not os.path.lexists(os.path.join(tree.root, name)):
            place = os.path.join(tree.shown, name)
            mistakes.among(tree.shown, place, _MISSING, _MISSING.partition(":")[0])


def _read(tree: Tree, mistakes: Mistakes) -> "Index | None":
    from kvsync.formats.folder_index import read_index

    shown = os.path.join(tree.shown, INDEX_NAME)
    path = os.path.realpath(os.path.join(tree.root, INDEX_NAME))
    if not inside(path, os.path.realpath(tree.root)):
        mistakes.about(shown, "a link out of the tree: copy the file into it, or remove it")
        return None
    try:
        # A FIFO must not stop the run; it is no index.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            index = read_index(file, shown)
    except OSError as error:
        mistakes.about(shown, os_fault(error))
        return None
    except InputError as error:
        for told in error.mistakes:
            mistakes.about(told.origin, told.message, told.line)
        return None
    if index.complete:
        return index
    mistakes.about(shown, _UNFINISHED)
    return None
