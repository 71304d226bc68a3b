"""Two programs measured one after the other, again and again: what slows the machine slows both."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import NamedTuple

from tests.processes import CREDENTIALS, plain_environment

KVSYNC = [sys.executable, "-m", "kvsync"]
_MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024


class Spent(NamedTuple):
    """What a process took, its children included: seconds passed, seconds of CPU, and bytes."""

    seconds: float
    cpu: float
    peak: int


def program(name: str, *arguments: str) -> list[str]:
    """The command line of a program of the bench, or of any other module."""
    return [sys.executable, "-m", name, *arguments]


def script(code: str, *arguments: str) -> list[str]:
    """The command line of a few words of Python."""
    return [sys.executable, "-c", code, *arguments]


def spend(command: Sequence[str]) -> Spent:
    """Run a program. Raises `SystemExit` with its words if it fails."""
    environment = {**plain_environment(), **CREDENTIALS}
    with tempfile.TemporaryFile("w+") as words:
        begun = time.perf_counter()
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=words
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            words.seek(0)
            raise SystemExit(f"{' '.join(command)}: {process.returncode}\n{words.read()}")
    return Spent(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * _MAXRSS_BYTES)


def alternating(sides: Mapping[str, Callable[[], Spent]], rounds: int) -> dict[str, Spent]:
    """The medians of each side; in each round all of them run, one after the other."""
    spent: dict[str, list[Spent]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, run in sides.items():
            spent[name].append(run())
    return {
        name: Spent(
            median(one.seconds for one in all_),
            median(one.cpu for one in all_),
            round(median(one.peak for one in all_)),
        )
        for name, all_ in spent.items()
    }
