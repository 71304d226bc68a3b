"""kvsync and its emulator, each in a process of its own, as users run them."""

import json
import os
import ssl
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

ZONE = "zone-1"

_KVSYNC = [sys.executable, "-m", "kvsync"]
# The emulator lets any pair in.
CREDENTIALS = {"TENCENTCLOUD_SECRET_ID": "AKIDmeasuring", "TENCENTCLOUD_SECRET_KEY": "any"}
_MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024


@contextmanager
def serving(*options: str) -> Iterator[str]:
    """An emulator in a process of its own; yields its URL."""
    with subprocess.Popen(
        [*_KVSYNC, "emulator", *options], stdout=subprocess.PIPE, text=True
    ) as emulator:
        assert emulator.stdout
        try:
            yield emulator.stdout.readline().split()[-1]
        finally:
            emulator.terminate()


def statistics(url: str, ca_file: str = "") -> Any:
    """What the emulator counted so far; ``ca_file`` is what it takes to trust it."""
    trust = ssl.create_default_context(cafile=ca_file) if ca_file else None
    with urllib.request.urlopen(f"{url}/_emulator/stats", context=trust) as answer:
        return json.load(answer)


def target(url: str) -> list[str]:
    """The options that lead kvsync to an emulator's first namespace."""
    return ["--endpoint", url, "--zone", ZONE, "--namespace", "default"]


def run(*arguments: str) -> None:
    """Run a kvsync command. Raises `SystemExit` with its words if it fails."""
    peak_memory(*arguments)


def peak_memory(*arguments: str) -> int:
    """As `run`; returns the bytes of memory that the whole process held at its peak.

    Between fork and exec the child is a copy of this process, which counts, too: a caller that
    holds more than kvsync will measures itself.
    """
    command = [*_KVSYNC, *arguments, "-q"]
    with tempfile.TemporaryFile("w+") as words:
        environment = {**plain_environment(), **CREDENTIALS}
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=words
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            words.seek(0)
            raise SystemExit(f"{' '.join(command)}: {process.returncode}\n{words.read()}")
    return usage.ru_maxrss * _MAXRSS_BYTES


def plain_environment() -> dict[str, str]:
    """The environment, without what a shell has set for its own kvsync."""
    return {name: value for name, value in os.environ.items() if not name.startswith("KVSYNC_")}


def busiest_second(arrivals: list[float]) -> int:
    """The most arrivals in any window of one second."""
    first = most = 0
    for last, moment in enumerate(arrivals):
        while arrivals[first] <= moment - 1:
            first += 1
        most = max(most, last - first + 1)
    return most
