"""The diff, by its rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsync.model.errors import RefusedError
from kvsync.model.values import NEVER, Entry, Expiry, Plan, Row, Run
from kvsync.plan.circumstances import Circumstances
from kvsync.plan.diff import make_plan
from kvsync.plan.limits import Deleting
from kvsync.plan.options import PlanOptions
from tests.values import entry, row

NOW = 2000.0


def planned(entries: list[Entry], rows: list[Row], **fields: object) -> Plan:
    """The plan of the owner `me` at time 2000."""
    options = {name: fields.pop(name) for name in ("adopt", "renew_within") if name in fields}
    circumstances = Circumstances("me", NOW, options=PlanOptions(**options))._replace(**fields)
    return make_plan(entries, {row.key: row for row in rows}, circumstances)


def told(plan: Plan) -> list[str]:
    """The changes as words."""
    return [f"{c.action} {c.entry.key}: {c.reason}" for c in plan.changes]


def test_create():
    """A key that the state does not know is created."""
    assert told(planned([entry("a")], [])) == ["create a: not in the state"]


def test_unchanged():
    """A key whose digest and expiry the state knows is unchanged."""
    plan = planned([entry("a")], [row("a")])
    assert (len(plan.changes), plan.unchanged, len(plan.touched)) == (0, 1, 0)


@pytest.mark.parametrize(
    ("wanted", "known", "words"),
    [
        (entry("a", "new"), row("a", "old"), "update a: value changed"),
        (entry("a"), row("a", expiry=Expiry(ttl=90000)), "update a: expiry changed"),
        (entry("a"), row("a", in_doubt=True), "update a: last outcome unknown"),
        (entry("a"), row("a", digest=b"", in_doubt=True), "update a: last outcome unknown"),
        (entry("a", expiry=Expiry(at=9000)), row("a"), "update a: expiry changed"),
    ],
)
def test_update(wanted, known, words):
    """A key is updated when its value or declared expiry differ, or its last outcome is unknown."""
    assert told(planned([wanted], [known])) == [words]


@pytest.mark.parametrize(
    ("ttl", "within", "words"),
    [
        (1999, None, ["renew a: its TTL is running out"]),
        (2000, None, ["renew a: its TTL is running out"]),
        (2001, None, []),
        (1000, None, ["renew a: its TTL has run out"]),
        (500, None, ["renew a: its TTL has run out"]),
        (2000, 999, []),
        (2000, 1000, ["renew a: its TTL is running out"]),
        (500, 0, ["renew a: its TTL has run out"]),
        (1001, None, ["renew a: its TTL is running out"]),
    ],
)
def test_renew(ttl, within, words):
    """A key with a TTL is renewed when half of it, or --renew-within, or nothing is left."""
    expiry = Expiry(ttl=ttl)
    plan = planned([entry("a", expiry=expiry)], [row("a", expiry=expiry)], renew_within=within)
    assert told(plan) == words


@pytest.mark.parametrize(
    ("ttl", "runs_out", "words"),
    [
        (70, NOW + 70, []),
        (70, NOW + 80, []),
        (70, NOW + 81, ["renew a: more time left than its TTL"]),
        (70, NOW + 18_064, ["renew a: more time left than its TTL"]),
        (5, NOW + 6, []),
        (5, NOW + 7, ["renew a: more time left than its TTL"]),
        (5, NOW + 86_400, ["renew a: more time left than its TTL"]),
    ],
)
def test_more_time_left_than_its_ttl(ttl, runs_out, words):
    """A pair cannot outlive its TTL: a clock is or was wrong, and the key is sent again."""
    expiry = Expiry(ttl=ttl)
    known = row("a", expiry=expiry, runs_out=float(runs_out))
    assert told(planned([entry("a", expiry=expiry)], [known])) == words


def test_no_renewal_of_a_fixed_time():
    """A key with `expires` is never renewed, however near its end is."""
    expiry = Expiry(at=2001)
    assert told(planned([entry("a", expiry=expiry)], [row("a", expiry=expiry)])) == []


def test_past_expires():
    """A key past its `expires` is not sent, and is neither orphan nor unchanged."""
    plan = planned([entry("a", expiry=Expiry(at=2000))], [])
    assert (told(plan), plan.dropped, plan.orphans, plan.unchanged) == ([], [], [], 0)
    assert [e.key for e in plan.expired] == ["a"]
    assert plan.warnings == ["past their `expires`, not sent: a (m.yaml:a)"]


@pytest.mark.parametrize(
    ("known", "goes"),
    [
        (row("a"), False),
        (row("a", expiry=Expiry(at=2001)), False),
        (row("a", expiry=Expiry(ttl=1001)), False),
        (row("a", owner="you"), False),
        (row("a", expiry=Expiry(at=1999), in_doubt=True), False),
        (row("a", expiry=Expiry(at=2000)), True),
        (row("a", expiry=Expiry(ttl=1000)), True),
    ],
    ids=["never", "later", "TTL", "another's", "in doubt", "expired", "TTL over"],
)
def test_row_past_the_expiry_of_its_source(known, goes):
    """Of a key past its `expires` the row goes when what was pushed has run out, and not before:
    until then the key is neither orphan nor delete, and that it is there still is told."""
    late = entry("a", expiry=Expiry(at=1500))
    plan = planned([late], [known], deleting=Deleting(force=True), adopt=True)
    assert (told(plan), plan.orphans, plan.deletes) == ([], [], [])
    assert plan.dropped == (["a"] if goes else [])
    lasting = [w for w in plan.warnings if w.startswith("of these there is still")]
    assert len(lasting) == (not goes)


@pytest.mark.parametrize(("count", "more"), [(2, ""), (5, ""), (7, " and 2 more")])
def test_many_past_their_expiry(count, more):
    """Of many entries past their `expires` five are named and the others counted."""
    late = [entry(key, expiry=Expiry(at=1999)) for key in "abcdefgh"[:count]]
    named = ", ".join(f"{one.key} ({one.origin})" for one in late[:5])
    told = f"past their `expires`, not sent: {named}{more}"
    assert planned([entry("x"), *late], []).warnings == [told]


def test_orphan():
    """A row of this owner that the source no longer names is an orphan; another owner's is not."""
    plan = planned([entry("a")], [row("a"), row("b"), row("c", owner="you")])
    assert [r.key for r in plan.orphans] == ["b"]


