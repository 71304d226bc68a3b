"""CSV: a header, and a pair a row, which may go over several lines."""

import csv
import io
import re
import sys
from collections.abc import Iterator
from difflib import get_close_matches
from typing import BinaryIO, NamedTuple

import msgspec

from kvsync.formats.decoder import without_mark
from kvsync.formats.fields import WrongError, whole_seconds
from kvsync.formats.format import Decoded, Format, Head
from kvsync.formats.record import Fault, Item, Layout, Note, Record
from kvsync.formats.tables import (
    Ending,
    Row,
    Table,
    column_names,
    delimiter_words,
    find_delimiter,
    other_delimiter,
    wanted_columns,
)
from kvsync.model.text import parse_duration, printable
from kvsync.model.values import NEVER, Expiry

_HEADER = ("key", "value", "expiration", "expiration_ttl")

_encode = msgspec.json.Encoder().encode


class _Columns(NamedTuple):
    """Where in a row what is; -1 for a column that is not there."""

    names: list[str]
    key: int
    value: int
    ttl: int
    at: int
    others: list[int]
    open_end: bool
    """Whether the header has cells behind the last name; then rows may have empty ones there."""


def read(file: BinaryIO, layout: Layout) -> Iterator[Item]:
    """Return a pair a row, with commas between cells, or what the layout or else the header
    says.
    """
    table = Table(file)
    if layout.delimiter:
        return read_table(table, layout, layout.delimiter)
    return _read_as_found(table, layout)


def _read_as_found(table: Table, layout: Layout) -> Iterator[Item]:
    delimiter = find_delimiter(table.header(), layout)
    if delimiter != ",":
        told = f"read with {delimiter_words(delimiter)} between cells, as its first row suggests"
        yield Note(f"{told}; say the delimiter to make that sure")
    yield from read_table(table, layout, delimiter)


def read_table(table: Table, layout: Layout, delimiter: str) -> Iterator[Item]:
    """Yield a pair a row, with this between cells."""
    columns = None
    ending = Ending()
    for row in table.rows(delimiter):
        if row.fault:
            yield Fault(row.line, row.fault)
            return
        try:
            if columns:
                yield _record(row, columns, layout)
                ending.see(row)
            else:
                columns = _columns(row.cells, layout)
        except WrongError as error:
            yield Fault(row.line, str(error))
            if not columns:
                return
            ending.wrong()
    if not columns:
        yield Fault(1, "no header: write the names of the columns into the first row")
    yield from ending.notes()


def _columns(cells: list[str], layout: Layout) -> _Columns:
    names = _named(cells)
    if len({*names}) < len(names):
        raise WrongError("two columns of one name: rename one of them")
    key = _place(layout.key_column or "key", names)
    value = -1 if layout.whole_row else _place(layout.value_column or "value", names)
    if layout.ttl_column:
        ttl, at = _place(layout.ttl_column, names), -1
    else:
        ttl, at = _find("expiration_ttl", names), _find("expiration", names)
    others = [i for i in range(len(names)) if i not in {key, value, ttl, at}]
    others = [] if layout.whole_row else others
    return _Columns(names, key, value, ttl, at, others, len(cells) > len(names))


def _named(cells: list[str]) -> list[str]:
    """Return the header without the empty cells at its end, which spreadsheets write."""
    end = len(cells)
    while end and not cells[end - 1].strip():
        end -= 1
    return cells[:end]


def _find(name: str, names: list[str]) -> int:
    return names.index(name) if name in names else -1


def _place(name: str, names: list[str]) -> int:
    if name in names:
        return names.index(name)
    near = get_close_matches(name, names, 1)
    hint = f"did you mean {printable(near[0])}? " if near else ""
    # Without a header these are values, and maybe secret: only names beside a known one are told.
    if near or {*names}.intersection(_HEADER):
        there = ", ".join(map(printable, names))
        raise WrongError(f"no column {printable(name)}: {hint}(columns: {there})")
    hint = ""
    if len(names) == 1 and (other := other_delimiter(names[0])):
        hint = f"; or say with --delimiter that {delimiter_words(other)} is between its cells"
    raise WrongError(
        f"no column {printable(name)} in the first row, which must have the columns' names{hint}"
    )


