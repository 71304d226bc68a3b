"""Times to live: what has run out, what has passed, and how often runs come. Pure."""

from collections.abc import Sequence
from itertools import pairwise

from kvsync.model.values import Entry, Row, Run


def is_past(entry: Entry, now: float) -> bool:
    """Tell if the entry's ``expires`` has passed; ``now`` is in Unix seconds."""
    return entry.expiry.at != 0 and entry.expiry.at <= now


def has_run_out(row: Row, now: float) -> bool:
    """Tell if what was pushed is no longer there; ``now`` is in Unix seconds."""
    return 0 < row.runs_out <= now and not row.in_doubt


def usual_gap(now: float, runs: Sequence[Run]) -> float:
    """Seconds that lie between runs at least: the last two, newest first, and one ``now``.

    One late run is an accident, two in a row are a schedule: 0 if there were not so many.
    """
    starts = [now, *(run.started for run in runs[:2])]
    gaps = [later - earlier for later, earlier in pairwise(starts)]
    return min(gaps) if len(gaps) > 1 else 0.0
