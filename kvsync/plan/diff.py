"""The diff: entries, state and clock in, changes out. Pure.

The rules are in the design's chapter "Plan"; each is one line of `_judge`.
"""

from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from math import inf
from typing import NamedTuple

from kvsync.model.api import API_RATE, SHORTEST_TTL_S
from kvsync.model.entries import Changes, Picked, names_of, owners_of, rows_beside, unnamed_rows
from kvsync.model.errors import RefusedError
from kvsync.model.owners import is_place
from kvsync.model.text import count_text, printable
from kvsync.model.values import NEVER, Action, Change, Entry, Plan, Row, Run
from kvsync.plan.limits import Deleting, check_deletes
from kvsync.plan.options import DEFAULTS, PlanOptions
from kvsync.plan.ttl import ending_warnings, ttl_warnings

_CLOCKS_S = 10.0
_CLOCKS_SHARE = 0.25
"""Of a TTL. By so much, or so many seconds if they are less, clocks that are right may differ: what
is known of the service's is a few seconds off."""
_NAMED = 5
"""How many keys a message lists before it only counts."""


class Circumstances(NamedTuple):
    """All that a plan depends on besides entries and rows.

    ``now`` is in Unix seconds, ``rate`` in requests per second. ``complete``: the entries are all
    that the source names.
    ``named_elsewhere`` has the keys of the same target that others answer for (other sources of the
    call, or sources outside it that another state knows), ``companions`` the owners of the former.
    ``runs`` are the owner's last runs, newest first. ``verdicts`` are what a look at the target has
    decided already. ``told_expired`` has keys of which it is told elsewhere that their `expires`
    has passed, ``told_short`` those of which it is told that it is near. ``deleting`` None: nothing
    is deleted; ``remote`` has all keys of the
    namespace, None if they were not listed.
    """

    owner: str
    now: float
    rate: float = API_RATE
    options: PlanOptions = DEFAULTS
    complete: bool = True
    named_elsewhere: Container[str] = frozenset()
    companions: Collection[str] = frozenset()
    runs: Sequence[Run] = ()
    verdicts: Mapping[str, tuple[Action, str]] = {}
    told_expired: Container[str] = frozenset()
    told_short: Container[str] = frozenset()
    deleting: Deleting | None = None
    remote: Collection[str] | None = None


def make_plan(
    entries: Sequence[Entry], rows: Mapping[str, Row], circumstances: Circumstances
) -> Plan:
    """What it takes to make the target hold ``entries``, if it holds what ``rows`` say.

    Raises `RefusedError` when an entry's key belongs to another source, unless the circumstances
    allow adoption.
    """
    refuse_foreign(entries, rows, circumstances)
    changes = Changes(entries, rows)
    touched = Picked(entries)
    expired: list[Entry] = []
    ending: list[Entry] = []
    soon = circumstances.now + SHORTEST_TTL_S
    dropped: list[str] = []
    lasting: list[str] = []
    due = inf
    for number, (entry, row) in enumerate(rows_beside(entries, rows)):
        if is_past(entry, circumstances.now):
            expired.append(entry)
            if row:
                # What was pushed may have another end, or none.
                ended = _has_run_out(row, circumstances.now)
                (dropped if ended else lasting).append(entry.key)
            continue
        action, reason = _judge(entry, row, circumstances)
        if action:
            changes.add(number, action, reason)
            if 0 < entry.expiry.at < soon and entry.key not in circumstances.told_short:
                ending.append(entry)
        elif row:
            if entry.expiry != NEVER:
                due = min(due, _due(row, entry, circumstances))
            if _is_stale(row, entry, circumstances.owner):
                touched.add(number)
    orphans, gone = _orphans(entries, rows, circumstances)
    deletes = _deletes(entries, rows, orphans, circumstances)
    going = {change.entry.key for change in deletes}
    staying = [row for row in orphans if row.key not in going]
    return Plan(
        changes=changes,
        unchanged=len(entries) - len(changes) - len(expired),
        touched=touched,
        orphans=staying,
        expired=expired,
        dropped=dropped + gone,
        warnings=[
            *_warnings(entries, expired, circumstances),
            *ending_warnings(ending),
            *_lasting_warnings(lasting),
            *(_kept_warnings(staying) if circumstances.deleting else ()),
        ],
        deletes=deletes,
        due=min((due, *(row.runs_out for row in staying if row.runs_out))),
    )


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
            # Some clock was wrong, then or now: when the pair ends, nobody knows.
            return Action.RENEW, "more time left than its TTL"
    return None, ""


def _margin(ttl: int, circumstances: Circumstances) -> float:
    """Seconds before the end of a TTL in which the key is renewed."""
    within = circumstances.options.renew_within
    return ttl / 2 if within is None else within


