"""Changes to rows, each as a part of a transaction."""

import sqlite3
from collections.abc import Iterable, Sequence

from kvsync.model import Action, Change, Outcome, OutcomeKind
from kvsync.state import recent
from kvsync.state.fields import DROP, PUT, Place, acknowledged, doubtful, fields_of

__all__ = ["forget", "mark", "settle"]


def mark(connection: sqlite3.Connection, place: Place, owner: str, marks: Sequence[Change]) -> None:
    """Mark these changes in doubt."""
    for change in marks:
        if change.row or change.action is not Action.DELETE:
            connection.execute(PUT, doubtful(place, owner, change))
        else:
            # A row would say whose the key is, and it is nobody's. What is noted outlasts a
            # refusal: an earlier delete may yet be on its way.
            recent.note(connection, place.number, change.entry.key, recent.UNSETTLED)


def settle(connection: sqlite3.Connection, place: Place, owner: str, outcome: Outcome) -> None:
    """Let the key's row say what its change has come to."""
    change = outcome.change
    if outcome.kind is OutcomeKind.DONE:
        if change.action is Action.DELETE:
            connection.execute(DROP, (place.number, change.entry.key))
            recent.note(connection, place.number, change.entry.key, outcome.acknowledged)
        else:
            connection.execute(PUT, acknowledged(place, owner, outcome))
            recent.drop(connection, place.number, change.entry.key)
    elif not outcome.in_doubt:
        if change.row:
            connection.execute(PUT, fields_of(place, change.row))
        else:
            connection.execute(DROP, (place.number, change.entry.key))


def forget(connection: sqlite3.Connection, number: int, keys: Iterable[str]) -> int:
    """Drop the rows of these keys; returns how many there were."""
    keys = list(keys)
    recent.note_rows(connection, number, keys)
    dropped = connection.executemany(DROP, ((number, key) for key in keys)).rowcount
    recent.purge(connection, number)
    return dropped
