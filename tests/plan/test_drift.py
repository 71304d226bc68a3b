"""What a look at the target changes in the state, by its rules."""

from collections.abc import Iterable

import pytest

from kvsync.model.api import SETTLING_S
from kvsync.model.values import NEVER, Action, Entry, Expiry, Row, Seen
from kvsync.plan.drift import Correction, Status, correct, doubtful, settling, status_of
from tests.values import entry, row, seen

NOW = 2000.0
HOUR = Expiry(ttl=3600)
FIXED = Expiry(at=9000)


def corrected(
    entries: Iterable[Entry], rows: Iterable[Row], *looks: Seen, owner: str = "me"
) -> Correction:
    """The correction of the owner `me` at time 2000."""
    known = {row.key: row for row in rows}
    return correct(entries, known, {one.key: one for one in looks}, owner=owner, now=NOW)


@pytest.mark.parametrize(
    ("wanted", "look", "status"),
    [
        (entry("a"), seen("a", None), Status.MISSING),
        (entry("a"), seen("a"), Status.SAME),
        (entry("a"), seen("a", "w"), Status.DIFFERS),
        (entry("a"), seen("a", expires=9000), Status.DIFFERS),
        (entry("a", expiry=FIXED), seen("a", expires=9000), Status.SAME),
        (entry("a", expiry=FIXED), seen("a", expires=9001), Status.DIFFERS),
        (entry("a", expiry=FIXED), seen("a"), Status.DIFFERS),
        (entry("a", expiry=HOUR), seen("a", expires=1), Status.SAME),
        (entry("a", expiry=HOUR), seen("a"), Status.DIFFERS),
        (entry("a", expiry=HOUR), seen("a", "w", 5600), Status.DIFFERS),
    ],
)
def test_status(wanted, look, status):
    """The value must be the same, an `expires` too, to the second; a TTL only has to end."""
    assert status_of(wanted, look) is status


def test_what_was_not_seen_stays():
    """A key that nobody looked at is neither corrected nor judged."""
    assert corrected([entry("a"), entry("b")], [row("a"), row("c")]) == ([], [], {})


def test_all_is_well():
    """A target that is as source and state say changes nothing."""
    entries = [entry("a"), entry("b", expiry=FIXED)]
    rows = [row("a"), row("b", expiry=FIXED), row("c")]
    looks = seen("a"), seen("b", expires=9000), seen("c")
    assert corrected(entries, rows, *looks) == ([], [], {})


def test_unknown_key_that_holds_something_else():
    """It is sent, and gets no row: so far it is nobody's of ours."""
    found = corrected([entry("a")], [], seen("a", "theirs"))
    assert found == ([], [], {"a": (Action.UPDATE, "differs remotely")})


def test_unknown_key_that_is_not_there():
    """It is created as ever."""
    assert corrected([entry("a")], [], seen("a", None)) == ([], [], {})


@pytest.mark.parametrize(("expiry", "expires"), [(NEVER, 0), (HOUR, 2500), (FIXED, 9000)])
def test_unknown_key_that_holds_what_is_wanted(expiry, expires):
    """It becomes this owner's, with the expiry that it has there."""
    wanted = entry("a", expiry=expiry, signature=b"sig")
    (made,) = corrected([wanted], [], seen("a", expires=expires)).rows
    assert made == row(
        "a", expiry=expiry, runs_out=expires, acknowledged=NOW, request_id="", signature=b"sig"
    )


@pytest.mark.parametrize(
    "look", [seen("a", "theirs"), seen("a", expires=9000)], ids=["value", "expiry"]
)
def test_drifted(look):
    """A key that somebody wrote is sent, and the state says that what it holds is not ours."""
    found = corrected([entry("a")], [row("a", signature=b"sig")], look)
    assert found.verdicts == {"a": (Action.UPDATE, "drifted")}
    assert found.rows == [row("a", digest=b"", size=0)]
    assert found.rows[0].estranged


def test_missing():
    """A key that vanished is created, and forgotten until then."""
    found = corrected([entry("a")], [row("a")], seen("a", None))
    assert found == ([], ["a"], {"a": (Action.CREATE, "missing remotely")})
    assert found.applied({"a": row("a"), "b": row("b")}) == {"b": row("b")}


@pytest.mark.parametrize(("runs_out", "gone"), [(2000, []), (2001, ["a"])])
def test_what_ran_out_by_itself(runs_out, gone):
    """A key whose time is over is missed by nobody: the plan renews it as ever."""
    known = row("a", expiry=HOUR, runs_out=runs_out)
    found = corrected([entry("a", expiry=HOUR)], [known], seen("a", None))
    assert (found.gone, list(found.verdicts)) == (gone, gone)


