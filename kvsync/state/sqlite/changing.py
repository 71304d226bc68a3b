"""Changes to rows, each as a part of a transaction."""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, islice

from kvsync.model.values import Action, Change, Outcome, OutcomeKind, Row
from kvsync.state.interface import UNSETTLED
from kvsync.state.sqlite import fingerprints, recent
from kvsync.state.sqlite.rows import (
    COLUMNS,
    Fields,
    StoredTarget,
    acknowledged,
    doubtful,
    fields_of,
)

_AT_ONCE = 16
_HEAD, _ROW = f"INSERT OR REPLACE INTO entry (target, {COLUMNS}) VALUES", f"({', '.join('?' * 14)})"
_PUT = f"{_HEAD} {_ROW}"
_PUT_MANY = f"{_HEAD} {', '.join([_ROW] * _AT_ONCE)}"
_CERTAIN = (
    f"SELECT {COLUMNS} FROM entry WHERE target = ? AND key > ? AND acknowledged < ?"  # noqa: S608
    " AND NOT in_doubt ORDER BY key LIMIT 500"
)
_DROP = "DELETE FROM entry WHERE target = ? AND key = ?"


def put(connection: sqlite3.Connection, rows: Iterable[Fields]) -> None:
    """Write these rows, no matter what stands there."""
    # After each statement this thread has to get the interpreter back from the event loop's: with
    # one for each row, writing took a fifth more CPU.
    rows = iter(rows)
    while batch := [*islice(rows, _AT_ONCE)]:
        if len(batch) == _AT_ONCE:
            connection.execute(_PUT_MANY, [*chain.from_iterable(batch)])
        else:
            connection.executemany(_PUT, batch)


def _drop(connection: sqlite3.Connection, number: int, keys: Iterable[str]) -> int:
    return connection.executemany(_DROP, ((number, key) for key in keys)).rowcount


def mark(
    connection: sqlite3.Connection, place: StoredTarget, owner: str, marks: Sequence[Change]
) -> None:
    """Mark these changes in doubt."""
    nobodys = {change.entry.key for change in marks if _is_of_nobody(change)}
    put(connection, (doubtful(place, owner, c) for c in marks if c.entry.key not in nobodys))
    # A row would say whose the key is. What is noted outlasts a refusal: an earlier delete may yet
    # be on its way.
    recent.note(connection, place.number, dict.fromkeys(nobodys, UNSETTLED))


def _is_of_nobody(change: Change) -> bool:
    return change.action is Action.DELETE and not change.row


def settle(
    connection: sqlite3.Connection, place: StoredTarget, owner: str, outcomes: Sequence[Outcome]
) -> None:
    """Let each key's row say what its change has come to."""
    written, deleted = [], {}
    rows: list[Row] = []
    gone: list[str] = []
    for outcome in outcomes:
        change = outcome.change
        if outcome.kind is OutcomeKind.DONE:
            if change.action is Action.DELETE:
                deleted[change.entry.key] = outcome.acknowledged
            else:
                written.append(outcome)
        elif outcome.in_doubt:
            continue
        elif change.row:
            rows.append(change.row)
        else:
            gone.append(change.entry.key)
    put(connection, (fields_of(place, row) for row in rows))
    put(connection, (acknowledged(place, owner, outcome) for outcome in written))
    _drop(connection, place.number, [*gone, *deleted])
    recent.drop(connection, place.number, [outcome.entry.key for outcome in written])
    recent.note(connection, place.number, deleted)


def doubt(
    connection: sqlite3.Connection, place: StoredTarget, before: float, row: Callable[[Fields], Row]
) -> None:
    """Mark in doubt what was acknowledged before that time; ``row`` makes rows of columns."""
    last = ""
    while found := connection.execute(_CERTAIN, (place.number, last, before)).fetchall():
        put(connection, (fields_of(place, row(one)._replace(in_doubt=True)) for one in found))
        last = found[-1][0]
    fingerprints.void(connection, place.number)


def forget_all(connection: sqlite3.Connection, number: int, at: float) -> None:
    """Drop all rows of a target, which was emptied at that time or before."""
    recent.note_all(connection, number, at)
    connection.execute("DELETE FROM entry WHERE target = ?", (number,))
    fingerprints.void(connection, number)


def forget(connection: sqlite3.Connection, number: int, keys: Iterable[str]) -> int:
    """Drop the rows of these keys; returns how many there were."""
    keys = list(keys)
    recent.note_rows(connection, number, keys)
    dropped = _drop(connection, number, keys)
    recent.purge(connection, number)
    return dropped
