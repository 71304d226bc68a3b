"""The pace as the server sees it: `kvsync sync` in one process, the emulator in another.

Run as a program it prints a table: python -m tests.pace --keys 300 --latency 0.05 0.25 2
"""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from tests.processes import busiest_second, run, serving, statistics, target

__all__ = ["Pace", "measure"]

LEAST = 19.4
"""Keys per second, of the 20 that the API takes; below it the program exits 1."""


class Pace(NamedTuple):
    """What the server saw: keys per second, the most in any one second, and how many it refused."""

    keys: int
    per_second: float
    busiest: int
    refused: int


def measure(keys: int, latency: float) -> Pace:
    """Push so many small files at the default rate."""
    with serving("--latency", str(latency)) as url, tempfile.TemporaryDirectory() as folder:
        for number in range(keys):
            (Path(folder) / f"key-{number}").write_text(f"value {number}")
        run("sync", folder, *target(url))
        stats = statistics(url)
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
