"""How much memory a dump takes that is larger than memory may be."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.bench.table import Bound, Row, Scale
from tests.processes import peak_memory

_MIB = 1 << 20
_VALUE_BYTES = 2000
_LINE = '{"id": %08d, "title": "Grüße aus Köln", "text": "plain words, as in most bundles"}\n'


def plan(scale: Scale) -> Iterator[Row]:
    """The peak of the whole process; each pair loses its metadata, which is listed as well."""
    with tempfile.TemporaryDirectory() as folder:
        dump = Path(folder) / "dump.json"
        _write(dump, scale.plan)
        given = [str(dump), "--format", "cloudflare", "--metadata", "drop"]
        for form in ((), ("--json",)):
            peak = peak_memory("plan", *given, "--local", *form)
            what = " ".join(["plan", *form]) + f", {scale.plan:,} x 2 KB: memory"
            yield Row(what, peak / _MIB, Bound.AT_MOST, 250, "MiB")


def _write(dump: Path, pairs: int) -> None:
    """A dump in which each pair has a value of 2 KB, and metadata."""
    with dump.open("w", encoding="utf-8") as file:
        for number in range(pairs):
            line = _LINE % number
            value = line * (_VALUE_BYTES // len(line.encode()))
            pair = {"key": f"key-{number}", "value": value, "metadata": {"number": number}}
            file.write(f"{',' if number else '['}\n{json.dumps(pair, ensure_ascii=False)}")
        file.write("\n]\n")
