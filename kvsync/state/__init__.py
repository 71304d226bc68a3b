"""The state file: what each target was last known to hold. Digests, never values.

`kvsync.state.ledger` is imported by those who push, since it brings asyncio with it, and
`kvsync.state.examine` by those who look for damage.
"""

from kvsync.state.glimpse import Glimpse, glimpse
from kvsync.state.lock import run_lock, run_lock_at_once
from kvsync.state.opening import refuse_foreign
from kvsync.state.place import ASIDE, make_room, set_aside, state_path
from kvsync.state.runs import KEPT_RUNS
from kvsync.state.schema import NEW
from kvsync.state.schema import VERSION as STATE_VERSION
from kvsync.state.store import State

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
