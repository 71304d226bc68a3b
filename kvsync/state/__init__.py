"""The state file: what each target was last known to hold. Digests, never values.

`kvsync.state.ledger` is imported by those who push: it brings asyncio with it.
"""

from kvsync.state.aside import ASIDE, set_aside
from kvsync.state.examine import Diagnosis, examine
from kvsync.state.lock import run_lock
from kvsync.state.place import state_path
from kvsync.state.store import KEPT_RUNS, State

__all__ = [
    "ASIDE",
    "KEPT_RUNS",
    "Diagnosis",
    "State",
    "examine",
    "run_lock",
    "set_aside",
    "state_path",
]
