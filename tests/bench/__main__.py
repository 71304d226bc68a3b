"""Measure, print the table, and exit 1 if a goal is missed."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.bench import __doc__ as description
from tests.bench.large import plan
from tests.bench.memory import export
from tests.bench.reading import verify
from tests.bench.requests import requests
from tests.bench.table import HEADING, Measurement, Row, Scale

__all__ = ["main", "measure"]

MEASUREMENTS: tuple[Measurement, ...] = (requests, verify, export, plan)
FULL = Scale(requests=(1, 20, 21, 1_000, 10_000), verify=10_000, export=500, plan=500_000)
QUICK = Scale(requests=(1, 20, 21, 1_000), verify=2_000, export=100, plan=50_000)


def measure(scale: Scale) -> list[Row]:
    """Print the table, each row as soon as it is known; returns the rows."""
    print(HEADING, flush=True)
    rows = []
    for measurement in MEASUREMENTS:
        for row in measurement(scale):
            print(row, flush=True)
            rows.append(row)
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=description)
    parser.add_argument("--quick", action="store_true", help="less of everything: a minute")
    parser.add_argument("--json", metavar="FILE", help="write the figures there, too")
    options = parser.parse_args(arguments)
    scale = QUICK if options.quick else FULL
    rows = measure(scale)
    if options.json:
        figures = {"scale": scale._asdict(), "rows": [row.as_json() for row in rows]}
        Path(options.json).write_text(json.dumps(figures, indent=1) + "\n")
    sys.exit(not all(row.ok for row in rows))


if __name__ == "__main__":
    main()
