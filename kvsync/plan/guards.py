"""Refusals of a plan: it deletes more than may go unasked, or takes the keys of others. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from kvsync.model.entries import owners_of, rows_beside
from kvsync.model.errors import OwnedError
from kvsync.model.owners import is_place
from kvsync.model.text import count_text, printable
from kvsync.model.values import Entry, Plan, Row
from kvsync.plan.circumstances import Circumstances
from kvsync.plan.limits import check_deletes
from kvsync.plan.ttl import has_run_out

_NAMED = 5
"""How many keys a message lists before it only counts."""


def guard_plan(
    plan: Plan, entries: Sequence[Entry], rows: Mapping[str, Row], circumstances: Circumstances
) -> None:
    """Refuse a plan that would delete more than may go unasked. Raises `RefusedError`."""
    deleting = circumstances.deleting
    if not deleting:
        return
    mine = [row for row in rows.values() if row.owner == circumstances.owner]
    owned = sum(not has_run_out(row, circumstances.now) for row in mine)
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
    # go of it: then no one is taken by surprise.
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
    raise OwnedError("\n".join(lines))


def _about_place(owner: str) -> str:
    """Return what to do about an owner that is a place, so that it lasts."""
    whole = ""
    if owner.startswith("/"):
        whole = ", the whole path as a link or a mount lies between it and its state"
    return (
        f"this source is known by its place, {printable(owner)}{whole}: a name lasts wherever it is"
        " (name: in a manifest, else --name)"
    )
