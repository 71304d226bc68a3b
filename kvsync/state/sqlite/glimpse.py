"""Glimpses of a state file: has anything been written since, told without opening it?"""

import os
import stat

from kvsync.state.interface import Glimpse

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