def _record(row: Row, columns: _Columns, layout: Layout) -> Record:
    cells, names = row.cells, columns.names
    _check_number(row, columns)
    if layout.whole_row:
        value = _encode(dict(zip(names, cells, strict=False)))
    else:
        value = cells[columns.value].encode()
    others = {names[i]: cells[i] for i in columns.others if cells[i]}
    metadata = _encode(others).decode() if others else ""
    return Record(cells[columns.key], value, row.line, _expiry(cells, columns, layout), metadata)


def _check_number(row: Row, columns: _Columns) -> None:
    """Raise `WrongError` if cells are missing, or are of no column and not just empty."""
    cells, wanted = row.cells, len(columns.names)
    if len(cells) == wanted:
        return
    if len(cells) < wanted or not columns.open_end:
        more = ", and no line end: is the file whole?" if row.unended else ""
        raise WrongError(f"{len(cells)} cells, where the header has {wanted}{more}")
    for number, cell in enumerate(cells[wanted:], wanted + 1):
        if cell:
            raise WrongError(
                f"cell {number} is of no column, as the header has no name for it: give it one, or"
                " empty the cell"
            )


def _expiry(cells: list[str], columns: _Columns, layout: Layout) -> Expiry:
    if columns.ttl >= 0 and (text := cells[columns.ttl]):
        name = layout.ttl_column or "expiration_ttl"
        return Expiry(ttl=_duration(text, name))
    if columns.at >= 0 and (text := cells[columns.at]):
        return Expiry(at=whole_seconds(text, "expiration"))
    return NEVER


def _duration(text: str, name: str) -> int:
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise WrongError(f"{printable(name)}: {error}") from None
    if not seconds:
        raise WrongError(f"{printable(name)} must be greater than 0, or be left empty")
    return seconds


def _sniff(head: Head, layout: Layout) -> bool:
    header = header_of(head)
    delimiter = layout.delimiter or find_delimiter(header, layout)
    return wanted_columns(layout) <= {*column_names(header, delimiter)}


def header_of(head: Head) -> str:
    """Return the first line with text; empty for what is no text."""
    try:
        return Table(io.BytesIO(without_mark(head.data))).header()
    except ValueError:
        return ""


_FIELD = r'(?:"((?:[^"]++|"")*+)"|([^",\r\n]*+))'
_RECORD = re.compile(rf"{_FIELD},{_FIELD},([0-9]{{0,12}}),([0-9]{{0,12}})\n")


class Csv:
    """``key,value,expiration,expiration_ttl`` as RFC 4180 has it, but lines end with LF: so a CR
    always belongs to a value (`kvsync.formats.format.Codec`).
    """

    head = b"key,value,expiration,expiration_ttl\n"
    between = b""
    foot = b""
    starts: tuple[bytes, ...] = (b"",)
    max_size = max_pairs = sys.maxsize

    def encode(self, key: str, value: bytes, expiry: Expiry) -> bytes:
        """Return the record; a field that would otherwise be taken apart is in quotes."""
        text = io.StringIO(newline="")
        # Told that lines end with CR LF, the writer puts either of them in quotes; told LF, it
        # leaves a lone CR bare (before Python 3.13), and no reader gives that back.
        row = key, value.decode(), expiry.at or "", expiry.ttl or ""
        csv.writer(text, lineterminator="\r\n").writerow(row)
        return text.getvalue().removesuffix("\r\n").encode() + b"\n"

    def ends(self, line: bytes, *, within: bool) -> bool:
        """Return whether no field in quotes goes on in the next line."""
        return (line.count(b'"') % 2 == 1) == within

    def decode(self, record: bytes) -> Decoded:
        """Return the record's pair. Raises `ValueError`."""
        # Not by the csv module: it takes what no one wrote, and values of 128 KiB at most unless
        # the whole process is told otherwise.
        found = _RECORD.fullmatch(record.decode())
        if not found or (found[5] and found[6]):
            raise ValueError("not a pair in CSV")
        key, value = (
            found[bare] if found[quoted] is None else found[quoted].replace('""', '"')
            for quoted, bare in ((1, 2), (3, 4))
        )
        return Decoded(key, value.encode(), Expiry(int(found[6] or 0), int(found[5] or 0)))


OPTIONS = ("--key-column", "--value-column", "--ttl-column", "--value-json", "--delimiter")
"""Of tables that have a header."""

FORMAT = Format(
    "csv",
    read,
    write=lambda _: Csv(),
    options=OPTIONS,
    sniff=_sniff,
    shown="its first line",
)
