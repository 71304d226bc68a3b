"""Sources, a state and a namespace of their own, and calls between them."""

import io
import json
import shutil
import sqlite3
from collections.abc import Collection, Mapping
from contextlib import closing, redirect_stderr, redirect_stdout
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from kvsync.cli import run
from kvsync.model.values import Row
from kvsync.state.sqlite import State
from tests.machine.mischief import QUIET, Mischief, Trouble
from tests.servers import ServedEmulator

FAR = 4102444800
EXPIRIES: Mapping[str, Mapping[str, int]] = {
    "never": {},
    "far": {"expires": FAR},
    "ttl": {"ttl": 30 * 86400},
}
"""What a manifest may say of a pair's end; of trees all is ``never``."""

Pairs: TypeAlias = Mapping[str, tuple[str, str]]
"""What a source names: value and expiry (a word of `EXPIRIES`) by key."""

Held: TypeAlias = Mapping[str, tuple[str, int]]
"""What a namespace holds: value, and expiry in Unix seconds or 0."""


def holds(held: Held, key: str, pair: tuple[str, str]) -> bool:
    """Whether the namespace holds the key as a source wants it."""
    value, expires = held.get(key, ("", 0))
    return (
        value == pair[0]
        and {"never": not expires, "far": expires == FAR, "ttl": expires > 0}[pair[1]]
    )


def claims_truly(row: Row, held: Held) -> bool:
    """Whether what the state says of a key, if it says anything, is what the namespace holds."""
    if row.in_doubt or row.estranged:
        return True
    value, expires = held.get(row.key, ("", 0))
    if sha256(value.encode()).digest() != row.digest:
        return False
    return abs(expires - row.runs_out) <= 2 if row.expiry.ttl else expires == row.expiry.at


class Call(NamedTuple):
    """What a call has left behind, and what there was before it.

    ``requests`` and ``commits`` are how many requests the service and how many transactions the
    state has seen; ``killed`` and ``stopped``: it ended so.
    """

    code: int
    out: str
    err: str
    before: Held
    after: Held
    rows: Mapping[str, Row]
    requests: int
    commits: int
    killed: bool
    stopped: bool

    @property
    def document(self) -> Any:
        """The one document on stdout."""
        return json.loads(self.out)


class Lab:
    """One namespace, one state file, and two sources beside it: ``m.yaml`` and the folder ``tree``.

    ``mischief`` has to be that of the emulator at ``edge``.
    """

    def __init__(self, edge: ServedEmulator, mischief: Mischief, folder: Path, zone: str) -> None:
        self.edge = edge
        self.zone = zone
        self.state = folder / "state.db"
        self._folder = folder
        self._mischief = mischief
        (folder / "tree").mkdir(parents=True)

    def write(self, source: str, pairs: Pairs) -> None:
        """Let this source name these pairs."""
        if source == "tree":
            shutil.rmtree(self._folder / "tree")
            (self._folder / "tree").mkdir()
            for key, (value, _) in pairs.items():
                (self._folder / "tree" / key).write_text(value)
        else:
            keys = {key: {"value": value, **EXPIRIES[end]} for key, (value, end) in pairs.items()}
            (self._folder / source).write_text(json.dumps({"version": 1, "keys": keys}))

    def call(
        self, command: str, sources: Collection[str], *options: str, trouble: Trouble = QUIET
    ) -> Call:
        """Run a command line on these sources, while this befalls it."""
        paths = [str(self._folder / source) for source in sources]
        place = ["--zone", self.zone, "--state", str(self.state), "--json"]
        if trouble.deeds:
            place += ["--endpoint", self._mischief.box.url]
        out, err = io.TextIOWrapper(io.BytesIO()), io.StringIO()
        before, rows = self.held, self.rows
        with (
            self._mischief.during(trouble, self.state),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            code = run([command, *paths, *place, *options])
            out.flush()
        seen = self._mischief
        return Call(
            code, out.buffer.getvalue().decode(), err.getvalue(), before, self.held, rows,
            seen.requests, seen.commits, seen.dead, seen.stopped,
        )  # fmt: skip

    @property
    def held(self) -> Held:
        """What the namespace holds."""
        return dict(self.edge.pairs(self.zone, "ns"))

    @property
    def rows(self) -> Mapping[str, Row]:
        """What the state says of it; owners are called as the sources are."""
        with State.read(str(self.state)) as state:
            return {
                row.key: row._replace(owner=row.owner.removeprefix("./"))
                for target in state.targets()
                for row in state.rows(target).values()
            }

    def wait_an_hour(self) -> None:
        """Let all that the state knows of have happened an hour earlier: that has settled."""
        if not self.rows:
            return
        with closing(sqlite3.connect(self.state)) as connection, connection:
            connection.execute(
                "UPDATE entry SET checksum = NULL, acknowledged = acknowledged - 3600"
            )
            connection.execute("UPDATE recent SET at = at - 3600")

    def lose_state(self) -> None:
        """Somebody deletes the state file."""
        self.state.unlink(missing_ok=True)
