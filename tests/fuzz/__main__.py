"""The property tests of what must hold whatever comes, with many examples each.

    python -m tests.fuzz [--effort N] [--only WORDS]

Prints what was tried, and what the state machine went through. What fails is told by pytest, with
what it takes to see it again.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

_TESTS = Path(__file__).parents[1]
_WHERE = [
    "machine", "sources/test_fuzz.py", "sources/test_reader.py", "edgekv/test_fuzz.py",
    "edgekv/test_answers.py", "hostile/test_types.py", "dumps/test_fuzz.py", "test_keys.py",
    "test_plan.py", "test_plan_deletes.py", "test_correction.py", "cli/test_convergence.py",
]  # fmt: skip


class _Counts:
    """Counts what hypothesis tries, test by test."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.total = 0
        self._tried = 0
        self._begun = 0.0

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if _tries_many(item)]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Any:
        self._tried, self._begun = 0, time.monotonic()
        try:
            return (yield)
        finally:
            seconds = time.monotonic() - self._begun
            name = item.nodeid.removeprefix("tests/")
            self.lines.append(f"{self._tried:>8,} examples {seconds:>7.1f} s  {name}")
            self.total += self._tried

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self) -> Any:
        # Nothing of hypothesis may be imported before pytest has looked at it.
        from hypothesis.internal.conjecture.engine import ConjectureRunner

        with patch.object(ConjectureRunner, "test_function", self._counted(ConjectureRunner)):
            return (yield)

    def _counted(self, runner: Any) -> Any:
        """What hypothesis's engine calls once for each example."""
        original = runner.test_function

        def counted(*args: Any) -> Any:
            self._tried += 1
            return original(*args)

        return counted


def _tries_many(item: pytest.Item) -> bool:
    function = getattr(item, "obj", None)
    return hasattr(function, "hypothesis") or "machine" in item.nodeid


def main(arguments: Sequence[str]) -> int:
    """Try it; returns pytest's exit code."""
    parser = argparse.ArgumentParser("scripts/fuzz", description=__doc__)
    parser.add_argument("--effort", type=int, default=20, help="times what the suite tries")
    parser.add_argument("--only", default="", help="as pytest's -k")
    chosen = parser.parse_args(arguments)
    # Before anything of hypothesis is imported, and for each test to read.
    os.environ["TEST_EFFORT"] = str(max(2, chosen.effort))
    os.environ.pop("CI", None)
    counts = _Counts()
    options = ["-q", "-p", "no:cacheprovider", *(["-k", chosen.only] if chosen.only else [])]
    where = [str(_TESTS / name) for name in _WHERE]
    code = int(pytest.main([*options, *where], plugins=[counts]))
    _report(counts)
    return code


def _report(counts: _Counts) -> None:
    print(*counts.lines, sep="\n")
    print(f"{counts.total:>8,} examples in all")
    from tests.machine.machine import TALLY

    if TALLY:
        print("machine:", ", ".join(f"{count:,} {what}" for what, count in sorted(TALLY.items())))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
