"""The diff: entries, state and clock in, changes out. Each rule is one line of `_judge`. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from math import inf

from kvsync.model.api import SHORTEST_TTL_S
from kvsync.model.entries import Changes, Picked, names_of, rows_beside, unnamed_rows
from kvsync.model.values import NEVER, Action, Change, Entry, Plan, Row
from kvsync.plan.circumstances import Circumstances
from kvsync.plan.guards import refuse_foreign
from kvsync.plan.ttl import has_run_out, is_past
from kvsync.plan.warnings import ending_warnings, kept_warnings, lasting_warnings, plan_warnings

_CLOCKS_S = 10.0
_CLOCKS_SHARE = 0.25
"""Of a TTL. By so much, or so many seconds if they are less, clocks that are right may differ: what
is known of the service's is a few seconds off."""


def make_plan(
    entries: Sequence[Entry], rows: Mapping[str, Row], circumstances: Circumstances
) -> Plan:
    """Plan what makes the target hold ``entries``, if it holds what ``rows`` say.

    Raises `RefusedError` when an entry's key belongs to another source, unless the circumstances
    allow adoption.
    """
    refuse_foreign(entries, rows, circumstances)
    found = _Sorted(entries, rows, circumstances)
    orphans, gone = _orphans(entries, rows, circumstances)
    deletes = _deletes(entries, rows, orphans, circumstances)
    going = {change.entry.key for change in deletes}
    staying = [row for row in orphans if row.key not in going]
    return Plan(
        changes=found.changes,
        unchanged=len(entries) - len(found.changes) - len(found.expired),
        touched=found.touched,
        orphans=staying,
        expired=found.expired,
        dropped=found.dropped + gone,
        warnings=[
            *plan_warnings(entries, found.expired, circumstances),
            *ending_warnings(found.ending),
            *lasting_warnings(found.lasting),
            *(kept_warnings(staying) if circumstances.deleting else ()),
        ],
        deletes=deletes,
        due=min((found.due, *(row.runs_out for row in staying if row.runs_out))),
    )


class _Sorted:
    """The entries by what becomes of them.

    ``ending``: their ``expires`` is too near. ``dropped`` and ``lasting``: keys past their
    ``expires`` of which what was pushed has run out, or has not. ``due``: Unix seconds until which
    all that is unchanged stays so.
    """

    def __init__(
        self, entries: Sequence[Entry], rows: Mapping[str, Row], circumstances: Circumstances
    ) -> None:
        self.changes = Changes(entries, rows)
        self.touched = Picked(entries)
        self.expired: list[Entry] = []
        self.ending: list[Entry] = []
        self.dropped: list[str] = []
        self.lasting: list[str] = []
        self.due = inf
        self._circumstances = circumstances
        for number, (entry, row) in enumerate(rows_beside(entries, rows)):
            if is_past(entry, circumstances.now):
                self._expire(entry, row)
            else:
                self._sort(number, entry, row)

    def _expire(self, entry: Entry, row: Row | None) -> None:
        self.expired.append(entry)
        if row:
            # What was pushed may have another end, or none.
            ended = has_run_out(row, self._circumstances.now)
            (self.dropped if ended else self.lasting).append(entry.key)

    def _sort(self, number: int, entry: Entry, row: Row | None) -> None:
        circumstances = self._circumstances
        action, reason = _judge(entry, row, circumstances)
        if action:
            self.changes.add(number, action, reason)
            soon = 0 < entry.expiry.at < circumstances.now + SHORTEST_TTL_S
            if soon and entry.key not in circumstances.told_short:
                self.ending.append(entry)
        elif row:
            if entry.expiry != NEVER:
                self.due = min(self.due, _due(row, entry, circumstances))
            if _is_stale(row, entry, circumstances.owner):
                self.touched.add(number)


def _judge(
    entry: Entry, row: Row | None, circumstances: Circumstances
) -> tuple[Action | None, str]:
    if entry.key in circumstances.verdicts:
        return circumstances.verdicts[entry.key]
    if row is None:
        return Action.CREATE, "not in the state"
    if row.in_doubt:
        return Action.UPDATE, "last outcome unknown"
    if row.digest != entry.digest or row.size != entry.size:
        return Action.UPDATE, "value changed"
    if row.expiry != entry.expiry:
        return Action.UPDATE, "expiry changed"
    ttl = entry.expiry.ttl
    if ttl:
        left = row.runs_out - circumstances.now
        if left <= 0:
            return Action.RENEW, "its TTL has run out"
        if left <= _margin(ttl, circumstances):
            return Action.RENEW, "its TTL is running out"
        if left > ttl + min(_CLOCKS_S, ttl * _CLOCKS_SHARE):
            # Some clock was wrong, then or now: when the pair ends, no one knows.
            return Action.RENEW, "more time left than its TTL"
    return None, ""


def _margin(ttl: int, circumstances: Circumstances) -> float:
    """Seconds before the end of a TTL in which the key is renewed."""
    within = circumstances.options.renew_within
    return ttl / 2 if within is None else within


def _due(row: Row, entry: Entry, circumstances: Circumstances) -> float:
    """Return when an unchanged entry with an expiry will not be unchanged any more."""
    if entry.expiry.ttl:
        return row.runs_out - max(0, _margin(entry.expiry.ttl, circumstances))
    return float(entry.expiry.at)


def _is_stale(row: Row, entry: Entry, owner: str) -> bool:
    if row.owner != owner or row.origin != entry.origin:
        return True
    return bool(entry.signature) and row.signature != entry.signature


def _orphans(
    entries: Iterable[Entry], rows: Mapping[str, Row], circumstances: Circumstances
) -> tuple[list[Row], list[str]]:
    """Rows of this owner that no one names any more, and the keys of those that have expired.

    A pair that ran out is no longer there: it can be neither orphan nor delete.
    """
    orphans: list[Row] = []
    gone: list[Row] = []
    for row in unnamed_rows(entries, rows):
        if row.owner != circumstances.owner or row.key in circumstances.named_elsewhere:
            continue
        (gone if has_run_out(row, circumstances.now) else orphans).append(row)
    return orphans, [row.key for row in gone]


def _deletes(
    entries: Iterable[Entry],
    rows: Mapping[str, Row],
    orphans: Iterable[Row],
    circumstances: Circumstances,
) -> list[Change]:
    """Return the orphans that go, and then the unmanaged keys, each only if that was asked for."""
    deleting = circumstances.deleting
    if not deleting or not circumstances.complete:
        return []
    deletes = [_delete(row) for row in orphans if deleting.unmanaged or not row.estranged]
    if deleting.unmanaged:
        spared = names_of(entries), rows, circumstances.named_elsewhere
        for key in circumstances.remote or ():
            if not any(key in names for names in spared):
                entry = Entry(key, b"", 0, NEVER, "")
                deletes.append(Change(Action.DELETE, entry, "unmanaged"))
    return deletes


def _delete(row: Row) -> Change:
    entry = Entry(row.key, row.digest, row.size, row.expiry, row.origin)
    return Change(Action.DELETE, entry, "no longer in the source", row)
