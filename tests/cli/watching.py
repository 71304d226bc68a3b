"""What the service holds and has been asked, and how time passes for a state: for tests."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any


def held(edge: Any) -> dict[str, str]:
    """What the service holds."""
    return {key: value for key, (value, _) in edge.pairs("zone-1", "ns").items()}


def asked(edge: Any) -> dict[str, int]:
    """How many requests of each action the service has seen."""
    return dict(edge.stats()["requests"])


@contextmanager
def counted(edge: Any) -> Iterator[dict[str, int]]:
    """Requests of each action that the service sees meanwhile; complete once the block ends."""
    before = asked(edge)
    seen: dict[str, int] = {}
    yield seen
    after = asked(edge)
    seen |= {name: n - before.get(name, 0) for name, n in after.items() if n != before.get(name)}


def long_ago(path: str = ".kvsync/state.db") -> None:
    """Let all that the state knows of have happened longer ago than the store needs to settle."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE entry SET checksum = NULL, acknowledged = acknowledged - 3600")
        connection.execute("UPDATE recent SET at = at - 3600")
