"""States in SQLite, each in a file of its own: begin with `location`, then `store`."""

from kvsync.state.sqlite.location import state_path
from kvsync.state.sqlite.lock import run_lock, run_lock_at_once
from kvsync.state.sqlite.store import State

__all__ = ["State", "run_lock", "run_lock_at_once", "state_path"]
