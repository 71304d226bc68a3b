"""Which deletes a plan has, by its rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsync.model.errors import RefusedError
from kvsync.model.values import NEVER, Change, Entry, Expiry, Plan, Row
from kvsync.plan.circumstances import Circumstances
from kvsync.plan.diff import make_plan
from kvsync.plan.guards import guard_plan
from kvsync.plan.limits import Allowance, Deleting
from kvsync.plan.options import PlanOptions
from tests.values import entry, row

NOW = 2000.0
ORPHANS = Deleting()
MIRROR = Deleting(unmanaged=True)
ALL = Allowance(percent=100)
ESTRANGED = {"digest": b"", "size": 0}


def planned(entries: list[Entry], rows: list[Row], **fields: object) -> Plan:
    """The plan of the owner `me` at time 2000, orphans to be deleted."""
    circumstances = Circumstances("me", NOW, deleting=ORPHANS)._replace(**fields)
    return make_plan(entries, {row.key: row for row in rows}, circumstances)


def guarded(entries: list[Entry], rows: list[Row], **fields: object) -> None:
    """Make a plan, and refuse it if it goes too far."""
    circumstances = Circumstances("me", NOW, deleting=ORPHANS)._replace(**fields)
    known = {row.key: row for row in rows}
    guard_plan(make_plan(entries, known, circumstances), entries, known, circumstances)


def told(plan: Plan) -> list[str]:
    """The deletes as words."""
    return [f"{c.action} {c.entry.key}: {c.reason}" for c in plan.deletes]


def test_an_orphan_is_deleted():
    """A row of this owner that the source names no more goes, and is an orphan no longer."""
    plan = planned([entry("a")], [row("a"), row("b", "12345")])
    assert (told(plan), plan.orphans) == (["delete b: no longer in the source"], [])
    (delete,) = plan.deletes
    assert (delete.row, delete.entry) == (row("b", "12345"), entry("b", "12345"))
    assert list(plan.steps) == [delete]
    assert (plan.bytes, plan.growth) == (0, 0), "a delete sends no value"


def test_deletes_come_after_all_changes():
    """Whatever is pushed is pushed first."""
    plan = planned([entry("z"), entry("a", "new")], [row("a"), row("b")])
    assert [c.entry.key for c in plan.steps] == ["z", "a", "b"]


@pytest.mark.parametrize(
    ("known", "fields"),
    [
        (row("b", owner="you"), {}),
        (row("b"), {"deleting": None}),
        (row("b"), {"complete": False}),
        (row("b"), {"named_elsewhere": {"b"}}),
        (row("b", **ESTRANGED), {}),
        (row("b", expiry=Expiry(ttl=1000)), {}),
        (row("b", expiry=Expiry(at=2000)), {}),
    ],
    ids=["another owner's", "not asked for", "--only", "named by a companion", "rewritten",
         "its TTL is over", "past its expires"],
)  # fmt: skip
def test_what_is_not_deleted(known, fields):
    """Never somebody else's key, nothing unasked, nothing with --only, nothing that is gone."""
    assert planned([entry("a")], [known], **fields).deletes == []


def test_an_orphan_in_doubt_is_deleted():
    """A key whose last request went unanswered is ours, even if it was the first one."""
    rows = [row("b", in_doubt=True), row("c", in_doubt=True, **ESTRANGED)]
    assert [c.entry.key for c in planned([entry("a")], rows).deletes] == ["b", "c"]


@pytest.mark.parametrize(
    ("keys", "named"),
    [("bc", "b, c"), ("bcdef", "b, c, d, e, f"), ("bcdefgh", "b, c, d, e, f and 2 more")],
)
def test_a_rewritten_orphan_is_told(keys, named):
    """What is kept because somebody else wrote it is an orphan still, and is warned about."""
    rows = [row(key, **ESTRANGED) for key in keys]
    plan = planned([entry("a")], rows)
    assert [row.key for row in plan.orphans] == [*keys]
    assert plan.warnings == [
        f"not deleted, since somebody else has written them: {named};"
        " to let go of such a key: kvsync state forget SOURCE --only KEY"
    ]
    assert planned([entry("a")], rows, deleting=None).warnings == []


def test_only_is_told():
    """That nothing is deleted with --only is said, and only if something was to be deleted."""
    words = "with --only nothing is deleted"
    assert planned([entry("a")], [], complete=False).warnings == [words]
    assert planned([entry("a")], [], complete=False, deleting=None).warnings == []


def test_past_expires_is_no_delete():
    """A key past its `expires` is named still, and not deleted, be it live or not."""
    late = entry("a", expiry=Expiry(at=2000))
    assert planned([late], [row("a")]).deletes == []
    assert planned([late], [row("a", expiry=Expiry(at=2000))]).deletes == []


def test_unmanaged():
    """What the namespace holds, and neither a source nor the state knows, goes: as nobody's."""
    plan = planned([entry("a")], [row("b")], deleting=MIRROR, remote=["x", "a", "b", "y"])
    assert told(plan) == [
        "delete b: no longer in the source", "delete x: unmanaged", "delete y: unmanaged",
    ]  # fmt: skip
    assert plan.deletes[1] == Change("delete", Entry("x", b"", 0, NEVER, ""), "unmanaged", None)


def test_unmanaged_spares():
    """Every row, whoever owns it, and every key that a source of the call names are spared."""
    entries = [entry("a"), entry("e", expiry=Expiry(at=1))]
    rows = [row("a"), row("b", owner="you"), row("g", expiry=Expiry(ttl=1))]
    plan = planned(
        entries, rows, deleting=MIRROR, named_elsewhere={"c"}, remote=["a", "b", "c", "e", "g"]
    )
    assert (plan.deletes, plan.dropped) == ([], ["g"])


