"""The state: what each target was last known to hold, as digests, never values.

A state is opened by its location; what lies behind that is known in here alone. `Ledger` is
imported by those who push, since it brings asyncio with it.
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
from kvsync.state.sqlite.location import locate

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
