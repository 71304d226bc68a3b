"""What may happen to a state file on its disk."""

import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

LOOKS = (
    ("plan", "m.yaml", "--json"),
    ("state", "list", "m.yaml"),
    ("state", "show", "m.yaml"),
    ("state", "check", "m.yaml"),
)
"""What reads a state."""

STATE = Path(".kvsync/state.db")


def altered(sql: str, path: Path = STATE) -> None:
    """Change what stands in the rows, past all that would bring their checksums up to date."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(sql)


def noise(start: int, length: int, path: Path = STATE) -> None:
    """Overwrite these bytes with what is there by chance, the same every time."""
    with path.open("r+b") as file:
        file.seek(start)
        file.write(random.Random(start).randbytes(length))


def truncate(length: int, path: Path = STATE) -> None:
    """Cut the file off."""
    with path.open("r+b") as file:
        file.truncate(length)


def set_aside(path: Path = STATE) -> list[Path]:
    """The damaged states that were kept."""
    return sorted(path.parent.glob(f"{path.name}.damaged-*"))


def files(folder: Path = STATE.parent) -> dict[str, bytes]:
    """All files of a folder, by name."""
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def child(*args: str, before: Callable[[], None] | None = None) -> subprocess.CompletedProcess[str]:
    """Run kvsync in a process of its own, for a minute at most; ``before`` in it, before that."""
    # What the process may not do, what measures it could not do either.
    measured = [name for name in os.environ if name.startswith("COVERAGE_") and before]
    environment = {name: text for name, text in os.environ.items() if name not in measured}
    return subprocess.run(
        [sys.executable, "-m", "kvsync", *args],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        preexec_fn=before,
        env=environment,
    )
