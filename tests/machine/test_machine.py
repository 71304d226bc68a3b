"""No order of edits, syncs, faults, kills and strangers breaks a promise."""

import shutil
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.effort import examples
from tests.lyingproxy import LyingProxy
from tests.machine.lab import Lab
from tests.machine.machine import machine_in
from tests.machine.mischief import Mischief


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder in memory, where there is one: each commit waits for a disk."""
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    made = Path(tempfile.mkdtemp(dir=memory))
    yield made
    shutil.rmtree(made)


@pytest.fixture(autouse=True)
def small_steps() -> Iterator[None]:
    """Windows and batches of a few keys, and no waits: eight keys are then as good as hundreds."""
    with (
        patch("kvsync.push.WINDOW", 3),
        patch("kvsync.pool._COMMIT_ROWS", 2),
        patch("kvsync.delete.WINDOW", 4),
        patch("kvsync.delete.KEYS_PER_REQUEST", 2),
        patch("kvsync.edgekv.calls._FIRST_WAIT", 0.0),
    ):
        yield


@pytest.fixture
def box(edge) -> Iterator[LyingProxy]:
    """What lies between, where it is asked to."""
    with LyingProxy(edge.url) as box:
        yield box


def test_machine(edge, box: LyingProxy, folder: Path) -> None:
    """Whatever happens: the state is true, what is done is done, and what is others' is theirs."""
    mischief = Mischief(box)
    edge._emulator.faults = mischief  # noqa: SLF001 - it has to know of each request
    numbers = count()

    def lab() -> Lab:
        number = next(numbers)
        return Lab(edge, mischief, folder / str(number), f"zone-{number}")

    run_state_machine_as_test(
        machine_in(lab),
        settings=settings(
            max_examples=examples(10),
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
