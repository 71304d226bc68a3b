"""Errors of SQLite, in words that say what to do."""

import errno
import os
import sqlite3

from kvsync.model.errors import DamagedError, StateError
from kvsync.model.machine import is_short_of_files, lack

SQLITE_ERRORS = (sqlite3.Error, UnicodeDecodeError)
"""What Python raises for what SQLite says; the second where that has noise in its words."""

_REPAIR = (
    "Repair it with `kvsync state rebuild SOURCE`, or move it away to start anew: every key is then"
    " sent once more"
)


def damaged(path: str, what: object) -> DamagedError:
    """Return the error for a file in which ``what`` was found."""
    return DamagedError(
        f"{path} is damaged or not a kvsync state file ({what}); it was left as it is. {_REPAIR}",
        str(what),
    )


def foreign(path: str) -> DamagedError:
    """Return the error for a file that another program has written."""
    what = "is not a kvsync state file"
    return DamagedError(f"{path} {what}; it was left as it is", f"it {what}")


def unwritable(path: str, error: OSError) -> StateError:
    """Return what to tell a person whose state cannot be written."""
    return StateError(
        f"cannot write {path}: {error.strerror}; to keep the state elsewhere, give --state FILE"
    )


def translate(error: Exception, path: str, *, new: bool = False) -> StateError:
    """Return the `StateError` that tells a person what SQLite found; ``new``: it was about to be
    made.
    """
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT) or _is_noise(error):
        return damaged(path, error)
    if code == sqlite3.SQLITE_FULL:
        return StateError(f"cannot write {path}: the disk is full")
    if code in _LOST and not new and _is_gone(error, path):
        return StateError(f"cannot write {path}: it was removed or replaced while it was in use")
    if code == sqlite3.SQLITE_READONLY:
        return StateError(f"cannot write {path}: it is read-only; give another --state FILE")
    if code == sqlite3.SQLITE_CANTOPEN and is_short_of_files(error):
        return StateError(f"cannot use {path}: {lack(OSError(errno.EMFILE, ''))}")
    return StateError(f"cannot use {path}: {error}")


_LOST = {
    sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_ERROR,
}  # fmt: skip
"""What SQLite calls it where a file that it had open is not there any more, nor its folder."""


def _is_gone(error: Exception, path: str) -> bool:
    moved = getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_READONLY_DBMOVED
    return moved or not os.path.lexists(path)


def _is_noise(error: Exception) -> bool:
    """Return whether Python could not make sense of what SQLite had read, or a table is not
    there.
    """
    return isinstance(error, UnicodeDecodeError) or str(error).startswith(
        ("Could not decode", "no such table", "no such column")
    )
