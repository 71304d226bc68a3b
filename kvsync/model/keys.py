"""Legal keys, and how a path becomes one."""

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

from kvsync.model.api import MAX_KEY_LENGTH

_NOT_STRICT = re.compile(r"[^A-Za-z0-9_-]")
_JOINED = re.sub(rb"[^A-Za-z0-9_-]", b"_", bytes(range(256)))
"""What `bytes.translate` makes of each byte."""
_LEGAL = re.compile(rf"[A-Za-z0-9_-]{{1,{MAX_KEY_LENGTH}}}")
_TO_ESCAPE = re.compile(rb"[^A-Za-z0-9-]")
_ESCAPED = re.compile(rb"(?:[A-Za-z0-9-]|__|_[0-9a-f]{2})*")
_ESCAPE = re.compile(rb"__|_([0-9a-f]{2})")


def check_key(key: str, charset: str) -> str:
    """Return what is wrong with a key, as words that follow "the key …"; empty if nothing is.

    ``charset`` is ``strict`` (letters, digits, ``-`` and ``_``) or ``utf-8``.
    """
    if _LEGAL.fullmatch(key):
        return ""
    if not key:
        return f"is empty: a key has 1 to {MAX_KEY_LENGTH} characters"
    if len(key) > MAX_KEY_LENGTH:
        return f"has {len(key)} characters: EdgeKV takes at most {MAX_KEY_LENGTH}"
    if charset == "strict":
        return (
            "has other characters than letters, digits, - and _: "
            "change it, or allow every character, as the service does since mid-2026, with charset:"
            " utf-8 (or --charset utf-8)"
        )
    try:
        key.encode()
    except UnicodeEncodeError:
        return "is not valid Unicode: change it"
    return ""


def matches(key: str, patterns: Iterable[str]) -> bool:
    """Return whether the key is like one of these shell patterns."""
    return any(fnmatchcase(key, pattern) for pattern in patterns)


def join_key(path: str, charset: str = "strict") -> str:
    """Return the path with ``/`` and every character that is illegal in a key turned into ``_``.

    Different paths may meet in one key: its caller looks for that.
    """
    if charset != "strict":
        return path.replace("/", "_")
    if path.isascii():
        # In a third of the time.
        return path.encode().translate(_JOINED).decode()
    return _NOT_STRICT.sub("_", path)


def escape_key(path: str) -> str:
    """Return a strict key from which `unescape_key` gives the path back.

    Letters, digits and ``-`` stay, ``_`` becomes ``__``, every other UTF-8 byte ``_`` and two
    lower-case hex digits. Raises `UnicodeEncodeError` (a `ValueError`) for a lone surrogate.
    """
    return escape_bytes(path.encode())


def escape_bytes(name: bytes) -> str:
    """Do as `escape_key`, of a name that need not be UTF-8."""
    return _TO_ESCAPE.sub(_escape_byte, name).decode("ascii")


def _escape_byte(match: re.Match[bytes]) -> bytes:
    return b"__" if match[0] == b"_" else b"_%02x" % match[0][0]


def unescape_key(key: str) -> str:
    """Return the path that `escape_key` made this key of.

    Raises `ValueError` for a key that `escape_key` does not make.
    """
    data = key.encode()
    if _ESCAPED.fullmatch(data):
        path = _ESCAPE.sub(_unescape_byte, data)
        if _TO_ESCAPE.sub(_escape_byte, path) == data:
            return path.decode()
    raise ValueError("not an escaped key")


def _unescape_byte(match: re.Match[bytes]) -> bytes:
    return bytes.fromhex(match[1].decode()) if match[1] else b"_"


def path_key(path: str) -> str:
    """Return the relative path as it is."""
    return path
