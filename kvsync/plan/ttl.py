"""Whether runs come often enough, and are fast enough, for keys that run out."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from kvsync.model.api import SHORTEST_TTL_S
from kvsync.model.text import count_text, duration_text, printable
from kvsync.model.values import Entry, Run


def usual_gap(now: float, runs: Sequence[Run]) -> float:
    """Seconds that lie between runs at least: the last two, newest first, and one ``now``.

    One late run is an accident, two in a row are a schedule: 0 if there were not so many.
    """
    starts = [now, *(run.started for run in runs[:2])]
    gaps = [later - earlier for later, earlier in pairwise(starts)]
    return min(gaps) if len(gaps) > 1 else 0.0


def ttl_warnings(
    ttls: Sequence[int], now: float, runs: Sequence[Run], rate: float
) -> Iterable[str]:
    """What to say of keys with these TTLs (seconds), pushed at this rate (a second)."""
    gap = usual_gap(now, runs)
    shortest = min(ttls)
    if gap > shortest:
        yield (
            f"the last runs lay {duration_text(gap)} apart, but a TTL here is"
            f" {duration_text(shortest)}: such keys are missing in between; run more often"
        )
    needed = sum(1 / ttl for ttl in ttls)
    if needed > rate:
        yield (
            f"keeping {count_text(len(ttls), 'key')} alive takes {needed:.1f} writes a second,"
            f" more than the rate of {rate:g}: some will run out"
        )


def ending_warnings(ending: Sequence[Entry]) -> Iterable[str]:
    """What to say of entries that are to be sent, and whose ``expires`` is too near."""
    if ending:
        named = ", ".join(f"{printable(entry.key)} ({entry.origin})" for entry in ending[:5])
        more = f" and {len(ending) - 5} more" if len(ending) > 5 else ""
        yield (
            f"an `expires` under {SHORTEST_TTL_S} s ahead: the service refuses it since mid-2026"
            f" (the documented page allows it): {named}{more}"
        )
