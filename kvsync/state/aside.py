"""Making room for a new state where a damaged one stands."""

import os
import time

from kvsync.state.place import unwritable

ASIDE = ".damaged-"
"""What follows the name of the state in that of one that was set aside."""


def set_aside(path: str) -> str:
    """Move the state file away, under a `run_lock`; returns where to. Nothing is overwritten.

    What a killed program has left beside it goes along: it would be taken for the new file's, and
    SQLite may yet make something of the two together. Raises `StateError`.
    """
    away = f"{path}{ASIDE}{_now()}"
    endings = [
        ending for ending in ("", "-journal", "-wal", "-shm") if os.path.lexists(path + ending)
    ]
    number, free = 1, away
    while any(os.path.lexists(free + ending) for ending in endings):
        number += 1
        free = f"{away}-{number}"
    try:
        # The state itself goes first: a torn file without its journal may look whole, whereas a
        # journal without its file is nothing.
        for ending in endings:
            os.rename(path + ending, free + ending)
    except OSError as error:
        raise unwritable(path, error) from error
    return free


def _now() -> str:
    return time.strftime("%Y%m%dT%H%M%S", time.gmtime())
