"""A bundle that is in sync: the same pairs in a folder, in its state, and in an emulator's data.

Pushing it there would take as many seconds as the pace allows; it is written where it belongs.
"""

import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from kvsync.emulator.store import Store
from kvsync.model import NEVER, Row, Target
from kvsync.state import State
from tests.processes import ZONE

__all__ = ["Bundle", "bundle", "fill"]

_LONG_AGO_S = 3600
"""Younger writes are read again where they seem to have drifted."""


class Bundle(NamedTuple):
    """The folder that is the source, and the emulator's data file."""

    source: Path
    data: Path

    def empty(self) -> None:
        """Remove all keys from the source: what is in the state is orphaned."""
        for file in self.source.glob("key-*"):
            file.unlink()


@contextmanager
def bundle(keys: int) -> Iterator[Bundle]:
    """So many small pairs, in sync."""
    with tempfile.TemporaryDirectory() as folder:
        made = Bundle(Path(folder) / "source", Path(folder) / "emulator.db")
        pairs = {f"key-{number}": b"value %d" % number for number in range(keys)}
        made.source.mkdir()
        for key, value in pairs.items():
            (made.source / key).write_bytes(value)
        uuid = fill(made.data, pairs.items())
        _remember(made.source, Target(f"emulator:{uuid}", ZONE, "default"), pairs)
        yield made


def fill(data: Path, pairs: Iterable[tuple[str, bytes]]) -> str:
    """Write pairs into an emulator's data file; returns its UUID. Holds one value at a time."""
    with closing(Store(str(data))) as store:
        store.create_namespace(ZONE, "default", "", time.time())
        for key, value in pairs:
            namespace = store.namespace(ZONE, "default")
            assert namespace
            assert store.put(namespace, key.encode(), value, 0)
        return store.uuid


def _remember(source: Path, target: Target, pairs: dict[str, bytes]) -> None:
    then = time.time() - _LONG_AGO_S
    rows = (
        Row(
            key=key,
            digest=sha256(value).digest(),
            size=len(value),
            expiry=NEVER,
            runs_out=0.0,
            acknowledged=then,
            request_id="",
            owner=".",
            origin=str(source / key),
            in_doubt=False,
        )
        for key, value in pairs.items()
    )
    with State.write(str(source / ".kvsync" / "state.db")) as state:
        state.correct(target, rows, ())
