"""No order of edits, syncs, faults, kills and strangers breaks a promise."""

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.effort import examples
from tests.lyingproxy import LyingProxy
from tests.machine.folders import FoldersLab, clock
from tests.machine.lab import Lab
from tests.machine.machine import machine_in
from tests.machine.meeting import meeting_in
from tests.machine.mischief import Mischief


def run_in(make: Any, most: int) -> None:
    """Try so many examples of a machine."""
    run_state_machine_as_test(
        make,
        settings=settings(
            max_examples=examples(most),
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def labs(kind: type[Any], edge: Any, box: LyingProxy, folder: Path) -> Callable[[], Any]:
    """Makes labs, each with a namespace and a folder of its own."""
    mischief = Mischief(box)
    edge._emulator.faults = mischief  # noqa: SLF001 - it has to know of each request
    numbers = count()

    def made() -> Any:
        number = next(numbers)
        return kind(edge, mischief, folder / str(number), f"zone-{number}")

    return made


@pytest.mark.slow
def test_machine(edge, box: LyingProxy, folder: Path) -> None:
    """Whatever happens: the state is true, what is done is done, and what is others' is theirs."""
    run_in(machine_in(labs(Lab, edge, box, folder)), 6)


@pytest.mark.slow
def test_states_that_meet(serve_emulator, monkeypatch, edge, folder: Path) -> None:
    """Whatever meets what else: no false claim, and no key of another source is deleted."""
    with clock() as moved:
        edge = serve_emulator(clock=moved.now)
        monkeypatch.setenv("KVSYNC_ENDPOINT", edge.url)
        with LyingProxy(edge.url) as box:
            run_in(meeting_in(labs(FoldersLab, edge, box, folder), moved), 6)
