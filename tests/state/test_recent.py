"""What the state file remembers of keys that have no row any more."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from kvsync.model.values import Action, Change, Expiry, Outcome, OutcomeKind, Row, Target
from kvsync.state.sqlite import State, state_path
from tests.values import change, entry, row

TARGET = Target("https://edge", "zone-1", "ns")
INFINITE = float("inf")


@pytest.fixture
def state(tmp_path: Path):
    """A new state file, open for writing."""
    with State.write(state_path(str(tmp_path))) as opened:
        yield opened


def delete(key: str, known: Row | None) -> Change:
    """A delete of the key."""
    return Change(Action.DELETE, entry(key), "", known)


def settle(state: State, *changes: Change, at: float = 1000.0) -> None:
    """The acknowledgements of these changes."""
    outcomes = [Outcome(OutcomeKind.DONE, made, made.entry, at, "r", 1) for made in changes]
    state.record(TARGET, "me", [], outcomes)


def refused(state: State, *changes: Change) -> None:
    """The definite refusals of these changes."""
    outcomes = [Outcome(OutcomeKind.REJECTED, made, made.entry) for made in changes]
    state.record(TARGET, "me", [], outcomes)


def test_nothing_to_remember(state):
    """A target of which nothing is known has no such keys, and neither has one with rows alone."""
    assert state.recent(TARGET) == {}
    settle(state, change("a"))
    assert state.recent(TARGET) == {}


def test_no_file(tmp_path):
    """Where there is no state there is nothing to remember."""
    with State.read(str(tmp_path / "none")) as state:
        assert state.recent(TARGET) == {}


def test_acknowledged_deletes(state):
    """The service's time of a delete is kept, for keys with and without a row, by target."""
    settle(state, change("a"))
    settle(state, delete("a", row("a")), delete("b", None), at=2000.5)
    assert state.recent(TARGET) == {"a": 2000.5, "b": 2000.5}
    assert state.recent(TARGET._replace(namespace="other")) == {}


def test_slow_answers(state):
    """The store has settled a minute after the answer; a TTL is counted from the sending."""
    slow = {"at": 1000.0, "answered": 1030.0}
    written = change("a")._replace(entry=entry("a", expiry=Expiry(ttl=90)))
    for made in (written, delete("b", None)):
        outcome = Outcome(OutcomeKind.DONE, made, made.entry, **slow)
        state.record(TARGET, "me", [], [outcome])
    kept = state.rows(TARGET)["a"]
    assert (kept.acknowledged, kept.runs_out) == (1030.0, 1090.0)
    assert state.recent(TARGET) == {"b": 1030.0}


def test_a_new_row_knows_better(state):
    """A key that was written since has a row, and is remembered there."""
    settle(state, delete("a", None))
    settle(state, change("a"), at=1001.0)
    assert state.recent(TARGET) == {}


def test_a_write_that_is_refused(state):
    """A key that we did not manage to write is remembered as before."""
    settle(state, delete("a", None))
    state.record(TARGET, "me", [change("a")], [])
    refused(state, change("a"))
    assert (state.recent(TARGET), state.rows(TARGET)) == ({"a": 1000.0}, {})


def test_a_delete_that_nobody_settled(state):
    """A key without a row gets none by being deleted; that it may yet be is remembered, also when
    another delete of it is refused, until it is deleted or written."""
    state.record(TARGET, "me", [delete("a", None), delete("b", row("b"))], [])
    assert (list(state.rows(TARGET)), state.recent(TARGET)) == (["b"], {"a": INFINITE})
    refused(state, delete("a", None))
    assert state.recent(TARGET) == {"a": INFINITE}
    settle(state, delete("a", None))
    assert state.recent(TARGET) == {"a": 1000.0}
    state.record(TARGET, "me", [delete("a", None)], [])
    settle(state, change("a"))
    assert state.recent(TARGET) == {}


@pytest.mark.parametrize("way", ["forget", "correct"])
def test_dropped_rows(state, way):
    """Of a row that is dropped the time of its write is kept; of one in doubt, that it was."""

    def drop(keys: Sequence[str]) -> None:
        if way == "forget":
            assert state.forget(TARGET, iter(keys)) == 2
        else:
            state.correct(TARGET, [], iter(keys))

    rows = [row("a", acknowledged=2000.0), row("b", in_doubt=True), row("c")]
    state.correct(TARGET, rows, [])
    drop(["a", "b", "nothing"])
    assert state.recent(TARGET) == {"a": 2000.0, "b": INFINITE}
    assert list(state.rows(TARGET)) == ["c"]


def test_old_ones_go(state):
    """What had settled when the latest of them was deleted is remembered no longer; what was never
    settled is."""
    state.correct(TARGET, [row("doubtful", in_doubt=True)], [])
    state.forget(TARGET, ["doubtful"])
    settle(state, delete("a", None), at=1000.0)
    settle(state, delete("b", None), at=1000.5)
    settle(state, delete("c", None), at=1060.0)
    assert state.recent(TARGET) == {"b": 1000.5, "c": 1060.0, "doubtful": INFINITE}