def _due(row: Row, entry: Entry, circumstances: Circumstances) -> float:
    """When an unchanged entry with an expiry will not be unchanged any more."""
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
    """Rows of this owner that nobody names any more, and the keys of those that have expired.

    A pair that ran out is no longer there: it can be neither orphan nor delete.
    """
    orphans: list[Row] = []
    gone: list[Row] = []
    for row in unnamed_rows(entries, rows):
        if row.owner != circumstances.owner or row.key in circumstances.named_elsewhere:
            continue
        (gone if _has_run_out(row, circumstances.now) else orphans).append(row)
    return orphans, [row.key for row in gone]


def _has_run_out(row: Row, now: float) -> bool:
    return 0 < row.runs_out <= now and not row.in_doubt


def _deletes(
    entries: Iterable[Entry],
    rows: Mapping[str, Row],
    orphans: Iterable[Row],
    circumstances: Circumstances,
) -> list[Change]:
    """The orphans that go, and then the unmanaged keys, each only if that was asked for."""
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


def guard_plan(
    plan: Plan, entries: Sequence[Entry], rows: Mapping[str, Row], circumstances: Circumstances
) -> None:
    """Refuse a plan that would delete more than may go unasked. Raises `RefusedError`."""
    deleting = circumstances.deleting
    if not deleting:
        return
    mine = [row for row in rows.values() if row.owner == circumstances.owner]
    owned = sum(not _has_run_out(row, circumstances.now) for row in mine)
    orphans = sum(change.row is not None for change in plan.deletes)
    check_deletes(orphans, owned, "that this source owns", empty=not entries, deleting=deleting)
    if circumstances.remote is not None:
        held = len(circumstances.remote)
        whose = "that the namespace holds"
        check_deletes(len(plan.deletes), held, whose, empty=not entries, deleting=deleting)


def refuse_foreign(
    entries: Iterable[Entry], rows: Mapping[str, Row], circumstances: Circumstances
) -> None:
    """Refuse keys that belong to another source, unless they may be adopted.

    Raises `RefusedError` that names the owners.
    """
    # Mostly all rows are this owner's: then none has to be looked up.
    if circumstances.options.adopt or {*owners_of(rows)} <= {circumstances.owner}:
        return
    foreign = [
        (entry, row)
        for entry, row in rows_beside(entries, rows)
        if row and row.owner != circumstances.owner
    ]
    # A key changes hands without --adopt when its old owner is part of this very call and has let
    # go of it: then nobody is taken by surprise.
    foreign = [(e, row) for e, row in foreign if row.owner not in circumstances.companions]
    if not foreign:
        return
    lines = [
        f"{entry.origin}: {printable(entry.key)} is owned by {printable(row.owner)};"
        " if you renamed it, --adopt"
        for entry, row in foreign[:_NAMED]
    ]
    if len(foreign) > _NAMED:
        lines.append(f"and {count_text(len(foreign) - _NAMED, 'more key')}")
    if is_place(circumstances.owner):
        lines.append(_about_place(circumstances.owner))
    raise RefusedError("\n".join(lines))


def _about_place(owner: str) -> str:
    """What to do about an owner that is a place, so that it lasts."""
    whole = ""
    if owner.startswith("/"):
        whole = ", the whole path as a link or a mount lies between it and its state"
    return (
        f"this source is known by its place, {printable(owner)}{whole}: a name lasts wherever it is"
        " (name: in a manifest, else --name)"
    )


def _warnings(
    entries: Sequence[Entry], expired: Sequence[Entry], circumstances: Circumstances
) -> Iterable[str]:
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
    """What to say of a source that names nothing."""
    if not entries:
        yield "the source names no key at all; is it the right one?"


def expired_warnings(expired: Sequence[Entry], what: str) -> Iterable[str]:
    """Which entries are too late to be sent, or whatever else was not done to them."""
    if expired:
        first = ", ".join(f"{printable(e.key)} ({e.origin})" for e in expired[:_NAMED])
        more = f" and {len(expired) - _NAMED} more" if len(expired) > _NAMED else ""
        yield f"past their `expires`, not {what}: {first}{more}"


def _lasting_warnings(keys: Sequence[str]) -> Iterable[str]:
    if keys:
        named = ", ".join(map(printable, keys[:_NAMED]))
        more = f" and {len(keys) - _NAMED} more" if len(keys) > _NAMED else ""
        yield (
            f"of these there is still what was pushed before: {named}{more}; to delete it, take the"
            " key out of the source, and sync with --delete"
        )


def is_past(entry: Entry, now: float) -> bool:
    """Whether the entry's ``expires`` has passed; ``now`` is in Unix seconds."""
    return entry.expiry.at != 0 and entry.expiry.at <= now


def _kept_warnings(orphans: Iterable[Row]) -> Iterable[str]:
    kept = [printable(row.key) for row in orphans if row.estranged]
    if kept:
        more = f" and {len(kept) - _NAMED} more" if len(kept) > _NAMED else ""
        yield (
            f"not deleted, since somebody else has written them: {', '.join(kept[:_NAMED])}{more};"
            " to let go of such a key: kvsync state forget SOURCE --only KEY"
        )
