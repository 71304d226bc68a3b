"""Where a state file lies, and all that is done with it before it is open."""

import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from kvsync.model.errors import StateError
from kvsync.model.files import MountPoints
from kvsync.model.owners import OwnerPlace, place_of
from kvsync.state.interface import Diagnosis, Glimpse
from kvsync.state.sqlite.lock import run_lock, run_lock_at_once
from kvsync.state.sqlite.opening import refuse_foreign
from kvsync.state.sqlite.schema import FOLDER, NEW, VERSION, make_room
from kvsync.state.sqlite.store import State
from kvsync.state.sqlite.trouble import unwritable

ASIDE = ".damaged-"
"""What follows the name of the state in that of one that was set aside."""

_JOURNALS = ("-journal", "-wal", "-shm")
"""What follows the name of the state in those of files that SQLite puts beside it."""


def state_path(home: str, explicit: str = "") -> str:
    """Return the absolute path of the state file of a source whose home is ``home``.

    ``explicit`` is what ``--state`` or ``KVSYNC_STATE`` says, if anything.
    """
    if explicit:
        if os.path.isdir(explicit):
            raise StateError(f"--state {explicit} is a directory; give the path of a file in it")
        return os.path.realpath(explicit)
    return os.path.realpath(os.path.join(home, FOLDER, "state.db"))


def locate_file(home: str, explicit: str = "") -> "StateFileLocation":
    """Return where the state of a source lies whose ``.kvsync`` belongs in the directory ``home``.

    ``explicit`` is what ``--state`` or ``KVSYNC_STATE`` says, if anything. Raises `StateError`.
    """
    return StateFileLocation(state_path(home, explicit), explicit)


@dataclass(frozen=True, order=True, slots=True)
class StateFileLocation:
    """The absolute path of a state file, without links (`kvsync.state.StateLocation`).

    ``explicit`` is what ``--state`` has called it, if anything has.
    """

    name: str
    explicit: str = field(default="", compare=False)

    @property
    def option(self) -> str:
        """The path from the working directory."""
        return os.path.relpath(self.name)

    @property
    def folder(self) -> str:
        """The directory of the state file."""
        return os.path.dirname(self.name)

    @property
    def version(self) -> int:
        """The version of the file's format."""
        return VERSION

    def place_of(self, location: str, home: str, mounted: MountPoints) -> OwnerPlace:
        """Return the source's place, as it is seen from the file."""
        return place_of(location, home, self.name, self.explicit, mounted)

    def is_beside(self, name: str) -> bool:
        """Tell if that lies in the directory of the file, or in the one above."""
        beside = (os.path.join(base, name) for base in (self.folder, os.path.dirname(self.folder)))
        return any(map(os.path.lexists, beside))

    def exists(self) -> bool:
        """Tell if the file is there."""
        return os.path.exists(self.name)

    def read(self) -> State:
        """Open for reading alone."""
        return State.read(self.name)

    def write(self) -> State:
        """Open for writing, under `lock`; created if it is missing."""
        return State.write(self.name)

    def glance(self) -> State:
        """Open for a fingerprint alone: the file is not searched for damage."""
        return State.glance(self.name)

    def note(self) -> State:
        """Open to note a run that changes no row: the file is not searched for damage."""
        return State.note(self.name)

    def unknown(self) -> State:
        """Return a state that knows nothing, and cannot be written."""
        return State(self.name, None)

    def lock(
        self, timeout: float = 0.0, waiting: Callable[[str], None] = lambda _: None
    ) -> AbstractContextManager[None]:
        """Hold the state for one run; see `run_lock`."""
        return run_lock(self.name, timeout, waiting)

    def lock_at_once(self) -> AbstractContextManager[None]:
        """Hold the state for a moment; see `run_lock_at_once`."""
        return run_lock_at_once(self.name)

    def glimpse(self) -> Glimpse:
        """Look if anybody has written the file, without opening it."""
        return glimpse(self.name)

    def make_room(self) -> None:
        """Make the directory of the file. Raises `StateError`."""
        make_room(self.name)

    def refuse_foreign(self) -> None:
        """Raise `StateError` for a file that is not ours; nothing is created."""
        refuse_foreign(self.name)

    def set_aside(self) -> str:
        """Move a damaged file away, and return where to. Raises `StateError`."""
        return set_aside(self.name)

    def examine(self, *, salvaging: bool = False) -> Diagnosis:
        """Look for damage; with ``salvaging`` keep the rows that can be trusted."""
        from kvsync.state.sqlite.examine import examine

        return examine(self.name, salvaging=salvaging)

    def files(self) -> Iterator[str]:
        """Yield all files that the state may have, as absolute paths: they are part of no
        source.
        """
        folder, name = os.path.split(self.name)
        try:
            there = os.listdir(folder)
        except OSError:
            # Nothing is there yet, or a tree that has it cannot be read either.
            there = []
        ours = (f"{name}{ASIDE}", f"{name}{NEW}")
        yield from (os.path.join(folder, other) for other in there if other.startswith(ours))
        endings = ("", *_JOURNALS, ".lock", ".holder")
        yield from (self.name + ending for ending in endings)
        if os.path.basename(folder) == FOLDER:
            yield os.path.join(folder, ".gitignore")


def set_aside(path: str) -> str:
    """Move the state file away, under a `run_lock`; returns where to. Nothing is overwritten.

    What a killed program has left beside it goes along: it would be taken for the new file's, and
    SQLite may yet make something of the two together. Raises `StateError`.
    """
    away = f"{path}{ASIDE}{_now()}"
    endings = [ending for ending in ("", *_JOURNALS) if os.path.lexists(path + ending)]
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


_COUNTER = slice(24, 28)
"""Where the header counts the transactions (https://www.sqlite.org/fileformat.html)."""


def glimpse(path: str) -> Glimpse:
    """Return what the file at ``path`` looks like; empty if there is none, or none to be seen."""
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            return ()
        with open(path, "rb", buffering=0) as file:
            counter = file.read(_COUNTER.stop)[_COUNTER]
    except OSError:
        return ()
    # Of a transaction that is about to be committed the header may speak already.
    committing = os.path.lexists(f"{path}-journal")
    place = status.st_dev, status.st_ino
    return *place, status.st_size, status.st_mtime_ns, counter, committing
