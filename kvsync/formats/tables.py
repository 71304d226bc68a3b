"""The rows of a table in CSV or TSV, and what parts their cells."""

import csv
import re
from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO, NamedTuple

from kvsync.formats.jsontext import MAX_ITEM, Line, lines
from kvsync.formats.record import Layout, Note
from kvsync.model.text import printable

_USUAL = ","
_OTHERS = (";", "\t", "|")
"""Taken without being asked for, where the header leaves no doubt."""
_LONGEST = 1 << 16
"""Characters of a header that is looked at."""

_BLANK = " \t\r\n,;|"
_NAMES_DELIMITER = re.compile(r'"?sep=.?"?\s*')
_IS_IT_WHOLE = "is the file whole?"
_UNCLOSED = 'a quote (") that is never closed: close it, or write "" for a quote in a quoted cell'
_QUOTING = 'text behind a closing quote ("): write "" for a quote in a quoted cell'
_RETURN = "a carriage return in a cell: put the cell into quotes, or end lines with a line feed"
_LONG = 'a row of more than 16 MiB: is a quote (") never closed?'


class Row(NamedTuple):
    """``line`` is where it begins, from 1; ``fault`` says why there are no cells.

    ``unended``: nothing ends its line, though something ends all lines before it.
    """

    line: int
    cells: list[str]
    fault: str = ""
    unended: bool = False


class Ending:
    """Looks whether the last row may have been cut off, in a file that is not whole."""

    def __init__(self) -> None:
        self._all_right = True
        self._last: Row | None = None
        self._fewest = 0
        self._had = 0

    def see(self, row: Row) -> None:
        """Take the next row, which is right."""
        if self._last and (not self._fewest or self._had < self._fewest):
            self._fewest = self._had
        self._last, self._had = row, len(row.cells)

    def wrong(self) -> None:
        """Note that a row is wrong: nothing more need be said."""
        self._all_right = False

    def notes(self) -> Iterator[Note]:
        """Yield what to say of the last row that was seen."""
        if not self._last or not self._all_right:
            return
        where = f"the last row (line {self._last.line})"
        if self._last.unended:
            yield Note(f"{where} has no line end, as all before it have: {_IS_IT_WHOLE}")
        elif self._had < self._fewest:
            yield Note(f"{where} has fewer cells than all before it: {_IS_IT_WHOLE}")


class Table:
    """The rows of a table; `rows` can be asked for but once."""

    def __init__(self, file: BinaryIO) -> None:
        self._lines = lines(file)
        self._line = Line(1, "")
        self._waiting: Line | None = None
        self._passed = 0
        self._fault = ""
        self._size = 0

    def header(self) -> str:
        """Return the first line with text, which may be the beginning of a row. Raises `OSError`.

        It is still to come; that of Excel's that names the delimiter, and blank ones, are not.
        """
        for line in self._lines:
            if line.fault or (
                line.text.strip(_BLANK) and not _NAMES_DELIMITER.fullmatch(line.text)
            ):
                self._waiting = line
                return line.text
            self._passed = line.number
        return ""

    def rows(self, delimiter: str) -> Iterator[Row]:
        """Yield all rows but those without text; after a fault none: no one knows where it begins.

        Raises `OSError`.
        """
        # One limit for the whole process, of 128 KiB at first: `_texts` counts instead.
        csv.field_size_limit(max(csv.field_size_limit(), 2 * MAX_ITEM))
        table = csv.reader(self._texts(), delimiter=delimiter, strict=True)
        while True:
            begun = self._passed + table.line_num + 1
            self._size = 0
            try:
                cells = next(table, None)
            except csv.Error as error:
                yield Row(
                    self._line.number if self._fault else begun, [], self._fault or _words(error)
                )
                return
            if self._fault:
                yield Row(self._line.number, [], self._fault)
                return
            if cells is None:
                return
            if any(cells) and not (len(cells) == 1 and cells[0].isspace()):
                unended = self._line.number > 1 and not self._line.text.endswith("\n")
                yield Row(begun, cells, unended=unended)

    def _texts(self) -> Iterator[str]:
        """Yield the lines that `csv` asks for, up to the first one that is wrong."""
        waiting = [self._waiting] if self._waiting else []
        for line in chain(waiting, self._lines):
            self._line = line
            self._size += len(line.text)
            self._fault = line.fault or (_LONG if self._size > MAX_ITEM else "")
            if self._fault:
                return
            yield line.text


def _words(error: csv.Error) -> str:
    # `csv` tells its errors apart by words alone.
    words = str(error)
    if "expected after" in words:
        return _QUOTING
    return _RETURN if "new-line" in words else _UNCLOSED


def find_delimiter(header: str, layout: Layout) -> str:
    """Return what parts the cells of a header: a comma, unless without doubt it is something
    else.
    """
    if len(header) > _LONGEST:
        return _USUAL
    wanted = wanted_columns(layout)
    if (layout.key_column or "key") in column_names(header, _USUAL):
        return _USUAL
    found = [mark for mark in _OTHERS if wanted <= {*column_names(header, mark)}]
    return found[0] if len(found) == 1 else _USUAL


def other_delimiter(header: str) -> str:
    """Return what seems to part the cells of a header in which there is no comma; nothing if
    nothing.
    """
    return max(_OTHERS, key=header.count) if any(map(header.count, _OTHERS)) else ""


def delimiter_words(delimiter: str) -> str:
    """Return the delimiter, as a message shows it."""
    return "a tab" if delimiter == "\t" else printable(delimiter)


def wanted_columns(layout: Layout) -> set[str]:
    """Return the names of the columns that a table must have."""
    key = layout.key_column or "key"
    return {key} if layout.whole_row else {key, layout.value_column or "value"}


def column_names(header: str, delimiter: str) -> list[str]:
    """Return the names in a header; none if it cannot be read like this."""
    try:
        return next(csv.reader([header], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return []
