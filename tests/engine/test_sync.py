"""The story of a call, as a library's user would tell it."""

import io
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from kvsync.engine.call import Call, Settings
from kvsync.engine.sync import sync
from kvsync.report import Report, RunReport
from kvsync.report.progress import Progress, Silence
from kvsync.state.sqlite import State, run_lock


class Quiet:
    """An interface that says yes and shows nothing."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def approve(self, runs: Sequence[RunReport]) -> bool:
        return True

    def warn(self, runs: Sequence[RunReport]) -> None:
        return

    def progress(self, label: str, total: int, what: str) -> Progress:
        return Silence(io.StringIO())

    def tell(self, line: str) -> None:
        self.told.append(line)


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """A manifest with one key that lives for an hour."""
    path = tmp_path / "m.yaml"
    path.write_text("version: 1\nkeys: {a: {value: one, ttl: 1h}}\n")
    return path


def synced(path: Path, **fields: object) -> Report:
    """A sync against the emulator within."""
    return sync(Call([str(path)], Settings(local=True), **fields), Quiet())


def test_the_clock_is_read_after_the_wait(manifest, monkeypatch):
    """What ran out while a run waited for another one is renewed."""
    assert synced(manifest).exit_code == 0
    moment = [time.time()]
    real = run_lock

    def lock_after_two_hours(*args: object, **fields: object) -> object:
        moment[0] += 7200
        return real(*args, **fields)

    monkeypatch.setattr("kvsync.state.sqlite.location.run_lock", lock_after_two_hours)
    report = synced(manifest, clock=lambda: moment[0])
    assert report.runs[0].summary().actions == {"renew": 1}


def test_state_that_cannot_be_touched_up(manifest, monkeypatch):
    """A state that fails after the push makes the run fail, with what was done still told."""

    def full(*_: object) -> None:
        from kvsync.model.errors import StateError

        raise StateError("the disk is full")

    monkeypatch.setattr(State, "end_run", full)
    report = synced(manifest)
    assert (report.exit_code, report.runs[0].summary().actions) == (4, {"create": 1})
