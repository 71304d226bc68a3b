"""The state file: what each target was last known to hold. Digests, never values."""

from kvsync.state.ledger import Ledger
from kvsync.state.lock import run_lock
from kvsync.state.place import state_path
from kvsync.state.store import State

__all__ = ["Ledger", "State", "run_lock", "state_path"]
