"""Tables with a header, in CSV or TSV."""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import BinaryIO, NamedTuple

import msgspec

from kvsync.formats.delimiters import delimiter_words, find_delimiter, other_delimiter
from kvsync.formats.fields import WrongError, whole_seconds
from kvsync.formats.record import Fault, Item, Layout, Note, Record
from kvsync.formats.rows import Ending, Row, Table
from kvsync.model.text import parse_duration, printable
from kvsync.model.values import NEVER, Expiry

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


def read_csv(file: BinaryIO, layout: Layout) -> Iterator[Item]:
    """A pair a row, with commas between cells, or what the layout or else the header says."""
    table = Table(file)
    if layout.delimiter:
        return _read(table, layout, layout.delimiter)
    return _read_as_found(table, layout)


def read_tsv(file: BinaryIO, layout: Layout) -> Iterator[Item]:
    """A pair a row, with tabs between cells, or what the layout says."""
    return _read(Table(file), layout, layout.delimiter or "\t")


def _read_as_found(table: Table, layout: Layout) -> Iterator[Item]:
    delimiter = find_delimiter(table.header(), layout)
    if delimiter != ",":
        told = f"read with {delimiter_words(delimiter)} between cells, as its first row suggests"
        yield Note(f"{told}; say the delimiter to make that sure")
    yield from _read(table, layout, delimiter)


def _read(table: Table, layout: Layout, delimiter: str) -> Iterator[Item]:
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
    """The header without the empty cells at its end, which spreadsheets write."""
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
    if near or {*names} & _USUAL:
        there = ", ".join(map(printable, names))
        raise WrongError(f"no column {printable(name)}: {hint}(columns: {there})")
    hint = ""
    if len(names) == 1 and (other := other_delimiter(names[0])):
        hint = f"; or say with --delimiter that {delimiter_words(other)} is between its cells"
    raise WrongError(
        f"no column {printable(name)} in the first row, which must have the columns' names{hint}"
    )


_USUAL = {"key", "value", "expiration", "expiration_ttl"}


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
    """Raises `WrongError` if cells are missing, or are of no column and not just empty."""
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
