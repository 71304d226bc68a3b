"""Where the state lies, who may read it, and how a damaged one makes room."""

import os
import time

from kvsync.model.errors import StateError
from kvsync.model.files import create_private

FOLDER = ".kvsync"


def state_path(home: str, explicit: str = "") -> str:
    """Return the absolute path of the state file of a source whose home is ``home``.

    ``explicit`` is what ``--state`` or ``KVSYNC_STATE`` says, if anything.
    """
    if explicit:
        if os.path.isdir(explicit):
            raise StateError(f"--state {explicit} is a directory; give the path of a file in it")
        return os.path.realpath(explicit)
    return os.path.realpath(os.path.join(home, FOLDER, "state.db"))


def make_room(path: str) -> None:
    """Make the directory for the state file ``path``, readable by no one else.

    A ``.kvsync`` directory also gets a ``.gitignore`` that keeps it out of every repository.
    Raises `StateError`.
    """
    folder = os.path.dirname(path)
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        if os.path.basename(folder) == FOLDER:
            os.chmod(folder, 0o700)
            create_private(os.path.join(folder, ".gitignore"), b"*\n")
    except OSError as error:
        raise unwritable(folder, error) from error


def unwritable(path: str, error: OSError) -> StateError:
    """Return what to tell a person whose state cannot be written."""
    return StateError(
        f"cannot write {path}: {error.strerror}; to keep the state elsewhere, give --state FILE"
    )


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
