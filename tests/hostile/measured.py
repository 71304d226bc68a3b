"""Command lines run in this process, each with its exit code, words, seconds and peak memory.

    python -m tests.hostile.measured JSON-LIST-OF-COMMAND-LINES

A process of its own: the tests' own memory must not count. Prints a JSON list.
"""

import io
import json
import resource
import sys
import time
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

from kvsync.cli import run

_STATUS = Path("/proc/self/status")


def _forget_peak() -> None:
    if _STATUS.exists():
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _peak() -> int:
    """Bytes that this process held at its peak, since it was forgotten if the system can do so."""
    if not _STATUS.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    lines = _STATUS.read_text(encoding="ascii").splitlines()
    (peak,) = (line.split()[1] for line in lines if line.startswith("VmHWM:"))
    return int(peak) << 10


def _measured(args: list[str]) -> dict[str, Any]:
    words = io.StringIO()
    _forget_peak()
    begun = time.monotonic()
    with redirect_stderr(words):
        code = run(args)
    seconds = time.monotonic() - begun
    return {"code": code, "words": words.getvalue(), "seconds": seconds, "peak": _peak()}


if __name__ == "__main__":
    print(json.dumps([_measured(args) for args in json.loads(sys.argv[1])]))
