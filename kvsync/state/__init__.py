"""The state: what each target was last known to hold, as digests, never values.

A state is opened by its location; what lies behind that is known in here alone.
"""

from kvsync.state.interface import (
    UNSETTLED,
    Diagnosis,
    Glimpse,
    Holding,
    State,
    StateLocation,
    Wanted,
)
from kvsync.state.sqlite.location import locate_file

__all__ = [
    "UNSETTLED",
    "Diagnosis",
    "Glimpse",
    "Holding",
    "State",
    "StateLocation",
    "Wanted",
    "locate",
]


def locate(home: str, explicit: str = "") -> StateLocation:
    """Return where the state of a source lies: here a backend is chosen.

    ``home`` is the directory that the source's ``.kvsync`` belongs in, ``explicit`` what
    ``--state`` or ``KVSYNC_STATE`` says, if anything. Raises `StateError`.
    """
    return locate_file(home, explicit)
