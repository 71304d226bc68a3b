"""Measure, print the table, and exit 1 if a goal is missed."""

import argparse
import json
import os
import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tests.bench import __doc__ as description
from tests.bench.growth import growth
from tests.bench.large import plan
from tests.bench.memory import export, peaks
from tests.bench.pushing import push
from tests.bench.reading import verify
from tests.bench.requests import requests
from tests.bench.secure import pace_over_tls
from tests.bench.starting import start
from tests.bench.table import HEADING, Measurement, Row, Scale
from tests.bench.unchanged import manifests, trees
from tests.bench.wire import pace

MEASUREMENTS: Mapping[str, Measurement] = {
    "pace": pace,
    "pace-tls": pace_over_tls,
    "push": push,
    "trees": trees,
    "manifests": manifests,
    "start": start,
    "growth": growth,
    "peaks": peaks,
    "requests": requests,
    "verify": verify,
    "export": export,
    "large": plan,
}
FULL = Scale()
QUICK = Scale(
    paced=60, latencies=(0.05,), paced_tls=(60,), latencies_tls=(0.05,), pushed=1_000, by_sdk=500,
    files=4_000, pairs=4_000, large=100, entries=(10_000, 40_000), rounds=3,
    requests=(1, 20, 21), verify=2_000, export=50, plan=20_000,
)  # fmt: skip


def measure(scale: Scale, names: Iterable[str]) -> list[Row]:
    """Print the table, each row as soon as it is known; returns the rows."""
    print(machine())
    print(HEADING, flush=True)
    rows = []
    for name in names:
        for row in MEASUREMENTS[name](scale):
            print(row, flush=True)
            rows.append(row)
    for row in rows:
        if row.note and row.verdict in ("missed", "unknown"):
            print(f"{row.what.strip()}, {row.against}: {row.note}")
    return rows


def machine() -> str:
    """What the figures were measured on."""
    return (
        f"{os.cpu_count()} cores, {platform.system()} {platform.machine()},"
        f" Python {platform.python_version()}"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=description)
    parser.add_argument("--quick", action="store_true", help="less of everything: a minute")
    parser.add_argument("--json", metavar="FILE", help="write the figures there, too")
    parser.add_argument("--tls", action="store_true", help="pace --tls is pace-tls")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(MEASUREMENTS)}")
    options = parser.parse_args(arguments)
    names = options.names or list(MEASUREMENTS)
    if unknown := [name for name in names if name not in MEASUREMENTS]:
        parser.error(f"{unknown[0]} is none of {', '.join(MEASUREMENTS)}")
    if options.tls:
        if names != ["pace"]:
            parser.error("--tls goes with pace alone: pace --tls")
        names = ["pace-tls"]
    scale = QUICK if options.quick else FULL
    rows = measure(scale, names)
    if options.json:
        figures = {
            "machine": machine(),
            "scale": scale._asdict(),
            "rows": [row.as_json() for row in rows],
        }
        Path(options.json).write_text(json.dumps(figures, indent=1) + "\n")
    sys.exit(any(row.verdict == "missed" for row in rows))


if __name__ == "__main__":
    main()
