"""A bundle that is in sync: the same pairs in a source, in its state, and in an emulator's data.

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
from kvsync.model.values import NEVER, Row, Target
from kvsync.state.sqlite import State
from tests.processes import ZONE

_LONG_AGO_S = 3600
"""Younger writes are read again where they seem to have drifted."""


class Bundle(NamedTuple):
    """The folder or manifest that is the source, and the emulator's data file."""

    source: Path
    data: Path

    def empty(self) -> None:
        """Remove all keys from the source: what is in the state is orphaned."""
        for file in self.source.glob("key-*"):
            file.unlink()


@contextmanager
def bundle(keys: int, *, folders: int = 0, size: int = 1) -> Iterator[Bundle]:
    """So many pairs of ``size`` bytes or a few more, in sync; in so many folders, 0 for none."""
    with tempfile.TemporaryDirectory() as folder:
        made = Bundle(Path(folder) / "source", Path(folder) / "emulator.db")
        pairs = {}
        made.source.mkdir()
        for number in range(folders):
            (made.source / f"folder-{number}").mkdir()
        for number in range(keys):
            path = f"folder-{number % folders}/key-{number}" if folders else f"key-{number}"
            value = (b"value %d " % number).ljust(size, b"x").strip()
            (made.source / path).write_bytes(value)
            pairs[path.replace("/", "_")] = value
        uuid = fill(made.data, pairs.items())
        _remember(made.source, ".", Target(f"emulator:{uuid}", ZONE, "default"), pairs)
        yield made


@contextmanager
def manifest(keys: int) -> Iterator[Bundle]:
    """So many small pairs in one manifest, in sync."""
    with tempfile.TemporaryDirectory() as folder:
        made = Bundle(Path(folder) / "bench.yaml", Path(folder) / "emulator.db")
        pairs = {f"key-{number}": b"value %d" % number for number in range(keys)}
        lines = (f"  {key}: {value.decode()}\n" for key, value in pairs.items())
        made.source.write_text(f"version: 1\nname: bench\nkeys:\n{''.join(lines)}".rstrip("\n"))
        uuid = fill(made.data, pairs.items())
        _remember(Path(folder), "bench", Target(f"emulator:{uuid}", ZONE, "default"), pairs)
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


def _remember(home: Path, owner: str, target: Target, pairs: dict[str, bytes]) -> None:
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
            owner=owner,
            origin=str(home / key),
            in_doubt=False,
        )
        for key, value in pairs.items()
    )
    with State.write(str(home / ".kvsync" / "state.db")) as state:
        state.correct(target, rows, ())
