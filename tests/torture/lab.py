"""A source, a state and a service, and kvsync as a process between them."""

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from tests.servers import ServedEmulator

ZONE = "zone-1"
NAMESPACE = "default"
_ROUNDED_S = 2
"""The service's ends are whole seconds, and its way takes a moment."""
_FAR = 4102444800
_WORDS = {"TENCENTCLOUD_SECRET_ID": "AKIDtorture", "TENCENTCLOUD_SECRET_KEY": "any"}


class Scale(NamedTuple):
    """How much is done: keys of a sync, shares of failing requests, kills, signals, keys of a run
    that is killed, and runs behind a middlebox."""

    keys: int
    shares: tuple[float, ...]
    paced: int
    kills: int
    signals: int
    killed_keys: int
    between: int


class Line(NamedTuple):
    """One attack; ``figures`` in the order in which they are told, ``broken`` has the promises that
    were not kept."""

    attack: str
    figures: dict[str, float | int | str]
    broken: Sequence[str] = ()

    def __str__(self) -> str:
        told = ", ".join(f"{name} {_shown(figure)}" for name, figure in self.figures.items())
        return f"{self.attack:<28} {told}: {'; '.join(self.broken) or 'ok'}"


def _shown(figure: float | str) -> str:
    return f"{figure:.2f}" if isinstance(figure, float) else str(figure)


def plain_environment() -> dict[str, str]:
    """The environment of a child: no setting of whoever runs this, and a pair that gets in."""
    mine = {name: text for name, text in os.environ.items() if not name.startswith("KVSYNC_")}
    return {**mine, **_WORDS}


class Known(NamedTuple):
    """What the state says of a key: the SHA-256 of its value, whether it is in doubt, its declared
    end (seconds of a TTL, Unix seconds, 0 for neither), and when it runs out."""

    digest: bytes
    in_doubt: bool
    ttl: int
    expires: int
    runs_out: float

    def is_false(self, value: str | None, expires: int, now: float) -> bool:
        """Whether it claims what a target is not that holds this: another value, or a later end.

        A claim that has run out claims nothing more.
        """
        if self.in_doubt or (self.ttl and self.runs_out <= now) or 0 < self.expires <= now:
            return False
        if value is None or self.digest != _digest(value):
            return True
        if self.ttl:
            return not 0 < self.runs_out <= expires + _ROUNDED_S
        return self.expires != expires


class Lab:
    """A folder with a manifest of ``keys`` keys and a state, and an emulator to send to.

    ``url`` is by which way it is reached.
    """

    def __init__(self, folder: Path, edge: ServedEmulator, keys: int, *options: str) -> None:
        self.edge = edge
        self.url = edge.url
        self.state = folder / "state.db"
        self._source = folder / "m.yaml"
        self._keys = keys
        self._options = options
        self.wanted: dict[str, str] = {}
        self.write(0)

    def write(self, version: int) -> None:
        """Change every value of the source."""
        self.wanted = {f"key-{n}": f"value {n} of version {version}" for n in range(self._keys)}
        self._write("".join(f"  {key}: {value}\n" for key, value in self.wanted.items()))

    def write_some(self, chance: Random) -> None:
        """Let the source name some of its keys, with one of a few values each; some of them end."""
        self.wanted = {
            f"key-{n}": chance.choice(("one", "two", "six"))
            for n in range(self._keys)
            if chance.random() < 0.9
        }
        ends = {3: ", ttl: 1h", 4: f", expires: {_FAR}"}
        self._write(
            "".join(
                f"  {key}: {{value: {value}{ends.get(int(key[4:]) % 5, '')}}}\n"
                for key, value in self.wanted.items()
            )
        )

    def _write(self, pairs: str) -> None:
        self._source.write_text(f"version: 1\nname: torture\nkeys:\n{pairs}")

    def start_anew(self) -> None:
        """Leave neither a state nor anything in the target: what was wrong is counted once."""
        self.state.unlink(missing_ok=True)
        for key in self.held():
            self.edge.delete(ZONE, NAMESPACE, key)

    @property
    def arguments(self) -> list[str]:
        """What follows ``kvsync`` on the command line."""
        place = ["--endpoint", self.url, "--zone", ZONE, "--namespace", NAMESPACE]
        return ["sync", str(self._source), "--state", str(self.state), *place, "--json",
                *self._options]  # fmt: skip

    def start(self) -> "subprocess.Popen[str]":
        """A sync in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "kvsync", *self.arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=plain_environment(),
        )  # fmt: skip

    def sync(self) -> Any:
        """The document of a sync that runs to its end."""
        out, _ = self.start().communicate()
        return json.loads(out)

    def held(self) -> dict[str, str]:
        """What the target holds."""
        pairs = self.edge.pairs(ZONE, NAMESPACE)
        return {key: value for key, (value, _) in pairs.items()}

    def rows(self) -> dict[str, Known]:
        """What stands in the state file, read without any code of kvsync's."""
        with self._copied() as connection:
            found = connection.execute(
                "SELECT key, digest, in_doubt, ttl, expires, runs_out FROM entry"
            ).fetchall()
        return {key: Known(digest, bool(doubt), *end) for key, digest, doubt, *end in found}

    def false_claims(self) -> list[str]:
        """Keys of which the state says something that is not so, and knows no doubt."""
        held = self.edge.pairs(ZONE, NAMESPACE)
        return [
            key
            for key, row in self.rows().items()
            if row.is_false(*held.get(key, (None, 0)), time.time())
        ]

    def is_sound(self) -> bool:
        """Whether SQLite finds the state file whole."""
        with self._copied() as connection:
            (found,) = connection.execute("PRAGMA integrity_check").fetchone()
        return bool(found == "ok")

    @contextmanager
    def _copied(self) -> Iterator[sqlite3.Connection]:
        """The state as the next run would find it: what looks at it must not mend it."""
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / self.state.name
            for ending in ("", "-journal"):
                beside = self.state.with_name(self.state.name + ending)
                if beside.exists():
                    shutil.copyfile(beside, copy.with_name(copy.name + ending))
            with closing(sqlite3.connect(copy)) as connection:
                yield connection

    def broken(self) -> list[str]:
        """Which promises a run that went through has not kept."""
        held, rows = self.held(), self.rows()
        told = []
        if held != self.wanted:
            told.append("the target is not as the source")
        if {key: row.digest for key, row in rows.items()} != {
            key: _digest(value) for key, value in held.items()
        }:
            told.append("the state is not as the target")
        if any(row.in_doubt for row in rows.values()):
            told.append("keys are left in doubt")
        if self.false_claims():
            told.append("false claims")
        return told


def _digest(value: str | None) -> bytes:
    return b"" if value is None else hashlib.sha256(value.encode()).digest()