def test_orphan_that_ran_out():
    """An orphan whose time has run out is gone by itself, unless its last outcome is unknown."""
    expiry = Expiry(ttl=10)
    rows = [row("a", expiry=expiry), row("b", expiry=expiry, in_doubt=True)]
    plan = planned([entry("c")], rows)
    assert (plan.dropped, [r.key for r in plan.orphans]) == (["a"], ["b"])


def test_key_named_by_a_companion():
    """A key that another source of the call names is nobody's orphan."""
    assert planned([entry("a")], [row("b")], named_elsewhere={"b"}).orphans == []


def test_foreign_key():
    """A key that another source owns is refused, with the owner and the way out."""
    with pytest.raises(RefusedError) as caught:
        planned([entry("a")], [row("a", owner="old.yaml")])
    assert str(caught.value) == ("m.yaml:a: a is owned by old.yaml; if you renamed it, --adopt")


def test_many_foreign_keys():
    """Of many foreign keys five are named and the others counted."""
    keys = "abcdefgh"
    with pytest.raises(RefusedError) as caught:
        planned([entry(k) for k in keys], [row(k, owner="old") for k in keys])
    lines = str(caught.value).splitlines()
    assert (len(lines), lines[-1]) == (6, "and 3 more keys")
    with pytest.raises(RefusedError) as caught:
        planned([entry(k) for k in keys[:5]], [row(k, owner="old") for k in keys])
    assert str(caught.value).splitlines()[-1].startswith("m.yaml:e: e is owned by old;")


@pytest.mark.parametrize("fields", [{"adopt": True}, {"companions": {"old"}}])
def test_adoption(fields):
    """With --adopt, or when its old owner is part of the call, an unchanged key changes hands."""
    plan = planned([entry("a")], [row("a", owner="old")], **fields)
    assert (told(plan), [e.key for e in plan.touched]) == ([], ["a"])


