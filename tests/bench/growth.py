"""Whether a plan's time grows no faster than what it plans."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.bench.sides import KVSYNC, Spent, alternating, spend
from tests.bench.table import Bound, Row, Scale, Sides

_NOTE = (
    "Above 50,000 entries the dump is matched in a temporary SQLite table: in dicts, 500,000 of"
    " them would take 175 MB."
)


def growth(scale: Scale) -> Iterator[Row]:
    """CPU per entry at each size, without what a plan of one entry takes."""
    with tempfile.TemporaryDirectory() as folder:
        dumps = {entries: _dump(Path(folder), entries) for entries in (1, *scale.entries)}
        small = {n: dump for n, dump in dumps.items() if n < 100_000}
        large = {n: dump for n, dump in dumps.items() if n >= 100_000}
        # A short run is lost in the noise of its start: there are more of them.
        spent = _measured(small, 3 * scale.rounds) | _measured(large, min(3, scale.rounds))
    start = spent[1].cpu
    each = {entries: (spent[entries].cpu - start) / entries * 1e6 for entries in scale.entries}
    least = scale.entries[0]
    for entries in scale.entries[1:]:
        sides = Sides(each[entries], each[least], "µs")
        yield Row(
            f"plan per entry, {entries:,} of a jsonl", sides.ratio, Bound.AT_MOST, 1.3, "x",
            against=f"itself, {least:,}", sides=sides, note=_NOTE,
        )  # fmt: skip


def _measured(dumps: dict[int, Path], rounds: int) -> dict[int, Spent]:
    sides = {str(n): lambda dump=dump: _plan(dump) for n, dump in dumps.items()}  # type: ignore[misc]
    return {int(n): spent for n, spent in alternating(sides, rounds).items()}


def _plan(dump: Path) -> Spent:
    return spend([*KVSYNC, "plan", str(dump), "--format", "jsonl", "--local", "-q"])


def _dump(folder: Path, entries: int) -> Path:
    dump = folder / f"{entries}.jsonl"
    with dump.open("w") as file:
        for number in range(entries):
            file.write(f'{{"key":"key-{number}","value":"value {number}"}}\n')
    return dump
