"""The pace as the server sees it: `kvsync sync` in one process, the emulator in another.

Run as a program it prints a table: python tests/pace.py --keys 300 --latency 0.05 0.25 2
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

__all__ = ["Pace", "busiest_second", "measure", "serving"]

LEAST = 19.4
"""Keys per second, of the 20 that the API takes; below it the program exits 1."""

KVSYNC = [sys.executable, "-m", "kvsync"]


class Pace(NamedTuple):
    """What the server saw: keys per second, the most in any one second, and how many it refused."""

    keys: int
    per_second: float
    busiest: int
    refused: int


def busiest_second(arrivals: list[float]) -> int:
    """The most arrivals in any window of one second."""
    first = most = 0
    for last, moment in enumerate(arrivals):
        while arrivals[first] <= moment - 1:
            first += 1
        most = max(most, last - first + 1)
    return most


@contextmanager
def serving(*options: str) -> Iterator[str]:
    """An emulator in a process of its own; yields its URL."""
    with subprocess.Popen(
        [*KVSYNC, "emulator", *options], stdout=subprocess.PIPE, text=True
    ) as emulator:
        assert emulator.stdout
        try:
            yield emulator.stdout.readline().split()[-1]
        finally:
            emulator.terminate()


def measure(keys: int, latency: float) -> Pace:
    """Push so many small files at the default rate."""
    with serving("--latency", str(latency)) as url, tempfile.TemporaryDirectory() as folder:
        for number in range(keys):
            (Path(folder) / f"key-{number}").write_text(f"value {number}")
        environment = {
            **os.environ,
            "TENCENTCLOUD_SECRET_ID": "AKIDpace",
            "TENCENTCLOUD_SECRET_KEY": "any",
        }
        target = ["--endpoint", url, "--zone", "zone-1", "--namespace", "default"]
        subprocess.run([*KVSYNC, "sync", folder, *target, "-q"], check=True, env=environment)
        with urllib.request.urlopen(f"{url}/_emulator/stats") as answer:
            stats = json.load(answer)
    arrivals = [moment for moment, action in stats["arrivals"] if action == "EdgeKVPut"]
    rate = (len(arrivals) - 1) / (arrivals[-1] - arrivals[0])
    refused = sum(stats["refused"].values())
    return Pace(len(arrivals), rate, busiest_second(arrivals), refused)


def main() -> None:
    """Print one line per latency; exit 1 if the pace was broken, or not reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=300)
    parser.add_argument("--latency", type=float, nargs="*", default=[0.05, 0.25, 2.0])
    options = parser.parse_args()
    print("latency  keys/s  busiest second  refused")
    held = True
    for latency in options.latency:
        pace = measure(options.keys, latency)
        row = (
            f"{latency * 1000:4.0f} ms  {pace.per_second:6.2f}  {pace.busiest:14}  {pace.refused:7}"
        )
        print(row, flush=True)
        held = held and pace.per_second >= LEAST and pace.busiest <= 20 and not pace.refused
    sys.exit(not held)


if __name__ == "__main__":
    main()
