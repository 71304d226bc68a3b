"""The names of the files in an exported directory."""

import hashlib
import re

INDEX_NAME = ".kvsync-index"
TEMPORARY = ".kvsync-new."
"""What the name of a file that is still being written starts with. No key's file has a dot."""

_MAX_NAME = 200
"""Bytes. Common file systems take 255; the rest is for what others put before or behind."""

_TO_ESCAPE = re.compile(rb"[^a-z0-9-]")
_TOKENS = re.compile(r"(?:[a-z0-9-]|__|_[0-9a-f]{2})*")
_SPECIAL = re.compile(r"-|(?:con|prn|aux|nul|(?:com|lpt)[0-9])$")
"""What a command would take for an option, and Windows for a device."""

_CUT_MARK = "_-"
_DIGEST_LENGTH = 40


def file_name(key: str) -> str:
    """Return the plain name, safe on every common file system, of the file that holds a key's
    value.

    Lower-case letters, digits and ``-`` stay, ``_`` becomes ``__``, every other UTF-8 byte ``_``
    and two lower-case hex digits; so does the first character of a name that starts with ``-`` or
    is that of a Windows device. A name over 200 bytes is cut and completed with ``_-`` and 40 hex
    digits of the key's SHA-256. Different keys have different names also where case is ignored.

    Raises `UnicodeEncodeError` (a `ValueError`) for a lone surrogate.
    """
    data = key.encode()
    name = _TO_ESCAPE.sub(_escape_byte, data).decode("ascii")
    if _SPECIAL.match(name):
        name = f"_{ord(name[0]):02x}{name[1:]}"
    if len(name) <= _MAX_NAME:
        return name
    room = _MAX_NAME - len(_CUT_MARK) - _DIGEST_LENGTH
    # Half an escape before the mark could be read as a whole one with it.
    whole = _TOKENS.match(name[:room])
    digest = hashlib.sha256(data).hexdigest()[:_DIGEST_LENGTH]
    return f"{whole[0] if whole else ''}{_CUT_MARK}{digest}"


def _escape_byte(match: re.Match[bytes]) -> bytes:
    return b"__" if match[0] == b"_" else b"_%02x" % match[0][0]
