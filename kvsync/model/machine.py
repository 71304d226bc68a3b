"""Limits of this machine: open files, and a directory to work in."""

import errno
import os
import resource
import sys

from kvsync.model.errors import KvsyncError, MachineError

_OPEN = "/proc/self/fd" if sys.platform == "linux" else "/dev/fd"
_TOO_MANY = (errno.EMFILE, errno.ENFILE)


def spare_files() -> int:
    """Return how many files and connections this process may open besides those that are open."""
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most == resource.RLIM_INFINITY:
        return sys.maxsize
    try:
        # Less the one that is open to read the list.
        return max(0, most - (len(os.listdir(_OPEN)) - 1))
    except OSError:
        return 0


def is_short_of_files(error: BaseException) -> bool:
    """Return whether this failed since no file or connection could be opened any more.

    A look-up of a name says so in many ways, and several addresses in none: then it is tried.
    """
    if getattr(error, "errno", None) in _TOO_MANY:
        return True
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as reason:
        return reason.errno in _TOO_MANY
    return False


def lack(error: BaseException) -> KvsyncError | None:
    """Return the error for what ended a command since the machine would not give it; None: not
    that.
    """
    if not isinstance(error, OSError):
        return None
    if error.errno in _TOO_MANY:
        most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        whose = f"this process may have {most} files open" if error.errno == errno.EMFILE else ""
        words = whose or "this machine has as many files open as it can"
        return MachineError(f"{words}, which is too few: raise that (ulimit -n) and run again")
    if error.filename is None and not _has_folder():
        return MachineError(
            "the directory that this was started in is not there any more: cd to one that is"
        )
    return None


def _has_folder() -> bool:
    try:
        os.getcwd()
    except OSError:
        return False
    return True
