"""Changes and entries by number behave as lists of them."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsync.model.entries import Changes, Names, Picked, names_of
from kvsync.model.values import Action, Change, Entry, Row
from tests.values import entry, row

COUNT = 9
ENTRIES = [entry(f"k{number}", str(number)) for number in range(COUNT)]
ROWS = {f"k{number}": row(f"k{number}", str(number)) for number in range(0, COUNT, 2)}
REASONS = ("one", "another", "a third")
NUMBERS = st.sets(st.integers(0, COUNT - 1)).map(sorted)
VERDICTS = st.tuples(st.sampled_from([*Action]), st.sampled_from(REASONS))
CHOICES = st.dictionaries(st.integers(0, COUNT - 1), VERDICTS).map(
    lambda chosen: dict(sorted(chosen.items()))
)
ENDS = st.one_of(st.none(), st.integers(-COUNT - 2, COUNT + 2))


def _agree(found: Sequence[object], expected: list[object]) -> None:
    assert len(found) == len(expected)
    assert bool(found) == bool(expected)
    assert list(found) == expected
    assert list(found) == expected
    assert list(reversed(found)) == expected[::-1]
    assert [found[place] for place in range(-len(expected), len(expected))] == expected * 2
    assert all(item in found for item in expected)
    for place in (len(expected), -len(expected) - 1):
        with pytest.raises(IndexError):
            found[place]


@pytest.mark.slow
@given(NUMBERS)
def test_picked(numbers: list[int]) -> None:
    """Picked entries are those with the numbers that were added."""
    picked = Picked(ENTRIES)
    for number in numbers:
        picked.add(number)
    _agree(picked, [ENTRIES[number] for number in numbers])


@pytest.mark.slow
@given(CHOICES)
def test_changes(chosen: dict[int, tuple[Action, str]]) -> None:
    """Changes have their action and reason, and the row that there is of their key."""
    changes = Changes(ENTRIES, ROWS)
    for number, verdict in chosen.items():
        changes.add(number, *verdict)
    expected: list[object] = [
        Change(action, ENTRIES[number], reason, ROWS.get(f"k{number}"))
        for number, (action, reason) in chosen.items()
    ]
    _agree(changes, expected)


@pytest.mark.slow
@given(NUMBERS, ENDS, ENDS, st.sampled_from([None, 1, 2, -1, -3]))
def test_slices(numbers: list[int], start: int, stop: int, step: int) -> None:
    """A slice has what that of a list has."""
    picked = Picked(ENTRIES)
    for number in numbers:
        picked.add(number)
    assert list(picked[start:stop:step]) == [ENTRIES[n] for n in numbers][start:stop:step]


@pytest.mark.slow
@given(NUMBERS)
def test_no_entry_is_looked_at_too_early(numbers: list[int]) -> None:
    """Going through some entries asks for none beyond the last one of them."""
    asked: list[int] = []

    class Watched(list[Entry]):
        def __iter__(self):
            for number, each in enumerate(ENTRIES):
                asked.append(number)
                yield each

    picked = Picked(Watched())
    for number in numbers:
        picked.add(number)
    found = iter(picked)
    for number in numbers:
        assert next(found) is ENTRIES[number]
        assert asked[-1] == number
    assert list(found) == []
    assert asked == list(range(numbers[-1] + 1 if numbers else 0))


def test_many_reasons() -> None:
    """Rows are looked up when a change is looked at, and not before."""
    rows: dict[str, Row] = {}
    changes = Changes(ENTRIES, rows)
    changes.add(0, Action.UPDATE, "why")
    rows["k0"] = ROWS["k0"]
    assert changes[0].row is ROWS["k0"]


@pytest.mark.slow
@given(st.lists(st.sets(st.sampled_from("abc")), max_size=3))
def test_names_of_several(parts: list[set[str]]) -> None:
    """A key is named if any of them names it."""
    names = Names(*parts)
    assert {key for key in "abcd" if key in names} == set().union(*parts)
    assert None not in names


def test_names_of_a_list() -> None:
    """Entries in a list name their keys."""
    names = names_of(ENTRIES)
    assert all(each.key in names for each in ENTRIES)
    assert "other" not in names
