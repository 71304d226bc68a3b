"""A manifest's bytes, from its file or through a pipe, and whose keys those of a pipe are."""

import os
import sys
from typing import IO

from kvsync.model.errors import UsageError
from kvsync.model.limits import MAX_MANIFEST_SIZE
from kvsync.model.text import printable
from kvsync.sources.options import SourceOptions

STDIN = "-"

_OF_A_PROCESS = ("/dev/stdin", "/dev/fd/", "/proc/")
"""What is there may be files, but other ones the next time."""


def is_piped(path: str) -> bool:
    """Return whether what is read from there has no place of its own: it cannot be read a second
    time.
    """
    if path == STDIN or os.path.abspath(path).startswith(_OF_A_PROCESS):
        return True
    return os.path.exists(path) and not os.path.isfile(path)


def read_manifest(path: str) -> bytes:
    """Return the bytes of the file or of stdin, one more than a manifest may have at most.

    Raises `OSError`.
    """
    if path == STDIN:
        # None: closed by the parent process, which is nothing at all.
        return _read(sys.stdin.buffer) if sys.stdin else b""
    with open(path, "rb", buffering=0) as file:
        return _read(file)


def _read(file: IO[bytes]) -> bytes:
    parts = []
    left = MAX_MANIFEST_SIZE + 1
    while left > 0 and (part := file.read(min(left, 2**20))):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def name_of_piped(path: str, name: str, options: SourceOptions, *, named: bool) -> str:
    """Return the owner of what came through a pipe: the manifest's ``name``, or else the command
    line's.

    ``named``: the manifest has a name, which may be none that is legal. Raises `UsageError`.
    """
    given = options.name or ""
    if given and name and given != name and "name" not in options.from_environment:
        raise UsageError(
            f"--name: {printable(path)} has another name: in it: leave one of them out"
        )
    if not (given or named):
        raise UsageError(
            f"{printable(path)} is no file: say with name: in it, or with --name NAME, whose keys"
            " these are"
        )
    return name or given
