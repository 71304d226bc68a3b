"""Where the state lies, and who may read it: only the user."""

import os

from kvsync.model.errors import StateError
from kvsync.model.private_files import create_private

FOLDER = ".kvsync"


def state_path(home: str, explicit: str = "") -> str:
    """The absolute path of the state file of a source whose home is ``home``.

    ``explicit`` is what ``--state`` or ``KVSYNC_STATE`` says, if anything.
    """
    if explicit:
        if os.path.isdir(explicit):
            raise StateError(f"--state {explicit} is a directory; give the path of a file in it")
        return os.path.realpath(explicit)
    return os.path.realpath(os.path.join(home, FOLDER, "state.db"))


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


def unwritable(path: str, error: OSError) -> StateError:
    """What to tell a person whose state cannot be written."""
    return StateError(
        f"cannot write {path}: {error.strerror}; to keep the state elsewhere, give --state FILE"
    )
