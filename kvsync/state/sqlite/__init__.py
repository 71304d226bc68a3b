"""The state file: what each target was last known to hold. Digests, never values.

`kvsync.state.ledger` is imported by those who push, since it brings asyncio with it, and
`kvsync.state.sqlite.examine` by those who look for damage.
"""

from kvsync.state.interface import Glimpse
from kvsync.state.sqlite.glimpse import glimpse
from kvsync.state.sqlite.lock import run_lock, run_lock_at_once
from kvsync.state.sqlite.opening import refuse_foreign
from kvsync.state.sqlite.place import ASIDE, make_room, set_aside, state_path
from kvsync.state.sqlite.runs import KEPT_RUNS
from kvsync.state.sqlite.schema import NEW
from kvsync.state.sqlite.schema import VERSION as STATE_VERSION
from kvsync.state.sqlite.store import State

__all__ = [
    "ASIDE",
    "KEPT_RUNS",
    "NEW",
    "STATE_VERSION",
    "Glimpse",
    "State",
    "glimpse",
    "make_room",
    "refuse_foreign",
    "run_lock",
    "run_lock_at_once",
    "set_aside",
    "state_path",
]
