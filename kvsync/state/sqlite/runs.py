"""Past runs of an owner against a target."""

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from kvsync.model.values import Run

KEPT_RUNS = 100
"""Past runs kept per target and owner."""

ALL = "SELECT id, started, ended, exit_code, counts FROM run WHERE target = ? AND owner = ?"
"""The numbers of an owner's runs, and their fields for `run_of`."""


def begin(
    connection: sqlite3.Connection,
    target: int,
    owner: str,
    started: float,
    counts: Mapping[str, int],
) -> int:
    """Note that a run has begun (Unix seconds); returns its number for `end`."""
    cursor = connection.execute(
        "INSERT INTO run (target, owner, started, ended, exit_code, counts)"
        " VALUES (?, ?, ?, 0, 0, ?)",
        (target, owner, started, json.dumps(counts)),
    )
    connection.execute(
        "DELETE FROM run WHERE target = ? AND owner = ? AND id NOT IN (SELECT id FROM run"
        " WHERE target = ? AND owner = ? ORDER BY id DESC LIMIT ?)",
        (target, owner, target, owner, KEPT_RUNS),
    )
    return cursor.lastrowid or 0


def end(
    connection: sqlite3.Connection,
    number: int,
    ended: float,
    exit_code: int,
    counts: Mapping[str, int],
) -> None:
    """Note how the run ended (Unix seconds), and what it did."""
    connection.execute(
        "UPDATE run SET ended = ?, exit_code = ?, counts = ? WHERE id = ?",
        (ended, exit_code, json.dumps(counts), number),
    )


def run_of(fields: tuple[Any, ...]) -> Run:
    """From the columns of a run. Raises `TypeError` or `ValueError` if they make none."""
    *times, code, counts = fields
    return Run._make((*map(float, times), int(code), json.loads(counts)))
