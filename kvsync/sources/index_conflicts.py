"""Options beside an exported directory, whose index may say something else."""

import os
from collections.abc import Iterable, Mapping

from kvsync.formats.filenames import INDEX_NAME, file_name
from kvsync.model.errors import InputError
from kvsync.model.keys import check_key, escape_key, join_key, path_key
from kvsync.sources.manifest.expiry import parse_ttl

TOLD_BY_INDEX = ("charset", "encoding", "extension", "key", "ttl")
"""The settings of a tree that an index of an exported directory decides."""

_PLAIN = {"charset": ("utf-8",), "encoding": ("text", "auto"), "extension": ("keep",)}
"""What every index says: any key, values that are text, keys as they were."""


def contradicting(root: str, said: Mapping[str, str]) -> list[str]:
    """Return which of these settings say something else than the index in ``root``.

    One that cannot be read is told of where it is read.
    """
    open_ones = [name for name, value in said.items() if value not in _PLAIN.get(name, ())]
    if not open_ones:
        return []
    from kvsync.formats.folder_index import read_index

    try:
        path = os.path.join(root, INDEX_NAME)
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            expires = read_index(file, INDEX_NAME).expires
    except (OSError, InputError):
        return open_ones
    return [name for name in open_ones if not _is_same(name, said[name], expires)]


def _is_same(name: str, value: str, expires: Mapping[str, int]) -> bool:
    if name == "ttl":
        return not any(expires.values()) and _is_never(value)
    if name == "charset":
        return not any(check_key(key, value) for key in expires)
    if name == "extension":
        return not any(os.path.splitext(key)[1] for key in expires)
    return name == "key" and _makes(value, expires)


def _is_never(ttl: str) -> bool:
    try:
        return not parse_ttl(ttl).ttl
    except ValueError:
        return False


def _makes(style: str, keys: Iterable[str]) -> bool:
    """Return whether these keys are what the style makes of the names of their files."""
    key_of = {"join": join_key, "escape": escape_key}.get(style, path_key)
    return all(key_of(file_name(key)) == key for key in keys)