@pytest.mark.parametrize(
    ("fields", "touched"),
    [
        ({"origin": "m.yaml:99"}, ["a"]),
        ({"signature": b"new"}, ["a"]),
        ({"signature": b""}, []),
        ({"signature": b"old"}, []),
    ],
)
def test_touched(fields, touched):
    """An unchanged row takes over a new origin and a new signature, but never loses one."""
    plan = planned([entry("a", **fields)], [row("a", signature=b"old")])
    assert [e.key for e in plan.touched] == touched


def test_empty_source():
    """A source that names no key is warned about."""
    assert planned([], []).warnings == ["the source names no key at all; is it the right one?"]


def runs(*started: float) -> list[Run]:
    """Past runs, newest first."""
    return [Run(moment, moment, 0, {}) for moment in started]


@pytest.mark.parametrize(
    ("past", "warned"),
    [
        (runs(1400, 800), True),
        (runs(1999, 800), False),
        (runs(1400, 800, 799), True),
        (runs(1500, 1000), False),
        (runs(1400), False),
        ([], False),
    ],
)
def test_runs_too_far_apart(past, warned):
    """Two gaps in a row that are longer than a TTL are warned about; one is an accident."""
    expiry = Expiry(ttl=500)
    plan = planned([entry("a", expiry=expiry)], [row("a", expiry=expiry)], runs=past)
    assert bool(plan.warnings) is warned
    if warned:
        assert "the last runs lay 10m apart, but a TTL here is 8m 20s" in plan.warnings[0]


def test_too_many_renewals():
    """TTLs that ask for more writes a second than the rate gives are warned about."""
    entries = [entry(f"k{n}", expiry=Expiry(ttl=60)) for n in range(121)]
    (warning,) = planned(entries, [], rate=2.0).warnings
    assert warning == (
        "keeping 121 keys alive takes 2.0 writes a second, more than the rate of 2:"
        " some will run out"
    )
    assert planned(entries[:120], [], rate=2.0).warnings == []


def test_bytes():
    """A plan knows how many bytes it sends."""
    assert planned([entry("a", "12345"), entry("b", "1")], [row("b", "1")]).bytes == 5


KEYS = st.text("abc", min_size=1, max_size=2)
EXPIRIES = st.sampled_from([NEVER, Expiry(ttl=100), Expiry(ttl=10**6), Expiry(at=10**6)])
ENTRIES = st.dictionaries(KEYS, st.tuples(st.sampled_from("xy"), EXPIRIES)).map(
    lambda wanted: [entry(key, value, expiry) for key, (value, expiry) in wanted.items()]
)
ROWS = st.dictionaries(
    KEYS,
    st.tuples(st.sampled_from("xy"), EXPIRIES, st.booleans(), st.sampled_from(["me", "you"])),
).map(
    lambda known: [
        row(key, value, expiry, in_doubt=doubt, owner=owner)
        for key, (value, expiry, doubt, owner) in known.items()
    ]
)


@pytest.mark.slow
@given(ENTRIES, ROWS)
def test_applying_a_plan_leaves_nothing_to_do(entries, rows):
    """Whatever source and state are: apply the plan, plan again, and there is nothing to do."""
    plan = planned(entries, rows, adopt=True)
    known = {r.key: r for r in rows if r.key not in plan.dropped}
    for made in plan.changes:
        wanted = made.entry
        runs_out = NOW + wanted.expiry.ttl if wanted.expiry.ttl else wanted.expiry.at
        known[wanted.key] = row(wanted.key)._replace(
            digest=wanted.digest, size=wanted.size, expiry=wanted.expiry, runs_out=runs_out
        )
    for touched in plan.touched:
        known[touched.key] = known[touched.key]._replace(owner="me", origin=touched.origin)
    again = planned(entries, list(known.values()))
    assert (len(again.changes), len(again.touched), again.dropped) == (0, 0, [])
    assert again.unchanged == len(entries)
    assert again.orphans == plan.orphans
