"""Files that kvsync has written for itself: of any call: they are part of no source."""

import json
import os
import re
from io import BytesIO

from kvsync.model.files import open_regular

OURS = "a file that kvsync keeps for itself: it is part of no source, leave it out"

_SQLITE = b"SQLite format 3\0"
_APPLICATION = slice(68, 72)
APPLICATIONS = frozenset({b"kvsy", b"kvem"})
"""What stands in the header of a state, and of an emulator's data."""

_LONGEST = 1 << 16
"""Bytes of a file that tell what it is."""
_LIST = b"kvsync-failures"
_BRACE = re.compile(rb"(?:\xef\xbb\xbf)?\s*\{")
_HOLDER = {"pid", "host", "since"}
_ENDINGS = ("-journal", "-wal", "-shm", ".lock", ".holder", ".tls.pem", ".ca.pem")
_BESIDE = re.compile(
    r"(.+?)(?:\.(?:damaged-[0-9]{8}T[0-9]{6}(?:-[0-9]+)?|new-[0-9a-f]{8}))?"
    r"(-journal|-wal|-shm|\.lock|\.holder|\.tls\.pem|\.ca\.pem)?",
    re.DOTALL,
)


def is_ours(path: str, head: bytes) -> bool:
    """Return whether the file, which begins with ``head``, is a state, an emulator's data or a list
    of failures, or one of those that such a file has beside it.

    Its content tells, or that of the file which its name says it belongs to.
    """
    return _is_known(head) or _is_beside(path, head)


def head_of(path: str) -> bytes:
    """Return what a regular file begins with; nothing of what is none, or cannot be read."""
    try:
        with open_regular(path) as file:
            return file.read(_LONGEST)
    except OSError:
        return b""


def _is_known(head: bytes) -> bool:
    if head.startswith(_SQLITE):
        return head[_APPLICATION] in APPLICATIONS
    if not _BRACE.match(head) or head.find(_LIST, 0, _LONGEST) < 0:
        return False
    from kvsync.formats.failure_file import find_header

    return find_header(BytesIO(head)) is not None


def _is_beside(path: str, head: bytes) -> bool:
    # Few files have such a name, and each that is read comes by here.
    if not (path.endswith(_ENDINGS) or ".damaged-" in path or ".new-" in path):
        return False
    folder, name = os.path.split(path)
    match = _BESIDE.fullmatch(name)
    if not match or match[1] == name:
        return False
    if match[2] == ".holder" and _is_holder(head):
        return True
    first = os.path.join(folder, match[1])
    if _is_known(head_of(first)):
        return True
    # A lock whose state is gone, or never came into being.
    return match[2] == ".lock" and not head and _is_holder(head_of(f"{first}.holder"))


def _is_holder(head: bytes) -> bool:
    try:
        found = json.loads(head)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and found.keys() == _HOLDER
