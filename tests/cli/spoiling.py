"""What may happen to a state file on its disk."""

import random
import sqlite3
from contextlib import closing
from pathlib import Path

__all__ = ["STATE", "altered", "noise", "set_aside", "truncate"]

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
