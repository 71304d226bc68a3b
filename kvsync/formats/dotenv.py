"""``.env`` files: ``NAME=value`` lines, as python-dotenv reads them.

It knows no backticks, which Node's dotenv takes for quotes: those are read as that does.
"""

import io
import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

from kvsync.formats.decoder import Utf8
from kvsync.formats.format import Format
from kvsync.formats.record import Fault, Item, Layout, Note, Record

if TYPE_CHECKING:
    from dotenv.parser import Binding, Reader

_MAX_SIZE = 2**20
"""Bytes: the file is read whole."""

_MOST_LINES = 50_000
"""The parser takes 50 µs for a name."""

_NAMED = re.compile(r"\.env(?![A-Za-z])|.*\.env$")
"""Not ``.envrc``, which is a script."""

_BLANK = re.compile(r"\s*")
_LINE_END = re.compile(r"\r\n|\n|\r")
_FIRST_LINE = re.compile(r"\s*[^\n]*\n?")
_NAME = r"\s*(?:export[^\S\n]+)?(?:'([^']+)'|([^=#'\s][^=#\s]*))[^\S\n]*=[^\S\n]*"
_BACKTICK = re.compile(_NAME + "`")
# A backtick behind a backslash ends the value only where none without one does.
_BACKTICKED = re.compile(_NAME + r"`((?:[^`\\]++|\\`|\\)*)`[^\S\n]*(?:#[^\n]*)?(?:\n|\Z)")
_GAP = re.compile(r"\s{1024}")
"""The parser's time grows with the square of such a gap."""


def read(file: BinaryIO, layout: Layout) -> Iterator[Item]:  # noqa: ARG001 - it has no columns
    """Yield a pair for each name; ``${NAME}`` in a value stays as it is."""
    source = Utf8(file)
    text = source.read(_MAX_SIZE + 1)
    if source.fault:
        yield Fault(_line(text, len(text)), source.fault)
    elif len(text) > _MAX_SIZE:
        yield Fault(1, "more than 1 MiB: use another format, jsonl for one")
    elif text.count("\n") > _MOST_LINES:
        yield Fault(1, f"more than {_MOST_LINES:,} lines: use another format, jsonl for one")
    elif gap := _GAP.search(text):
        yield Fault(_line(text, gap.start()), "over 1,000 spaces in a row: use another format")
    else:
        yield from _pairs(text)


def _line(text: str, end: int) -> int:
    return 1 + len(_LINE_END.findall(text, 0, end))


def _pairs(text: str) -> Iterator[Item]:
    from dotenv.parser import Reader, parse_binding

    # Both tools read a file with one kind of line end, no matter what it has.
    reader = Reader(io.StringIO(text, newline=None))
    items: list[Item] = []
    while reader.has_next():
        items = [*_items(_backticked(reader) or parse_binding(reader))]
        yield from items
    last = items[0] if items else None
    unended = "\n" in reader.string and reader.string[-1:] not in {"\n", '"', "'", "`"}
    if isinstance(last, Record) and unended:
        where = f"the last line (line {last.line})"
        yield Note(f"{where} has no line end, as all before it have: is the file whole?")


def _backticked(reader: "Reader") -> "Binding | None":
    """Return a name and its value in backticks, if that is what comes next."""
    from dotenv.parser import Binding

    begun = reader.position.chars
    if not _BACKTICK.match(reader.string, begun):
        return None
    reader.set_mark()
    found = _BACKTICKED.match(reader.string, begun)
    if not found:
        reader.read_regex(_FIRST_LINE)
        return Binding(None, None, reader.get_marked(), error=True)
    reader.read(found.end() - begun)
    quoted, plain, value = found.groups()
    return Binding(quoted or plain, value, reader.get_marked(), error=False)


def _items(binding: "Binding") -> Iterator[Item]:
    original = binding.original
    # The blank lines before a binding are part of it.
    blank = _BLANK.match(original.string)
    line = original.line + len(_LINE_END.findall(blank[0] if blank else ""))
    if binding.error:
        yield Fault(line, "not NAME=value: close each quote, and write nothing but a comment after")
    elif binding.key is not None and binding.value is None:
        yield Fault(line, "a name without a value: write NAME=value")
    elif binding.key is not None and binding.value is not None:
        yield Record(binding.key, binding.value.encode(), line)


def _named(name: str) -> bool:
    return "://" not in name and _NAMED.match(os.path.basename(name)) is not None


FORMAT = Format("dotenv", read, named=_named)
