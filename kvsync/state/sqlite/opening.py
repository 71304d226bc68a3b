"""Opening the SQLite file, for writing, or so that nothing is created or changed."""

import os
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

from kvsync.model.errors import StateError
from kvsync.state.sqlite.schema import (
    APPLICATION_ID,
    VERSION,
    check_whole,
    create,
    create_whole,
    is_new,
    make_room,
    update,
)
from kvsync.state.sqlite.trouble import SQLITE_ERRORS, foreign, translate, unwritable

_BUSY_S = 10
"""Seconds to wait for another process that is just committing."""

_HEADER_BYTES = 100
_MAGIC = b"SQLite format 3\0"
_VERSION = slice(60, 64)
_KNOWN = VERSION.to_bytes(4, "big")
_APPLICATION = slice(68, 72)
_OURS = APPLICATION_ID.to_bytes(4, "big")


def open_for_writing(path: str) -> sqlite3.Connection:
    """Return the state file, created with mode 0600 if it is missing.

    A rollback journal, not WAL: there is one writer, and the file must open on a network file
    system and read-only. Raises `StateError`; a file that is not ours is left untouched.
    """
    return _opened_for_writing(path, lambda connection: check_whole(connection, path))


def open_for_noting(path: str) -> sqlite3.Connection:
    """Do as `open_for_writing`, but the file is not looked through."""
    return _opened_for_writing(path, lambda _: None)


def _opened_for_writing(
    path: str, check: Callable[[sqlite3.Connection], None]
) -> sqlite3.Connection:
    make_room(path)
    try:
        create_whole(path)
        _refuse_what_is_no_file(path)
        in_wal = _is_in_wal(path)
    except OSError as error:
        raise unwritable(path, error) from error
    except SQLITE_ERRORS as error:
        raise translate(error, path, new=True) from error
    if not os.access(path, os.W_OK):
        raise StateError(f"cannot write {path}; to keep the state elsewhere, give --state FILE")
    connection = _connect(path, "rw")
    try:
        if is_new(connection, path):
            create(connection)
        if in_wal:
            connection.execute("PRAGMA journal_mode=DELETE")
        check(connection)
        connection.execute("PRAGMA synchronous=FULL")
        update(connection)
    except SQLITE_ERRORS as error:
        connection.close()
        raise translate(error, path) from error
    except StateError:
        connection.close()
        raise
    return connection


def refuse_foreign(path: str) -> None:
    """Raise `StateError` for what `open_for_writing` would refuse as it is; nothing is created.

    For who is about to put a lock beside it: beside another's file that has no business.
    """
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            header = file.read(_HEADER_BYTES)
    except FileNotFoundError:
        return
    except OSError:
        header = b""
    known = header[_VERSION] == _KNOWN and header[_APPLICATION] == _OURS
    if not (known and header.startswith(_MAGIC)):
        # Not of our making, it seems: this tells what it is.
        connection = open_to_glance(path)
        if connection:
            connection.close()


def _without_waiting(path: str, flags: int) -> int:
    # A FIFO in its place would be waited for.
    return os.open(path, flags | os.O_NONBLOCK)


def open_for_reading(path: str) -> sqlite3.Connection | None:
    """Return the state file, opened so that nothing is ever created or changed; None if there is
    none.

    Raises `StateError`.
    """

    def whole(connection: sqlite3.Connection) -> bool:
        if is_new(connection, path):
            return False
        check_whole(connection, path)
        return True

    return connected_for_reading(path, whole)


def open_to_glance(path: str) -> sqlite3.Connection | None:
    """Do as `open_for_reading`, but the file is not looked through."""
    return connected_for_reading(path, lambda connection: not is_new(connection, path))


def connected_for_reading(
    path: str, accepts: Callable[[sqlite3.Connection], bool]
) -> sqlite3.Connection | None:
    """Do as `open_for_reading`, if it ``accepts`` what is in the file."""
    try:
        _refuse_what_is_no_file(path)
        in_wal = _is_in_wal(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        # A state that cannot be seen is not one that does not exist.
        raise StateError(f"cannot read {path}: {error.strerror}") from error
    try:
        # Even who only reads creates files beside one in WAL mode.
        return (
            _recovered_copy(path, accepts) if in_wal else _accepted(_connect(path, "ro"), accepts)
        )
    except SQLITE_ERRORS as error:
        if getattr(error, "sqlite_errorcode", 0) not in _HOT_JOURNAL:
            raise translate(error, path) from error
    try:
        return _recovered_copy(path, accepts)
    except SQLITE_ERRORS as error:
        raise translate(error, path) from error


_HOT_JOURNAL = {
    sqlite3.SQLITE_READONLY_ROLLBACK,
    sqlite3.SQLITE_READONLY_RECOVERY,
    sqlite3.SQLITE_CANTOPEN,
}


def _accepted(
    connection: sqlite3.Connection, accepts: Callable[[sqlite3.Connection], bool]
) -> sqlite3.Connection | None:
    try:
        accepted = accepts(connection)
    except BaseException:
        connection.close()
        raise
    if not accepted:
        connection.close()
    return connection if accepted else None


def _recovered_copy(
    path: str, accepts: Callable[[sqlite3.Connection], bool]
) -> sqlite3.Connection | None:
    """Take over, in a copy, what a program that was killed left beside the file.

    Only a writer may do so in place.
    """
    import shutil
    import tempfile

    try:
        with tempfile.TemporaryDirectory(prefix="kvsync-") as folder:
            copy = os.path.join(folder, "state.db")
            for ending in ("", "-journal", "-wal"):
                if not ending or os.path.exists(path + ending):
                    shutil.copyfile(path + ending, copy + ending)
            connection = _connect(copy, "rw")
            memory = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
            try:
                connection.backup(memory)
            except SQLITE_ERRORS:
                memory.close()
                raise
            finally:
                connection.close()
    except OSError as error:
        raise StateError(f"cannot read {path}: {error.strerror}") from error
    return _accepted(memory, accepts)


def _connect(path: str, mode: str) -> sqlite3.Connection:
    try:
        connection = sqlite3.connect(
            f"{Path(path).as_uri()}?mode={mode}",
            uri=True,
            timeout=_BUSY_S,
            isolation_level=None,
            # Commits happen in a thread of their own, one at a time: see `Ledger`.
            check_same_thread=False,
        )
        # For files that another writer may have written: https://www.sqlite.org/security.html
        connection.execute("PRAGMA cell_size_check=ON")
        connection.execute("PRAGMA trusted_schema=OFF")
    except SQLITE_ERRORS as error:
        raise translate(error, path) from error
    return connection


def _refuse_what_is_no_file(path: str) -> None:
    """Raise `StateError`, and `OSError` if nothing is there or to be seen."""
    mode = os.stat(path).st_mode
    if not stat.S_ISREG(mode):
        # A FIFO would be waited for.
        what = "a directory" if stat.S_ISDIR(mode) else "no regular file"
        raise StateError(f"{path} is {what}; move it away, or give another --state FILE")


def _is_in_wal(path: str) -> bool:
    """Return whether another program has put the file into WAL mode, or left its log.

    Raises `DamagedError` if it is that program's own: to open it would write it. Raises `OSError`.
    """
    if not os.path.exists(path):
        return False
    with open(path, "rb") as file:
        header = file.read(_HEADER_BYTES)
    if header[18:20] != b"\2\2" and not os.path.exists(f"{path}-wal"):
        return False
    if len(header) == _HEADER_BYTES and header[_APPLICATION] != _OURS:
        raise foreign(path)
    return True