def test_unmanaged_takes_what_was_rewritten():
    """A mirror has no room for an orphan, whoever wrote it last."""
    plan = planned([entry("a")], [row("b", **ESTRANGED)], deleting=MIRROR, remote=["a", "b"])
    assert (told(plan), plan.warnings) == (["delete b: no longer in the source"], [])


@pytest.mark.parametrize("fields", [{"deleting": ORPHANS}, {"complete": False}])
def test_unmanaged_only_if_asked_for(fields):
    """Neither --delete alone nor --only takes what the source never had."""
    fields = {"deleting": MIRROR, "remote": ["x"], **fields}
    assert planned([entry("a")], [], **fields).deletes == []


def keyed(prefix: str, count: int) -> list[Row]:
    """So many rows."""
    return [row(f"{prefix}{n}") for n in range(count)]


def test_guard_counts_owned_keys():
    """Orphans count against what this owner has, in doubt or not; rows of others do not help."""
    owned, others = keyed("k", 33), [row(f"o{n}", owner="you") for n in range(100)]
    named = [entry(f"k{n}") for n in range(10, 33)]
    with pytest.raises(RefusedError, match=r"would delete 10 of the 33 keys that this source own"):
        guarded(named, owned + others)
    guarded([*named, entry("k33")], [*owned, row("k33"), *others])


def test_guard_does_not_count_what_has_run_out():
    """A pair that has run out is no longer there, so it makes no delete look small; one in doubt
    may be there."""
    lapsed = [row(f"t{n}", expiry=Expiry(ttl=1000)) for n in range(30)]
    doubted = [known._replace(in_doubt=True) for known in lapsed]
    named = [entry(f"t{n}", expiry=Expiry(ttl=1000)) for n in range(30)]
    with pytest.raises(RefusedError, match=r"would delete 12 of the 12 keys that this source own"):
        guarded(named, keyed("k", 12) + lapsed)
    guarded(named, keyed("k", 12) + doubted)


def test_guard_counts_all_keys_of_the_namespace():
    """Unmanaged keys count against what the namespace holds, together with the orphans."""
    named, rows = [entry(f"k{n}") for n in range(20)], keyed("k", 23)
    remote = [row.key for row in rows] + [f"x{n}" for n in range(7)]
    with pytest.raises(
        RefusedError, match=r"would delete 10 of the 30 keys that the namespace holds \(33 %\)"
    ):
        guarded(named, rows, deleting=MIRROR, remote=remote)
    guarded(named, rows, deleting=MIRROR._replace(force=True), remote=remote)
    guarded(named, rows, deleting=MIRROR, remote=remote[:-1])


@pytest.mark.parametrize("deleting", [ORPHANS, MIRROR, Deleting(force=True)])
def test_guard_of_an_empty_source(deleting):
    """An empty source deletes nothing before all may go, be it orphans or strays."""
    remote = ["k0", "x"] if deleting.unmanaged else None
    with pytest.raises(RefusedError, match="for the source names none"):
        guarded([], keyed("k", 1), deleting=deleting, remote=remote)
    if deleting.unmanaged:
        with pytest.raises(RefusedError, match="for the source names none"):
            guarded([], [], deleting=deleting, remote=["x"])
    guarded([], keyed("k", 1), deleting=deleting._replace(allowance=ALL), remote=remote)


def test_guard_of_an_empty_source_with_nothing_to_delete():
    """An empty source is a warning, and no refusal, when nothing would go."""
    guarded([], [row("b", owner="you")])
    guarded([], keyed("k", 3), deleting=None)
    guarded([], keyed("k", 3), complete=False)


def test_guard_of_an_orphan_that_the_namespace_does_not_hold():
    """An orphan in doubt may be there or not: that all may go holds for it, too."""
    rows = [row("b", in_doubt=True, **ESTRANGED)]
    guarded([], rows, deleting=MIRROR._replace(allowance=ALL), remote=[])


KEYS = st.sampled_from([f"k{n}" for n in range(8)])


@pytest.mark.slow
@given(
    st.sets(KEYS),
    st.dictionaries(KEYS, st.tuples(st.sampled_from(["me", "you"]), st.booleans(), st.booleans())),
    st.sets(KEYS),
    st.sets(KEYS),
    st.booleans(),
)
def test_never_somebody_elses(named, known, elsewhere, remote, unmanaged):
    """No delete, in any situation, of a key that is named or that the state gives to another."""
    rows = [
        row(key, owner=owner, in_doubt=doubt, **(ESTRANGED if estranged else {}))
        for key, (owner, doubt, estranged) in known.items()
    ]
    plan = planned(
        [entry(key) for key in named],
        rows,
        options=PlanOptions(adopt=True),
        named_elsewhere=elsewhere,
        deleting=Deleting(unmanaged=unmanaged),
        remote=sorted(remote) if unmanaged else None,
    )
    deleted = [change.entry.key for change in plan.deletes]
    assert len(deleted) == len(set(deleted))
    assert not (set(deleted) & (named | elsewhere | {k for k, v in known.items() if v[0] == "you"}))
    own = {key for key, fields in known.items() if fields[0] == "me"} - named - elsewhere
    assert {row.key for row in plan.orphans} == own - set(deleted)
    strays = remote - known.keys() - named - elsewhere
    assert set(deleted) - own == (strays if unmanaged else set())
