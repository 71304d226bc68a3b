"""Attack, print a line for each attack, and exit 1 if a promise was not kept."""

import argparse
import json
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from tests.torture import __doc__ as description
from tests.torture.between import middlebox
from tests.torture.kills import kills, signals
from tests.torture.lab import Line, Scale
from tests.torture.service import all_faults, each_fault, outage, paced

Attack: TypeAlias = Callable[[Scale, int], Iterator[Line]]
ATTACKS: tuple[Attack, ...] = (
    each_fault, all_faults, paced, outage, kills, signals, middlebox,
)  # fmt: skip
FULL = Scale(
    keys=500, shares=(0.05, 0.2, 0.5), paced=500, kills=100, signals=50, killed_keys=300,
    between=200,
)  # fmt: skip
QUICK = Scale(keys=500, shares=(0.2,), paced=100, kills=20, signals=10, killed_keys=300, between=40)


def attack(scale: Scale, seed: int, names: Sequence[str]) -> list[Line]:
    """Print a line as soon as it is known; returns them. No names are all attacks."""
    lines = []
    for each in ATTACKS:
        if names and each.__name__ not in names:
            continue
        for line in each(scale, seed):
            print(line, flush=True)
            lines.append(line)
    return lines


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="scripts/torture", description=description)
    parser.add_argument("--quick", action="store_true", help="less of everything")
    parser.add_argument("--seed", type=int, help="attack as the run that printed it")
    parser.add_argument("--json", metavar="FILE", help="write the figures there, too")
    parser.add_argument("--runs", type=int, metavar="N", help="so many behind the middlebox")
    known = [each.__name__ for each in ATTACKS]
    parser.add_argument("names", nargs="*", metavar="ATTACK", help=f"of {', '.join(known)}")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.names if name not in known]:
        parser.error(f"{unknown[0]} is none of {', '.join(known)}")
    scale = QUICK if options.quick else FULL
    if options.runs is not None:
        scale = scale._replace(between=options.runs)
    seed = random.randrange(10**6) if options.seed is None else options.seed
    begun = time.monotonic()
    print(f"seed {seed}")
    lines = attack(scale, seed, options.names)
    kept = sum(not line.broken for line in lines)
    print(f"{kept} of {len(lines)} attacks held, in {time.monotonic() - begun:.0f} s")
    if options.json:
        figures = {"seed": seed, "lines": [line._asdict() for line in lines]}
        Path(options.json).write_text(json.dumps(figures, indent=1) + "\n")
    sys.exit(kept != len(lines))


if __name__ == "__main__":
    main()
