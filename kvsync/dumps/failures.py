"""The first line of a file of pairs that a run could not deliver.

The file is JSON Lines: after the header a line per pair, which reads like any other, and says
beside the pair what went wrong.
"""

from msgspec import DecodeError, Struct, ValidationError, json

__all__ = ["BOOKKEEPING", "VERSION", "FailureHeader", "header_line", "read_header"]

VERSION = 1
_FORMAT = "kvsync-failures"

BOOKKEEPING = ("action", "outcome", "code", "message", "request_id", "attempts", "origin")
"""Fields of a line that say nothing of the pair."""


class FailureHeader(Struct, frozen=True):
    """Where the pairs belong: of a newer version nothing but its number is understood."""

    format: str = _FORMAT
    version: int = VERSION
    owner: str = ""
    zone: str = ""
    namespace: str = ""
    endpoint: str = ""
    home: str = ""


class _Start(Struct):
    format: str
    version: int


def header_line(header: FailureHeader) -> bytes:
    """The line, with its end."""
    return json.encode(header) + b"\n"


def read_header(line: bytes) -> FailureHeader | None:
    """The header that this line is, or None if it is something else."""
    try:
        start = json.decode(line, type=_Start)
        if start.format != _FORMAT:
            return None
        if start.version != VERSION:
            return FailureHeader(version=start.version)
        return json.decode(line, type=FailureHeader)
    except (DecodeError, ValidationError, UnicodeDecodeError, RecursionError):
        return None
