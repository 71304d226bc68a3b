"""Rows that are read when they are asked for are those of a dict."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsync.model.entries import owners_of, rows_beside, unnamed_rows
from kvsync.model.values import Action, Change, Expiry, Outcome, OutcomeKind, Row, Target
from kvsync.state.sqlite import State, state_path
from kvsync.state.sqlite.rows import StoredRows
from tests.values import entry

TARGET = Target("https://edge", "zone-1", "ns")
OTHER = TARGET._replace(namespace="other")
MANY = "kvsync.state.sqlite.reading._MANY"
KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4)


def _fill(path: str, keys: set[str], target: Target) -> None:
    with State.write(path) as state:
        changes = [Change(Action.CREATE, entry(key, expiry=Expiry(at=9)), "") for key in keys]
        outcomes = [
            Outcome(OutcomeKind.DONE, change, change.entry, 5.0, "r", 1) for change in changes[1:]
        ]
        # The first one stays in doubt.
        state.record(target, "me", changes[:1], [])
        state.record(target, "me", changes[1:], outcomes)


def _agree(found: Mapping[str, Row], expected: Mapping[str, Row], others: set[str]) -> None:
    assert len(found) == len(expected)
    assert list(found) == list(expected)
    assert list(found.keys()) == list(expected.keys())
    assert list(found.values()) == list(expected.values())
    assert list(found.items()) == list(expected.items())
    assert dict(found) == expected
    for key in {*expected, *others}:
        assert (key in found) == (key in expected)
        assert found.get(key) == expected.get(key)
        assert found.get(key, 7) == expected.get(key, 7)
        if key in expected:
            assert found[key] == expected[key]
        else:
            with pytest.raises(KeyError):
                found[key]


@pytest.mark.slow
@given(st.sets(KEYS, max_size=6), st.sets(KEYS, max_size=3), st.integers(0, 7))
def test_they_are_as_a_dict(
    tmp_path_factory: pytest.TempPathFactory, keys: set[str], others: set[str], many: int
) -> None:
    """Whatever is asked of them, they say what a dict of the same rows would."""
    path = state_path(str(tmp_path_factory.mktemp("state")))
    _fill(path, keys, TARGET)
    _fill(path, others, OTHER)
    with State.read(path) as state, pytest.MonkeyPatch.context() as patched:
        expected = state.rows(TARGET)
        assert isinstance(expected, dict)
        patched.setattr(MANY, many)
        found = state.rows(TARGET)
        assert isinstance(found, StoredRows) == (len(keys) > many)
        _agree(found, expected, others)


@pytest.mark.slow
@given(st.sets(KEYS, max_size=6), st.lists(KEYS, unique=True, max_size=6), st.integers(1, 4))
def test_what_a_plan_asks_of_them(
    tmp_path_factory: pytest.TempPathFactory, keys: set[str], wanted: list[str], together: int
) -> None:
    """However many are looked up at a time, entries find the rows that a dict would have."""
    path = state_path(str(tmp_path_factory.mktemp("state")))
    _fill(path, keys, TARGET)
    entries = [entry(key) for key in wanted]
    with State.read(path) as state, pytest.MonkeyPatch.context() as patched:
        expected = state.rows(TARGET)
        patched.setattr("kvsync.model.entries._TOGETHER", together)
        patched.setattr(MANY, 0)
        found = state.rows(TARGET)
        assert list(rows_beside(entries, found)) == [(e, expected.get(e.key)) for e in entries]
        unnamed = [row for row in expected.values() if row.key not in wanted]
        assert list(unnamed_rows(entries, found)) == unnamed
        assert {*owners_of(found)} == {row.owner for row in expected.values()}


def test_what_is_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but text is ever one of the keys."""
    path = state_path(str(tmp_path))
    _fill(path, {"a", "b"}, TARGET)
    monkeypatch.setattr(MANY, 1)
    with State.read(path) as state:
        assert None not in state.rows(TARGET)
        assert 1 not in state.rows(TARGET)


def test_no_state_file(tmp_path: Path) -> None:
    """Without a state there are no rows, however few are many."""
    with State.read(state_path(str(tmp_path))) as state:
        assert state.rows(TARGET) == {}
