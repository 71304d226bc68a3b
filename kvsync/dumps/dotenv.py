"""``.env`` files: ``NAME=value`` lines, as python-dotenv reads them."""

import io
import re
from collections.abc import Iterator
from typing import BinaryIO

from dotenv.parser import Binding, parse_stream

from kvsync.dumps.record import Fault, Item, Layout, Record
from kvsync.dumps.utf8 import Utf8

__all__ = ["read"]

_MAX_SIZE = 2**20
"""Bytes: the file is read whole."""

_MOST_LINES = 50_000
"""The parser takes 50 µs for a name."""

_BLANK = re.compile(r"\s*")
_LINE_END = re.compile(r"\r\n|\n|\r")
_GAP = re.compile(r"\s{1024}")
"""The parser's time grows with the square of such a gap."""


def read(file: BinaryIO, layout: Layout) -> Iterator[Item]:  # noqa: ARG001 - it has no columns
    """A pair for each name; ``${NAME}`` in a value stays as it is."""
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
        for binding in parse_stream(io.StringIO(text)):
            yield from _items(binding)


def _line(text: str, end: int) -> int:
    return 1 + len(_LINE_END.findall(text, 0, end))


def _items(binding: Binding) -> Iterator[Item]:
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
