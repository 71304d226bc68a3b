"""The tables of a state file: made whole or not at all; is it ours, and of our version?

A new file is there at once and whole. So one that is empty is none that a killed run has left: it
is someone's, and not to be written.
"""

import os
import sqlite3
from contextlib import closing, suppress

from kvsync.model.errors import StateError
from kvsync.model.files import create_private
from kvsync.state.sqlite import changing, handover, runs
from kvsync.state.sqlite.rows import COLUMNS
from kvsync.state.sqlite.trouble import damaged, foreign, unwritable

FOLDER = ".kvsync"

APPLICATION_ID = 0x6B767379
"""``kvsy``: in the header of every state file (https://www.sqlite.org/fileformat.html)."""

VERSION = 1

TOO_SHORT = "it ends in the middle of a page"

_SCHEMA = """
CREATE TABLE target (
    id INTEGER PRIMARY KEY,
    endpoint TEXT NOT NULL,
    zone TEXT NOT NULL,
    namespace TEXT NOT NULL,
    clock_offset REAL NOT NULL DEFAULT 0,
    UNIQUE (endpoint, zone, namespace)
);
CREATE TABLE entry (
    target INTEGER NOT NULL REFERENCES target (id),
    key TEXT NOT NULL,
    digest BLOB NOT NULL,
    size INTEGER NOT NULL,
    ttl INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    runs_out REAL NOT NULL,
    acknowledged REAL NOT NULL,
    request_id TEXT NOT NULL,
    owner TEXT NOT NULL,
    origin TEXT NOT NULL,
    in_doubt INTEGER NOT NULL,
    signature BLOB NOT NULL,
    checksum INTEGER,
    PRIMARY KEY (target, key)
) WITHOUT ROWID;
CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    target INTEGER NOT NULL REFERENCES target (id),
    owner TEXT NOT NULL,
    started REAL NOT NULL,
    ended REAL NOT NULL,
    exit_code INTEGER NOT NULL,
    counts TEXT NOT NULL
);
CREATE INDEX run_of ON run (target, owner, started);
"""

_FOREIGN = "SELECT 1 FROM sqlite_master WHERE type = 'view'"
"""In place of a table it may have rows without end."""


def create(connection: sqlite3.Connection) -> None:
    """Make the tables of a new state file. Raises `sqlite3.Error`."""
    connection.executescript(
        f"BEGIN EXCLUSIVE; {_SCHEMA} PRAGMA application_id={APPLICATION_ID};"
        f" PRAGMA user_version={VERSION}; COMMIT;"
    )


def update(connection: sqlite3.Connection) -> None:
    """Add what older files of this version have not. Raises `sqlite3.Error`."""
    changing.prepare(connection)
    runs.prepare(connection)
    if columns_in(connection) != COLUMNS:
        # Their rows get a checksum when they are next written.
        connection.execute("ALTER TABLE entry ADD COLUMN checksum INTEGER")
    handover.prepare(connection)


def columns_in(connection: sqlite3.Connection) -> str:
    """Return what to select for a row in this file: older ones have no checksums."""
    found = connection.execute("SELECT 1 FROM pragma_table_info('entry') WHERE name = 'checksum'")
    return COLUMNS if found.fetchone() else COLUMNS.replace("checksum", "NULL")


def is_new(connection: sqlite3.Connection, path: str) -> bool:
    """Return whether the file is still empty. Raises `StateError` if it is not ours or newer.

    No one but us keeps anything in a ``.kvsync``; elsewhere an empty file is someone's.
    """
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if (application_id, version, tables) == (0, 0, 0):
        if os.path.basename(os.path.dirname(path)) == FOLDER:
            return True
        raise StateError(
            f"{path} is empty, and no kvsync state file; it was left as it is: remove it, or give"
            " another --state FILE"
        )
    if application_id != APPLICATION_ID:
        raise foreign(path)
    if version != VERSION:
        raise StateError(
            f"{path} was written by another version of kvsync (its format is {version}, this one"
            f" knows {VERSION}); use that version, or give another --state FILE"
        )
    if connection.execute(_FOREIGN).fetchone():
        raise foreign(path)
    return False


def check_whole(connection: sqlite3.Connection, path: str) -> None:
    """Raise `DamagedError` if the file is not built as SQLite builds one.

    Better now than when half the keys are sent; and a page that stands where it does not belong is
    noticed in no other way. It takes a tenth of the time that reading the rows takes.
    """
    if ends_too_early(connection):
        raise damaged(path, TOO_SHORT)
    (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if found != "ok":
        raise damaged(path, str(found).splitlines()[-1])


def ends_too_early(connection: sqlite3.Connection) -> bool:
    """Return whether the file was cut off within its last page: of a free one SQLite misses
    nothing.
    """
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    connection.text_factory = os.fsdecode
    try:
        _, _, file = connection.execute("PRAGMA database_list").fetchone()
    finally:
        connection.text_factory = str
    return bool(file) and os.path.getsize(file) % size != 0


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


def make_room(path: str) -> None:
    """Make the directory for the state file ``path``, readable by nobody else.

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
