"""A state that is kept in no file: nothing outside the state's room would notice."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from kvsync.model.values import Change, Entry, Outcome, OutcomeKind, Row, Run, Target
from kvsync.state import Diagnosis, Glimpse, State, StateLocation, Wanted

_STARTED = 2_000_000_000.0


@dataclass
class _Memory:
    """Rows and runs in dicts, for as long as the test lasts."""

    rows_of: dict[Target, dict[str, Row]] = field(default_factory=dict)
    runs_of: dict[tuple[Target, str], list[Run]] = field(default_factory=dict)
    opened: int = 0


class _MemoryState:
    """An open state; what a first sync and a second one do not need knows nothing."""

    def __init__(self, memory: _Memory, *, writable: bool) -> None:
        self.memory = memory
        self.writable = writable
        memory.opened += 1

    def __enter__(self) -> "_MemoryState":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def targets(self) -> list[Target]:
        return list(self.memory.rows_of)

    def rows(self, target: Target) -> Mapping[str, Row]:
        return dict(self.memory.rows_of.get(target, {}))

    def some_rows(self, target: Target, keys: Iterable[str]) -> list[Row]:
        known = self.rows(target)
        return [known[key] for key in keys if key in known]

    def recent(self, _: Target) -> dict[str, float]:
        return {}

    def clock_offset(self, _: Target) -> float:
        return 0.0

    def note_clock(self, target: Target, offset: float) -> None:
        pass

    def runs(self, target: Target, owner: str, limit: int = 10) -> list[Run]:
        return self.memory.runs_of.get((target, owner), [])[:limit]

    def numbered_runs(self, target: Target, owner: str) -> list[tuple[int, Run]]:
        return list(enumerate(self.runs(target, owner)))

    def take_over(
        self, target: Target, owner: str, former: str, belongs: Callable[[Row], bool]
    ) -> None:
        pass

    def claim(self, target: Target, owner: str, belongs: Callable[[Row], bool]) -> None:
        pass

    def owns(self, target: Target, owner: str) -> bool:
        return any(row.owner == owner for row in self.rows(target).values())

    def begin_run(
        self, target: Target, owner: str, started: float, *, partial: bool = False
    ) -> int:
        self.memory.runs_of.setdefault((target, owner), []).insert(0, Run(started, 0.0, 0, {}))
        return 1

    def end_run(self, number: int, ended: float, exit_code: int, counts: Mapping[str, int]) -> None:
        pass

    def note_run(self, target: Target, owner: str, run: Run) -> None:
        self.memory.runs_of.setdefault((target, owner), []).insert(0, run)

    def fingerprint(self, identity: bytes) -> tuple[Target, str] | None:
        return None

    def keep_fingerprint(self, target: Target, identity: bytes, content: str) -> None:
        pass

    def failures(self, target: Target, owner: str) -> dict[str, Wanted]:
        return {}

    def failures_elsewhere(self, target: Target, owner: str) -> dict[str, list[str]]:
        return {}

    def failure_file_run(self, target: Target, owner: str, written: float) -> int | None:
        return None

    def note_failure_file(self, target: Target, owner: str, written: float, run: int) -> None:
        pass

    def note_failures(
        self, target: Target, owner: str, wanted: Mapping[str, Wanted | None]
    ) -> None:
        pass

    def record(
        self, target: Target, owner: str, marks: Sequence[Change], outcomes: Sequence[Outcome]
    ) -> None:
        rows = self.memory.rows_of.setdefault(target, {})
        for outcome in outcomes:
            if outcome.kind is OutcomeKind.DONE:
                entry = outcome.entry
                rows[entry.key] = Row(
                    entry.key, entry.digest, entry.size, entry.expiry, runs_out=0.0,
                    acknowledged=_STARTED, request_id="", owner=owner, origin=entry.origin,
                    in_doubt=False,
                )  # fmt: skip

    def touch(self, target: Target, owner: str, entries: Iterable[Entry]) -> None:
        pass

    def correct(self, target: Target, rows: Iterable[Row], gone: Iterable[str]) -> None:
        self.memory.rows_of.setdefault(target, {}).update({row.key: row for row in rows})

    def forget(self, target: Target, keys: Iterable[str]) -> int:
        known = self.memory.rows_of.get(target, {})
        return sum(known.pop(key, None) is not None for key in list(keys))

    def doubt(self, target: Target, before: float = math.inf) -> None:
        pass

    def forget_all(self, target: Target, at: float) -> None:
        self.memory.rows_of.pop(target, None)


@dataclass(frozen=True, order=True)
class _MemoryLocation:
    """Where that is: in this process."""

    name: str
    folder: str
    memory: _Memory = field(compare=False)
    version: int = 1

    @property
    def anchor(self) -> str:
        return f"{self.folder}/.kvsync/state.db"

    def __str__(self) -> str:
        return self.name

    def exists(self) -> bool:
        return bool(self.memory.rows_of)

    def read(self) -> State:
        return _MemoryState(self.memory, writable=False)

    def write(self) -> State:
        return _MemoryState(self.memory, writable=True)

    glance, note, unknown = read, write, read

    @contextmanager
    def lock(
        self, timeout: float = 0.0, waiting: Callable[[str], None] = lambda _: None
    ) -> Iterator[None]:
        yield

    lock_at_once = lock

    def glimpse(self) -> Glimpse:
        return ()

    def make_room(self) -> None:
        pass

    def refuse_foreign(self) -> None:
        pass

    def set_aside(self) -> str:
        return self.name

    def examine(self, *, salvaging: bool = False) -> Diagnosis:
        return Diagnosis()

    def files(self) -> Iterator[str]:
        return iter(())


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> _Memory:
    """Each state of this test is this one."""
    kept = _Memory()
    location: StateLocation = _MemoryLocation("memory:", str(tmp_path), kept)
    monkeypatch.setattr("kvsync.state.locate_file", lambda *_: location)
    return kept


def test_a_state_in_memory(kvsync, edge, write, memory, tmp_path) -> None:
    """Sync, plan and `state list` ask it and no file: what is sent once is not sent again."""
    write("m.yaml", "version: 1\nkeys: {a: one, b: two}\n")
    assert kvsync("sync", "m.yaml").code == 0
    assert edge.pairs("zone-1", "ns") == {"a": ("one", 0), "b": ("two", 0)}
    assert "nothing to do" in kvsync("sync", "m.yaml").out
    write("m.yaml", "version: 1\nkeys: {a: one, b: other}\n")
    assert "0 to create, 1 to update" in kvsync("plan", "m.yaml").out
    assert "2 keys" in kvsync("state", "list", "m.yaml").out
    assert memory.opened
    assert not (tmp_path / ".kvsync").exists()
