"""The state file: what each target was last known to hold. Digests, never values.

`kvsync.state.ledger` is imported by those who push, since it brings asyncio with it, and
`kvsync.state.examine` by those who look for damage.
"""

from kvsync.state.aside import ASIDE, set_aside
from kvsync.state.creating import NEW
from kvsync.state.lock import run_lock, run_lock_at_once
from kvsync.state.place import make_room, state_path
from kvsync.state.runs import KEPT_RUNS
from kvsync.state.schema import VERSION as STATE_VERSION
from kvsync.state.store import State

__all__ = [
    "ASIDE",
    "KEPT_RUNS",
    "NEW",
    "STATE_VERSION",
    "State",
    "make_room",
    "run_lock",
    "run_lock_at_once",
    "set_aside",
    "state_path",
]
