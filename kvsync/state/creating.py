"""A new state file, which is there at once and whole, or not at all.

So one that is empty is none that a killed run has left: it is somebody's, and not to be written.
"""

import os
import sqlite3
from contextlib import closing, suppress

from kvsync.model.private_files import create_private
from kvsync.state.schema import create

NEW = ".new-"
"""What follows the name of the state in that of one which is being made."""


def create_whole(path: str) -> None:
    """Make the file with mode 0600, unless one is there. Raises `OSError`, `sqlite3.Error`."""
    if os.path.lexists(path):
        return
    new = f"{path}{NEW}{os.urandom(4).hex()}"
    create_private(new)
    try:
        with closing(sqlite3.connect(new, isolation_level=None)) as connection:
            # Nothing is to be left beside it.
            connection.execute("PRAGMA journal_mode=MEMORY")
            create(connection)
        _give_name(new, path)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(new)


def _give_name(new: str, path: str) -> None:
    """Let it be found there, unless something is by now."""
    try:
        os.link(new, path)
    except FileExistsError:
        return
    except OSError:
        # Not every file system knows of two names for a file.
        if not os.path.lexists(path):
            os.rename(new, path)
