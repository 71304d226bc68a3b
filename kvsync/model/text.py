"""Durations, times and sizes, from text and back to text; and text that is safe to print."""

import re
from datetime import datetime
from typing import NamedTuple

_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_DURATION = re.compile(r"(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?", re.ASCII)
_SECONDS = re.compile(r"\d{1,12}", re.ASCII)


class Position(NamedTuple):
    """A place in a text, as editors count; both from 1."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"line {self.line}" + (f", column {self.column}" if self.column > 1 else "")


def parse_duration(text: str) -> int:
    """Seconds from ``3600``, ``90s``, ``15m``, ``1h30m`` or ``7d``.

    Raises `ValueError`, with a message that does not repeat the text.
    """
    if _SECONDS.fullmatch(text):
        return int(text)
    match = _DURATION.fullmatch(text)
    if not text or not match:
        raise ValueError("not a duration: write seconds, or 90s, 15m, 1h30m, 7d")
    return sum(int(n) * unit for n, unit in zip(match.groups(), _UNITS.values(), strict=True) if n)


def duration_text(seconds: float) -> str:
    """Return a duration for people: the two largest units that say something (``1h 30m``, ``0.4
    s``).
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    rest = round(seconds)
    parts = []
    for unit, length in _UNITS.items():
        count, rest = divmod(rest, length)
        if count:
            parts.append(f"{count}{unit}")
        elif parts:
            break
    return " ".join(parts[:2])


def parse_time(text: str) -> int:
    """Unix seconds from Unix seconds or an ISO 8601 time with a zone (RFC 3339 and its kin).

    Raises `ValueError`, with a message that does not repeat the text.
    """
    if _SECONDS.fullmatch(text):
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("not a time: write 2026-12-31T23:59:59Z or Unix seconds") from None
    if moment.tzinfo is None:
        raise ValueError("a time without a zone: add Z or +08:00")
    return int(moment.timestamp())


def size_text(size: int) -> str:
    """Return a size for people: ``512 B``, ``1.4 KiB``, ``3.0 MiB``."""
    if size < 1024:
        return f"{size} B"
    amount = float(size)
    unit = "B"
    for unit in ("KiB", "MiB", "GiB"):  # noqa: B007 - the last one is the answer
        amount /= 1024
        if amount < 1024:
            break
    return f"{amount:.1f} {unit}"


def count_text(count: int, noun: str, plural: str = "") -> str:
    """``1 key``, ``2 keys``, ``1,000 retries``; the plural is the noun and an s unless given."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {plural or f'{noun}s'}"


def printable(text: str) -> str:
    """Return the text with everything escaped that a terminal would obey, hide or choke on.

    Control, bidi-control and other format characters, separators other than the space, lone
    surrogates and unassigned characters become ``\\xNN``, ``\\uNNNN`` or ``\\UNNNNNNNN``. Applied
    twice, it changes nothing more.
    """
    return text if text.isprintable() else "".join(map(_visible, text))


def _visible(character: str) -> str:
    if character.isprintable():
        return character
    code = ord(character)
    if code > 0xFFFF:
        return f"\\U{code:08x}"
    return f"\\u{code:04x}" if code > 0xFF else f"\\x{code:02x}"
