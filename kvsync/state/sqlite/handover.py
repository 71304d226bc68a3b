"""Rows of owners as earlier versions named them: who they are may be said once more.

These versions called a source by its path alone, as others may be called by name. So what they have
written is kept apart from what is newer: `older` has the owners that stood in the file when this
version first opened it, until someone who is called so has come for the rows.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from kvsync.model.values import Row
from kvsync.state.sqlite.changing import put
from kvsync.state.sqlite.rows import COLUMNS, Fields, StoredTarget, fields_of

_AT_ONCE = 1000
_EXISTS = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'older_owner'"
_ROWS = (
    f"SELECT {COLUMNS} FROM entry WHERE target = ? AND owner = ? AND key > ?"  # noqa: S608
    " ORDER BY key LIMIT ?"
)


class Handing(NamedTuple):
    """From whom rows go to whom, as far as they ``belong`` to the latter."""

    old: str
    new: str
    belongs: Callable[[Row], bool]

    def over(self, row: Row) -> Row:
        """Return the row, as it is when it has been handed over."""
        mine = row.owner == self.old and self.belongs(row)
        return row._replace(owner=self.new) if mine else row


How = Callable[[sqlite3.Connection, StoredTarget, Handing, Callable[[Fields], Row]], None]
"""What hands rows over."""


def handing_over(
    make: Callable[[Fields], Row], handed: Sequence[Handing]
) -> Callable[[Fields], Row]:
    """Make rows as ``make`` does, and hands them over."""

    def row(fields: Fields) -> Row:
        made = make(fields)
        for handing in handed:
            made = handing.over(made)
        return made

    return row


def prepare(connection: sqlite3.Connection) -> None:
    """Make the table that all here but `older` need; owners in the file by now are older."""
    if connection.execute(_EXISTS).fetchone():
        return
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS older_owner (target INTEGER NOT NULL REFERENCES target (id),"
        " owner TEXT NOT NULL, PRIMARY KEY (target, owner)) WITHOUT ROWID"
    )
    connection.execute("INSERT OR IGNORE INTO older_owner SELECT DISTINCT target, owner FROM entry")
    connection.execute("COMMIT")


def older(connection: sqlite3.Connection, target: int, owners: Iterable[str]) -> list[str]:
    """Return those of the owners that an earlier version has written rows of."""
    known = connection.execute(_EXISTS).fetchone()
    table = "older_owner" if known else "entry"
    sql = f"SELECT 1 FROM {table} WHERE target = ? AND owner = ? LIMIT 1"  # noqa: S608 - constants
    return [name for name in owners if connection.execute(sql, (target, name)).fetchone()]


def _claim(connection: sqlite3.Connection, target: int, owner: str) -> None:
    """Note that the owner's rows from now on are by this version."""
    sql = "DELETE FROM older_owner WHERE target = ? AND owner = ?"
    connection.execute(sql, (target, owner))


def set_aside(owner: str) -> str:
    """Return the owner of rows that a source of this name does not know."""
    return f"older://{owner}"


def give(
    connection: sqlite3.Connection,
    place: StoredTarget,
    handing: Handing,
    make: Callable[[Fields], Row],
) -> None:
    """Hand rows of this target over, and, unless some rows stay, all else that is the owner's."""
    old, new, _ = handing
    if _give_rows(connection, place, handing, make):
        sql = "UPDATE run SET owner = ? WHERE target = ? AND owner = ?"
        connection.execute(sql, (new, place.number, old))
        _claim(connection, place.number, old)


def part(
    connection: sqlite3.Connection,
    place: StoredTarget,
    handing: Handing,
    make: Callable[[Fields], Row],
) -> None:
    """Hand rows of this target over to one who is older, too; the owner's others are newer."""
    _give_rows(connection, place, handing, make)
    _claim(connection, place.number, handing.old)
    sql = "INSERT OR IGNORE INTO older_owner VALUES (?, ?)"
    connection.execute(sql, (place.number, handing.new))


def _give_rows(
    connection: sqlite3.Connection,
    place: StoredTarget,
    handing: Handing,
    make: Callable[[Fields], Row],
) -> bool:
    """Hand rows over; whether there are no others."""
    all_belong = True
    for rows in _chunks(connection, place.number, handing.old, make):
        own = [row for row in rows if handing.belongs(row)]
        all_belong &= len(own) == len(rows)
        put(connection, (fields_of(place, handing.over(row)) for row in own))
    return all_belong


def _chunks(
    connection: sqlite3.Connection, target: int, owner: str, make: Callable[[Fields], Row]
) -> Iterator[Sequence[Row]]:
    last = ""
    while found := connection.execute(_ROWS, (target, owner, last, _AT_ONCE)).fetchall():
        yield list(map(make, found))
        last = found[-1][0]
