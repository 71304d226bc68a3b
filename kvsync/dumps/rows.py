"""The rows of a table in CSV or TSV."""

import csv
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from kvsync.dumps.jsontext import MAX_ITEM
from kvsync.dumps.lines import lines

__all__ = ["Row", "rows"]

_UNCLOSED = 'a quote (") that is never closed: close it, or write "" for a quote in a quoted cell'
_QUOTING = 'text behind a closing quote ("): write "" for a quote in a quoted cell'
_RETURN = "a carriage return in a cell: put the cell into quotes, or end lines with a line feed"
_LONG = 'a row of more than 16 MiB: is a quote (") never closed?'


class Row(NamedTuple):
    """``line`` is where it begins, from 1; ``fault`` says why there are no cells."""

    line: int
    cells: list[str]
    fault: str = ""


class _Source:
    """The lines that `csv` asks for, up to the first one that is wrong."""

    def __init__(self, file: BinaryIO) -> None:
        self.fault = ""
        self.line = 1
        self.size = 0
        self._lines = lines(file)

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.line = line.number
            self.size += len(line.text)
            self.fault = line.fault or (_LONG if self.size > MAX_ITEM else "")
            if self.fault:
                return
            yield line.text


def rows(file: BinaryIO, delimiter: str) -> Iterator[Row]:
    """All rows but those without text; after a fault there is none: nobody knows where it begins.

    Raises `OSError`.
    """
    # One limit for the whole process, of 128 KiB at first: `_Source` counts instead.
    csv.field_size_limit(max(csv.field_size_limit(), 2 * MAX_ITEM))
    source = _Source(file)
    table = csv.reader(source, delimiter=delimiter, strict=True)
    while True:
        begun = table.line_num + 1
        source.size = 0
        try:
            cells = next(table, None)
        except csv.Error as error:
            yield Row(source.line if source.fault else begun, [], source.fault or _words(error))
            return
        if source.fault:
            yield Row(source.line, [], source.fault)
            return
        if cells is None:
            return
        if any(cells) and not (len(cells) == 1 and cells[0].isspace()):
            yield Row(begun, cells)


def _words(error: csv.Error) -> str:
    # `csv` tells its errors apart by words alone.
    words = str(error)
    if "expected after" in words:
        return _QUOTING
    return _RETURN if "new-line" in words else _UNCLOSED
