"""Tables with a header, in CSV or TSV."""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import BinaryIO, NamedTuple

import msgspec

from kvsync.dumps.fields import WrongError, whole_seconds
from kvsync.dumps.record import Fault, Item, Layout, Record
from kvsync.dumps.rows import Row, rows
from kvsync.model import NEVER, Expiry
from kvsync.units import parse_duration, printable

__all__ = ["read_csv", "read_tsv"]

_encode = msgspec.json.Encoder().encode


class _Columns(NamedTuple):
    """Where in a row what is; -1 for a column that is not there."""

    names: list[str]
    key: int
    value: int
    ttl: int
    at: int
    others: list[int]


def read_csv(file: BinaryIO, layout: Layout) -> Iterator[Item]:
    """A pair a row, with commas between cells."""
    return _read(file, layout, ",")


def read_tsv(file: BinaryIO, layout: Layout) -> Iterator[Item]:
    """A pair a row, with tabs between cells."""
    return _read(file, layout, "\t")


def _read(file: BinaryIO, layout: Layout, delimiter: str) -> Iterator[Item]:
    columns = None
    for row in rows(file, delimiter):
        if row.fault:
            yield Fault(row.line, row.fault)
            return
        try:
            if columns:
                yield _record(row, columns, layout)
            else:
                columns = _columns(row.cells, layout)
        except WrongError as error:
            yield Fault(row.line, str(error))
            if not columns:
                return
    if not columns:
        yield Fault(1, "no header: write the names of the columns into the first row")


def _columns(names: list[str], layout: Layout) -> _Columns:
    if len({*names}) < len(names):
        raise WrongError("two columns of one name: rename one of them")
    key = _place(layout.key_column or "key", names)
    value = -1 if layout.whole_row else _place(layout.value_column or "value", names)
    if layout.ttl_column:
        ttl, at = _place(layout.ttl_column, names), -1
    else:
        ttl, at = _find("expiration_ttl", names), _find("expiration", names)
    others = [i for i in range(len(names)) if i not in {key, value, ttl, at}]
    return _Columns(names, key, value, ttl, at, [] if layout.whole_row else others)


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
    raise WrongError(
        f"no column {printable(name)} in the first row, which must have the columns' names"
    )


_USUAL = {"key", "value", "expiration", "expiration_ttl"}


def _record(row: Row, columns: _Columns, layout: Layout) -> Record:
    cells, names = row.cells, columns.names
    if len(cells) != len(names):
        raise WrongError(f"{len(cells)} cells, where the header has {len(names)}")
    if layout.whole_row:
        value = _encode(dict(zip(names, cells, strict=True)))
    else:
        value = cells[columns.value].encode()
    others = {names[i]: cells[i] for i in columns.others if cells[i]}
    metadata = _encode(others).decode() if others else ""
    return Record(cells[columns.key], value, row.line, _expiry(cells, columns, layout), metadata)


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
