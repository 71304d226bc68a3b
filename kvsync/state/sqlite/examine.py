"""Examining a state file for damage, without changing it."""

import math
import os
import sqlite3
from collections import Counter
from collections.abc import Iterator

from kvsync.model.errors import DamagedError
from kvsync.model.text import count_text, printable
from kvsync.model.values import Row, Target
from kvsync.state.interface import Diagnosis, Holding
from kvsync.state.sqlite.opening import connected_for_reading
from kvsync.state.sqlite.rows import Fields, row_maker, seed_of
from kvsync.state.sqlite.schema import TOO_SHORT, VERSION, columns_in, ends_too_early, is_new
from kvsync.state.sqlite.trouble import SQLITE_ERRORS

_LISTED = 20
"""Findings of SQLite that are told, at most: one bad page may make thousands."""


def examine(path: str, *, salvaging: bool = False) -> Diagnosis:
    """Look at all that is in the file; with ``salvaging`` keep the rows that can be trusted.

    Raises `StateError` if it cannot be looked at, or is of a version that this one does not know.
    """
    found = Diagnosis()
    for ending in ("-journal", "-wal"):
        if os.path.exists(path + ending) and os.path.getsize(path + ending):
            found.leftovers.append(os.path.basename(path) + ending)
    try:
        connection = connected_for_reading(path, lambda opened: not is_new(opened, path))
    except DamagedError as error:
        found.problems.append(error.what)
        return found
    if connection:
        found.version = VERSION
        try:
            _Examination(connection, found, salvaging=salvaging).run()
        finally:
            connection.close()
    return found


class _Examination:
    """Fills a diagnosis, step by step; what ends one step is a finding of its own."""

    def __init__(
        self, connection: sqlite3.Connection, found: Diagnosis, *, salvaging: bool
    ) -> None:
        self._connection = connection
        self._found = found
        self._salvaging = salvaging
        self._spoiled: Counter[str] = Counter()
        self._first: dict[str, object] = {}

    def run(self) -> None:
        for step in (self._structure, self._references, self._rows, self._runs):
            try:
                step()
            except (*SQLITE_ERRORS, DamagedError) as error:
                told = getattr(error, "what", "") or str(error)
                if told not in self._found.problems:
                    self._found.problems.append(told)
        for what, count in self._spoiled.items():
            first = printable(str(self._first[what]))
            self._found.problems.append(f"{count_text(count, 'row')} with {what}, first {first}")

    def _structure(self) -> None:
        if ends_too_early(self._connection):
            self._found.problems.append(TOO_SHORT)
        for (told,) in self._connection.execute(f"PRAGMA integrity_check({_LISTED})"):
            lines = [line for line in str(told).splitlines() if not line.startswith("***")]
            self._found.problems += [line for line in lines if line != "ok"]
        if self._found.problems:
            self._salvaging = False

    def _references(self) -> None:
        lost = Counter(row[0] for row in self._connection.execute("PRAGMA foreign_key_check"))
        for table, count in lost.items():
            rows = count_text(count, "row")
            self._found.problems.append(f"{rows} of an unknown target (table {table})")

    def _rows(self) -> None:
        targets = self._connection.execute("SELECT id, endpoint, zone, namespace FROM target")
        for number, *names in targets.fetchall():
            if not all(isinstance(name, str) for name in names):
                self._found.problems.append("a target without a name")
                continue
            target = Target(*names)
            keys: Counter[str] = Counter()
            doubts: Counter[str] = Counter()
            sizes: Counter[str] = Counter()
            kept = self._found.salvage.setdefault(target, []) if self._salvaging else None
            for row in self._sound_rows(number, target):
                keys[row.owner] += 1
                doubts[row.owner] += row.in_doubt
                sizes[row.owner] += row.size
                if kept is not None:
                    kept.append(row)
            self._found.holdings += [
                Holding(target, owner, keys[owner], doubts[owner], sizes[owner])
                for owner in sorted(keys)
            ]

    def _sound_rows(self, number: int, target: Target) -> Iterator[Row]:
        columns = columns_in(self._connection)
        make = row_maker(seed_of(target), lambda _: _SpoiledError())
        rows = self._connection.execute(
            f"SELECT {columns} FROM entry WHERE target = ?",  # noqa: S608 - constants
            (number,),
        )
        for fields in rows:
            if what := _impossible(fields):
                self._note(what, fields)
                continue
            try:
                yield make(fields)
            except _SpoiledError:
                self._note("something else than was written", fields)

    def _note(self, what: str, fields: Fields) -> None:
        self._spoiled[what] += 1
        self._first.setdefault(what, fields[0])

    def _runs(self) -> None:
        sql = "SELECT started, ended, counts FROM run"
        for started, ended, counts in self._connection.execute(sql):
            if not (_is_time(started) and _is_time(ended) and isinstance(counts, str)):
                self._found.problems.append("a run with an impossible time")
                return
            self._found.unfinished += not ended


class _SpoiledError(Exception):
    """A row is not as it was written."""


def _impossible(fields: Fields) -> str:
    """Return what no row can have, if this one has it."""
    key, digest, size, ttl, expires, runs_out, acknowledged, _, owner, _, in_doubt, *_ = fields
    if not (isinstance(key, str) and key and isinstance(owner, str) and owner):
        return "no key or no owner"
    if not (isinstance(digest, bytes) and len(digest) in (0, 32)):
        return "a digest of a wrong length"
    if not (isinstance(size, int) and size >= 0):
        return "a negative size"
    expiry = (ttl, expires)
    if not all(isinstance(time, int) and time >= 0 for time in expiry) or all(expiry):
        return "an impossible expiry"
    if not (_is_time(runs_out) and _is_time(acknowledged)):
        return "an impossible time"
    return "" if in_doubt in (0, 1) else "a doubt that is neither yes nor no"


def _is_time(seconds: object) -> bool:
    return isinstance(seconds, float) and math.isfinite(seconds) and seconds >= 0
