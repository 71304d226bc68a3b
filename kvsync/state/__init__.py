"""The state file: what each target was last known to hold. Digests, never values.

`kvsync.state.ledger` is imported by those who push: it brings asyncio with it.
"""

from kvsync.state.lock import run_lock
from kvsync.state.place import state_path
from kvsync.state.store import KEPT_RUNS, State

__all__ = ["KEPT_RUNS", "State", "run_lock", "state_path"]
