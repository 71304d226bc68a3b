"""How much memory large values take."""

import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from tests.bench.bundle import fill
from tests.bench.table import Bound, Row, Scale
from tests.processes import peak_memory, serving, target

__all__ = ["export"]

_MIB = 1 << 20
# One character beyond the basic plane makes a str four bytes a character wide.
_LINE = '{"id": %08d, "title": "Grüße aus Köln 🙂", "text": "plain words, as in most bundles"}\n'


def export(scale: Scale) -> Iterator[Row]:
    """The peak of the whole process for values of the largest size, a row for each format."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "emulator.db"
        fill(data, islice(_pairs(), scale.export))
        with serving("--data", str(data)) as url:
            for form, name in (("dir", "out"), ("jsonl", "out.jsonl")):
                out = str(Path(folder) / name)
                peak = peak_memory("export", *target(url), "--format", form, "-o", out)
                what = f"export, {scale.export:,} values of 1 MiB, {form}: memory"
                yield Row(what, peak / _MIB, Bound.AT_MOST, 150, "MiB")


def _pairs() -> Iterator[tuple[str, bytes]]:
    number = 0
    while True:
        line = (_LINE % number).encode()
        yield f"key-{number}", (line * (_MIB // len(line))).ljust(_MIB)
        number += 1
