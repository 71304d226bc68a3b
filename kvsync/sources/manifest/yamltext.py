"""A manifest's bytes on their way to the parser, which knows YAML 1.1 and no JSON.

To YAML 1.1 three characters end a line that end none in any editor, and half of a surrogate pair is
no character, though JSON writes 😀 as ``\\ud83d\\ude00``. Both are changed beforehand in such a way
that all that follows keeps its line and column.
"""

import re
from bisect import bisect_left
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Iterable
from itertools import islice
from typing import NamedTuple

from kvsync.model.errors import InputError, Mistake
from kvsync.model.text import Position

_NO_BREAKS = ("\x85", "\u2028", "\u2029")
"""What ends a line in YAML 1.1, and is a character like any other in YAML 1.2 and JSON."""
_PRIVATE = range(0xE000, 0xF900)
"""Code points that mean nothing."""
_WRITTEN = re.compile(r"\\(?:u|U0000)([0-9a-fA-F]{4})")
_BREAK = re.compile(r"\r\n|\r|\n")
_HALF = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_ESCAPE = re.compile(
    r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})"
    r"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\.",
    re.DOTALL,
)
_SPACE = r"\u0020"
_LONE = "half of a surrogate pair: write both halves, or the character itself"
_FOREIGN = re.compile(
    r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_CALLED = {0: " (NUL)", 0x1B: " (ESC)", 0x7F: " (DEL)", 0xFEFF: " (a byte order mark)"}
_NOT_UTF8 = "not a text file in UTF-8: save it as UTF-8"
_MOST = 10

Span = tuple[int, int]
"""Where something begins and ends, in characters."""


class Prepared(NamedTuple):
    """The text for the parser, and each character that another one stands in for, with that."""

    data: bytes
    stand_ins: "list[tuple[str, str]]"


def prepare(data: bytes, origin: str, quoted: Callable[[bytes], Iterable[Span]]) -> Prepared:
    """Return the bytes that the parser understands, and reads as they are meant.

    ``quoted`` finds the scalars in double quotes. Raises `InputError` that names ``origin``, and
    what ``quoted`` raises.
    """
    if data.startswith((BOM_UTF16_BE, BOM_UTF16_LE)):
        data = _decoded(data, "utf-16", origin).encode()
    data = data.removeprefix(BOM_UTF8)
    if BOM_UTF8 in data:
        raise InputError(*fault_in(data, origin))
    halves = rb"\u" in data and re.search(_HALF.pattern.encode(), data)
    breaks = [each for each in _NO_BREAKS if each.encode() in data]
    if not (halves or breaks):
        return Prepared(data, [])
    text = _decoded(data, "utf-8", origin)
    stand_ins = _stand_ins(breaks, text, origin)
    for each, stand_in in stand_ins:
        text = text.replace(each, stand_in)
    if halves:
        text = _paired(text, origin, quoted)
    return Prepared(text.encode(), stand_ins)


def _decoded(data: bytes, encoding: str, origin: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        raise InputError(*fault_in(data, origin)) from None


def _stand_ins(breaks: list[str], text: str, origin: str) -> list[tuple[str, str]]:
    """With each of these characters one that the text does not have, in any way to write it."""
    used = {ord(each) for each in set(text)}
    used |= {int(match[1], 16) for match in _WRITTEN.finditer(text)}
    unused = (code for code in _PRIVATE if code not in used)
    found = list(zip(breaks, map(chr, unused), strict=False))
    for each in breaks[len(found) :]:
        place = _place(text, text.index(each))
        raise InputError([Mistake(_advice(ord(each), origin), origin, *place)])
    return found


def _paired(text: str, origin: str, quoted: Callable[[bytes], Iterable[Span]]) -> str:
    """Return the text with pairs of escapes as one, where they are escapes: in double quotes."""
    at = [match.start() for match in _HALF.finditer(text)]
    # As long as it was, and nothing that the parser would refuse.
    spans = quoted(_HALF.sub(lambda _: _SPACE, text).encode())
    lone: list[int] = []
    parts = []
    done = 0
    for start, end in spans:
        first = bisect_left(at, start)
        if first == len(at) or at[first] >= end:
            continue
        parts += [text[done:start], *_escapes(text, start, end, lone)]
        done = end
    if lone:
        mistakes = [Mistake(_LONE, origin, *_place(text, place)) for place in lone[:_MOST]]
        raise InputError(mistakes, len(lone[_MOST:]))
    return "".join([*parts, text[done:]])


def _escapes(text: str, start: int, end: int, lone: list[int]) -> list[str]:
    """Return a scalar in double quotes with pairs as one escape, in parts; ``lone`` gets where
    halves are.

    What follows it keeps its column: an escape in place of two is shorter by two characters.
    """
    parts = []
    done = start
    last_line = max(text.rfind("\n", start, end), text.rfind("\r", start, end))
    padding = ""
    for match in _ESCAPE.finditer(text, start, end):
        high, low, half = match.groups()
        if half:
            lone.append(match.start())
        elif high:
            code = 0x10000 + ((int(high, 16) - 0xD800) << 10) + int(low, 16) - 0xDC00
            parts += [text[done : match.start()], f"\\U{code:08x}"]
            done = match.end()
            padding += "  " if match.start() > last_line else ""
    return [*parts, text[done:end], padding]


def fault_in(data: bytes, origin: str) -> tuple[list[Mistake], int]:
    """Return what the parser refuses in these bytes, and how many more times there is such a
    thing.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        before = data[: error.start].decode(errors="replace")
        return [Mistake(_NOT_UTF8, origin, *_place(before, len(before)))], 0
    if text.count("\0") * 3 > len(text):
        # UTF-16 that does not say so.
        return [Mistake(_NOT_UTF8, origin, *_place(text, text.index("\0")))], 0
    found = _FOREIGN.finditer(text)
    mistakes = [
        Mistake(_advice(ord(match[0]), origin), origin, *_place(text, match.start()))
        for match in islice(found, _MOST)
    ]
    return mistakes, sum(1 for _ in found)


def _advice(code: int, origin: str) -> str:
    escape = f"\\x{code:02x}" if code < 0x100 and not origin.endswith(".json") else f"\\u{code:04x}"
    return (
        f"U+{code:04X}{_CALLED.get(code, '')} cannot stand here as it is: take it away, or write"
        f' it as "{escape}", in double quotes'
    )


def last_place(data: bytes) -> Position:
    """Return where the text ends: the parser takes that for a line of its own."""
    text = data.decode(errors="replace")
    return _place(text, len(text))


def _place(text: str, index: int) -> Position:
    line, begin = 1, 0
    for match in _BREAK.finditer(text, 0, index):
        line, begin = line + 1, match.end()
    return Position(line, index - begin + 1)
