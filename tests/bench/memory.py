"""How much memory many entries and large values take: the peak of the whole process."""

import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from tests.bench.bundle import fill
from tests.bench.table import Bound, Row, Scale
from tests.processes import peak_memory, serving, target

_MIB = 1 << 20
# One character beyond the basic plane makes a str four bytes a character wide.
_LINE = '{"id": %08d, "title": "Grüße aus Köln 🙂", "text": "plain words, as in most bundles"}\n'


def peaks(scale: Scale) -> Iterator[Row]:
    """A plan of many files, and a sync of large ones."""
    with tempfile.TemporaryDirectory() as folder:
        for number in range(scale.files):
            file = Path(folder) / str(number % 100) / str(number)
            file.parent.mkdir(exist_ok=True)
            file.write_text(f"value {number} ".ljust(350, "x"))
        peak = peak_memory("plan", folder, "--local")
    what = f"plan, {scale.files:,} files: memory"
    yield Row(what, peak / _MIB, Bound.AT_MOST, 120, "MiB")
    with (
        tempfile.TemporaryDirectory() as folder,
        serving("--data", f"{folder}/emulator.db", "--rate", "0") as url,
    ):
        source = Path(folder) / "source"
        source.mkdir()
        for number in range(scale.large):
            (source / str(number)).write_text(f"value {number} ".ljust(500_000, "x"))
        peak = peak_memory("sync", str(source), *target(url), "--rate", "100000")
    what = f"sync, {scale.large:,} values of 500 KB: memory"
    yield Row(what, peak / _MIB, Bound.AT_MOST, 150, "MiB")


def export(scale: Scale) -> Iterator[Row]:
    """Values of the largest size, a row for each format."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "emulator.db"
        fill(data, islice(_pairs(), scale.export))
        with serving("--data", str(data)) as url:
            for form, name in (("dir", "out"), ("jsonl", "out.jsonl")):
                out = str(Path(folder) / name)
                peak = peak_memory("export", *target(url), "--format", form, "-o", out)
                what = f"export, {scale.export:,} x 1 MiB, {form}: memory"
                yield Row(what, peak / _MIB, Bound.AT_MOST, 150, "MiB")


def _pairs() -> Iterator[tuple[str, bytes]]:
    number = 0
    while True:
        line = (_LINE % number).encode()
        yield f"key-{number}", (line * (_MIB // len(line))).ljust(_MIB)
        number += 1
