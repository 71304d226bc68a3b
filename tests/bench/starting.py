"""How fast the command line is there."""

import sys
from collections.abc import Iterator
from pathlib import Path

from tests.bench.sides import alternating, script, spend
from tests.bench.table import Bound, Row, Scale, Sides


def start(scale: Scale) -> Iterator[Row]:
    """What is asked for the most costs little more than the library that reads command lines."""
    kvsync = str(Path(sys.executable).with_name("kvsync"))
    spent = alternating(
        {
            "--version": lambda: spend([kvsync, "--version"]),
            "--help": lambda: spend([kvsync, "--help"]),
            "click": lambda: spend(script("import click")),
        },
        6 * scale.rounds,
    )
    for option in ("--version", "--help"):
        sides = Sides(spent[option].seconds * 1000, spent["click"].seconds * 1000, "ms")
        yield Row(
            f"kvsync {option}", sides.ratio, Bound.AT_MOST, 1.3, "x",
            against="python -c 'import click'", sides=sides,
        )  # fmt: skip