def test_only_the_source_has_changed():
    """A target that holds what the state says leaves the judgement to the plan."""
    assert corrected([entry("a", "new")], [row("a")], seen("a")) == ([], [], {})


def test_somebody_wrote_what_the_source_wants_now():
    """The state takes it over, and whose it is stays."""
    known = row("a", "old", owner="you", signature=b"old")
    (made,) = corrected([entry("a", "new", signature=b"new")], [known], seen("a", "new")).rows
    new = row("a", "new", owner="you", signature=b"new", acknowledged=NOW)
    assert made == new._replace(origin=known.origin)


def test_remote_expiry_of_a_ttl():
    """It is taken over as it is; a TTL that the source has changed is still to be sent."""
    known = row("a", expiry=HOUR)
    looks = seen("a", expires=2500)
    (made,) = corrected([entry("a", expiry=HOUR)], [known], looks).rows
    assert made == known._replace(runs_out=2500)
    (made,) = corrected([entry("a", expiry=Expiry(ttl=60))], [known], looks).rows
    assert made == known._replace(runs_out=2500), "the plan still finds another TTL"


def test_kind_of_expiry_that_is_as_wanted():
    """A kind of expiry that the source wants now, and that is there already, is taken over."""
    (made,) = corrected(
        [entry("a", expiry=FIXED)], [row("a", expiry=HOUR)], seen("a", expires=9000)
    ).rows
    assert (made.expiry, made.runs_out) == (FIXED, 9000)


def test_doubt_stays():
    """A key in doubt stays in doubt, whatever was seen: its request may be on its way."""
    known = row("a", "old", in_doubt=True)
    (made,) = corrected([entry("a", "new")], [known], seen("a", "new")).rows
    assert made.in_doubt
    (made,) = corrected([entry("a", "new")], [known], seen("a", "theirs")).rows
    assert made.in_doubt


@pytest.mark.parametrize(
    ("look", "rows", "gone"),
    [
        (seen("b"), [], []),
        (seen("b", expires=9000), [row("b", expiry=FIXED, runs_out=9000.0)], []),
        (seen("b", "theirs"), [row("b", digest=b"", size=0)], []),
        (seen("b", None), [], ["b"]),
    ],
)
def test_orphans(look, rows, gone):
    """An orphan that somebody rewrote is not ours any more, one that vanished is forgotten; one
    that ends at another time does so in the state, too."""
    assert corrected([entry("a")], [row("a"), row("b")], look) == (rows, gone, {})


FRESH = row("a", acknowledged=NOW - SETTLING_S + 1)
OLD = row("a", acknowledged=NOW - SETTLING_S)


@pytest.mark.parametrize(
    ("known", "look", "unsure"),
    [
        (FRESH, seen("a", "old"), True),
        (FRESH, seen("a", None), True),
        (FRESH, seen("a", expires=9000), True),
        (FRESH._replace(expiry=HOUR, runs_out=5000), seen("a"), True),
        (OLD, seen("a", "old"), False),
        (FRESH, seen("a"), False),
        (FRESH._replace(expiry=HOUR, runs_out=5000), seen("a", expires=1), False),
        (None, seen("a", "theirs"), False),
        (FRESH._replace(digest=b"", size=0), seen("a", "theirs"), False),
        (FRESH._replace(runs_out=NOW), seen("a", None), False),
        (FRESH._replace(runs_out=NOW + 1), seen("a", None), True),
    ],
)
def test_doubtful(known, look, unsure):
    """What differs from our own write of less than 60 s ago is to be read again, even if it is what
    the source wants: a source that was rolled back wants what was there before."""
    rows = {known.key: known} if known else {}
    assert doubtful(rows, [look], NOW) == (["a"] if unsure else [])


@pytest.mark.parametrize("known", [[], [row("a", "old")]])
def test_what_may_be_over_already(known):
    """What is unsure is not taken over, be it as wanted: the plan then sends it. What differs from
    what is wanted is sent in any case."""
    rows = {row.key: row for row in known}
    found = correct([entry("a")], rows, {"a": seen("a")}, owner="me", now=NOW, unsure={"a"})
    assert found == ([], [], {})
    theirs = {"a": seen("a", "theirs")}
    found = correct([entry("a")], rows, theirs, owner="me", now=NOW, unsure={"a"})
    assert list(found.verdicts) == ["a"]


def test_settling():
    """A write or delete is unsure for 60 s, and for ever if nobody knows whether it happened."""
    times = {"a": NOW - SETTLING_S, "b": NOW - SETTLING_S + 0.1, "c": NOW + 9, "d": float("inf")}
    assert settling(times, NOW) == {"b", "c", "d"}
