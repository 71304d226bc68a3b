"""What holds of every correction, whatever source, state and target are."""

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsync.model.values import NEVER, Entry, Expiry, Plan, Row, Seen
from kvsync.plan.circumstances import Circumstances
from kvsync.plan.diff import make_plan
from kvsync.plan.drift import Correction, Status, correct, status_of
from kvsync.plan.options import PlanOptions
from tests.values import entry, row, seen

NOW = 2000.0
KEYS = st.sampled_from("abcd")
VALUES = st.sampled_from("xy")
EXPIRIES = st.sampled_from(
    [NEVER, Expiry(ttl=100), Expiry(ttl=10**6), Expiry(at=10**6), Expiry(at=10**6 + 1)]
)
TIMES = st.sampled_from([0, 1500, 2000, 2001, 10**6, 10**6 + 1])
ENTRIES = st.dictionaries(KEYS, st.tuples(VALUES, EXPIRIES)).map(
    lambda wanted: [entry(key, value, expiry) for key, (value, expiry) in wanted.items()]
)


@st.composite
def rows(draw: st.DrawFn, key: str) -> Row:
    """A row as pushes, looks and kills leave them."""
    expiry = draw(EXPIRIES)
    known = row(
        key,
        draw(VALUES),
        expiry,
        in_doubt=draw(st.booleans()),
        owner=draw(st.sampled_from(["me", "you"])),
    )
    if expiry.ttl and draw(st.booleans()):
        known = known._replace(runs_out=draw(TIMES.filter(bool)))
    if draw(st.integers(0, 4)) == 0:
        known = known._replace(digest=b"", size=0, runs_out=0.0)
    return known


class Situation(NamedTuple):
    """A source, a state, and what was seen of the keys that concern this owner."""

    entries: list[Entry]
    rows: dict[str, Row]
    seen: dict[str, Seen]

    @property
    def correction(self) -> Correction:
        """What was learnt."""
        return correct(self.entries, self.rows, self.seen, owner="me", now=NOW)

    def plan(self, found: Correction) -> Plan:
        """What a sync would do then; keys of others may be adopted."""
        circumstances = Circumstances(
            "me", NOW, options=PlanOptions(adopt=True), verdicts=found.verdicts
        )
        return make_plan(self.entries, found.applied(self.rows), circumstances)

    def after(self, found: Correction) -> "Situation":
        """The same source and target, when the state has been corrected."""
        rows = found.applied(self.rows)
        known = rows.keys() | {entry.key for entry in self.entries}
        looks = {key: look for key, look in self.seen.items() if key in known}
        return self._replace(rows=rows, seen=looks)


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    """Any situation; some keys may not have been looked at."""
    entries = draw(ENTRIES)
    known = {key: draw(rows(key)) for key in draw(st.sets(KEYS))}
    named = {entry.key for entry in entries}
    own = {key for key, row in known.items() if row.owner == "me" and not row.in_doubt}
    looks = {}
    for key in sorted(named | own):
        value = draw(st.sampled_from(["x", "y", "z", None]))
        expires = draw(TIMES) if value else 0
        if draw(st.integers(0, 5)):
            looks[key] = seen(key, value, expires)
    return Situation(entries, known, looks)


def unchanged(situation: Situation, plan: Plan) -> list[Entry]:
    """The entries that the plan leaves alone."""
    sent = {change.entry.key for change in plan.changes}
    return [entry for entry in situation.entries if entry.key not in sent]


def differing(situation: Situation) -> set[str]:
    """The wanted keys of which something else was seen."""
    wanted = {entry.key: entry for entry in situation.entries}
    return {
        key
        for key, look in situation.seen.items()
        if key in wanted and status_of(wanted[key], look) is not Status.SAME
    }


@pytest.mark.slow
@given(situations())
def test_never_a_false_unchanged(situation: Situation):
    """What was seen to differ is sent, and so is what is in doubt, whatever was seen of it."""
    plan = situation.plan(situation.correction)
    left = {entry.key for entry in unchanged(situation, plan)}
    assert left.isdisjoint(differing(situation))
    assert left.isdisjoint(key for key, row in situation.rows.items() if row.in_doubt)


@pytest.mark.slow
@given(situations())
def test_the_corrected_state_knows_by_itself(situation: Situation):
    """A later run without a look calls nothing unchanged that was seen to differ, either."""
    later = situation.after(situation.correction)
    plan = later.plan(Correction([], [], {}))
    # A key that the state does not know and that differs has no row, and is created.
    assert {entry.key for entry in unchanged(later, plan)}.isdisjoint(differing(situation))


@pytest.mark.slow
@given(situations())
def test_whose_a_key_is(situation: Situation):
    """No row changes its owner; a new one is made only for a wanted key that is as wanted."""
    corrected = situation.correction.applied(situation.rows)
    kept = corrected.keys() & situation.rows.keys()
    assert all(corrected[key].owner == situation.rows[key].owner for key in kept)
    wanted = {entry.key: entry for entry in situation.entries}
    for key in corrected.keys() - situation.rows.keys():
        assert corrected[key].owner == "me"
        assert status_of(wanted[key], situation.seen[key]) is Status.SAME


@pytest.mark.slow
@given(situations())
def test_what_is_there_is_not_forgotten(situation: Situation):
    """Only keys that were seen to be missing are forgotten."""
    found = situation.correction
    assert all(not situation.seen[key].digest for key in found.gone)
    assert situation.rows.keys() - found.applied(situation.rows).keys() == set(found.gone)


@pytest.mark.slow
@given(situations())
def test_doubt_is_not_settled_by_a_look(situation: Situation):
    """A row that was in doubt stays so, or is gone."""
    corrected = situation.correction.applied(situation.rows)
    doubtful = {key for key, row in situation.rows.items() if row.in_doubt}
    assert all(corrected[key].in_doubt for key in doubtful & corrected.keys())


@pytest.mark.slow
@given(situations())
def test_a_second_look_teaches_nothing(situation: Situation):
    """To correct what was corrected by the same look changes nothing."""
    once = situation.after(situation.correction)
    assert once.correction.applied(once.rows) == once.rows


@pytest.mark.slow
@given(situations())
def test_an_orphan_that_somebody_rewrote_is_kept(situation: Situation):
    """An orphan whose value is not ours is estranged; any other ends when it was seen to end."""
    corrected = situation.correction.applied(situation.rows)
    named = {entry.key for entry in situation.entries}
    for key in situation.seen.keys() - named:
        known, look = situation.rows[key], situation.seen[key]
        if not look.digest:
            continue
        found = corrected[key]
        if look.digest != known.digest:
            assert found.estranged
            continue
        assert (found.digest, found.owner, found.runs_out) == (known.digest, "me", look.expires)
        wanted = Entry(key, found.digest, found.size, found.expiry, "")
        assert status_of(wanted, look) is Status.SAME
        assert found.expiry in {known.expiry, Expiry(at=look.expires)}
