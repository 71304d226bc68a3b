"""Warnings of a plan, line by line. Pure."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from kvsync.model.api import SHORTEST_TTL_S
from kvsync.model.text import count_text, duration_text, printable
from kvsync.model.values import Entry, Row, Run
from kvsync.plan.circumstances import Circumstances
from kvsync.plan.ttl import usual_gap

_T = TypeVar("_T")

_NAMED = 5
"""How many keys a message lists before it only counts."""


def plan_warnings(
    entries: Sequence[Entry], expired: Sequence[Entry], circumstances: Circumstances
) -> Iterable[str]:
    """Yield what to say of a plan of these entries; ``expired`` are not sent."""
    if circumstances.complete:
        yield from empty_warnings(entries)
    if circumstances.deleting and not circumstances.complete:
        yield "with --only nothing is deleted"
    untold = [entry for entry in expired if entry.key not in circumstances.told_expired]
    yield from expired_warnings(untold, "sent")
    ttls = [entry.expiry.ttl for entry in entries if entry.expiry.ttl]
    if ttls:
        now, runs, rate = circumstances.now, circumstances.runs, circumstances.rate
        yield from ttl_warnings(ttls, now, runs, rate)


def empty_warnings(entries: Sequence[Entry]) -> Iterable[str]:
    """Yield what to say of a source that names nothing."""
    if not entries:
        yield "the source names no key at all; is it the right one?"


def expired_warnings(expired: Sequence[Entry], what: str) -> Iterable[str]:
    """Yield which entries are too late to be sent, or were left out otherwise."""
    if expired:
        yield f"past their `expires`, not {what}: {_listed(expired, _placed)}"


def ttl_warnings(
    ttls: Sequence[int], now: float, runs: Sequence[Run], rate: float
) -> Iterable[str]:
    """Yield what to say of keys with these TTLs (seconds), pushed at this rate (a second)."""
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
    """Yield what to say of entries that are to be sent, and whose ``expires`` is too near."""
    if ending:
        yield (
            f"an `expires` under {SHORTEST_TTL_S} s ahead: the service refuses it since mid-2026"
            f" (the documented page allows it): {_listed(ending, _placed)}"
        )


def lasting_warnings(keys: Sequence[str]) -> Iterable[str]:
    """Yield what to say of keys that are past their ``expires`` here, and not there."""
    if keys:
        yield (
            "of these there is still what was pushed before:"
            f" {_listed(keys, printable)}; to delete it, take the key out of the source, and sync"
            " with --delete"
        )


def kept_warnings(orphans: Iterable[Row]) -> Iterable[str]:
    """Yield what to say of orphans that another writer has written since."""
    kept = [printable(row.key) for row in orphans if row.estranged]
    if kept:
        yield (
            f"not deleted, since somebody else has written them: {_listed(kept, str)};"
            " to let go of such a key: kvsync state forget SOURCE --only KEY"
        )


def _placed(entry: Entry) -> str:
    return f"{printable(entry.key)} ({entry.origin})"


def _listed(items: Sequence[_T], shown: Callable[[_T], str]) -> str:
    """Name the first items, and count the others."""
    more = f" and {len(items) - _NAMED} more" if len(items) > _NAMED else ""
    return ", ".join(map(shown, items[:_NAMED])) + more
