"""Entries that are kept in a temporary database behave as in a list."""

import sqlite3
from collections.abc import Sequence
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsync.formats.record import Loss, Lossy
from kvsync.model.entries import Indexed, names_of
from kvsync.model.errors import OutputError
from kvsync.model.values import NEVER, Entry, Expiry
from kvsync.sources.dump.scratch import Scratch

KEYS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
ENTRIES = st.builds(
    Entry,
    key=KEYS,
    digest=st.binary(max_size=8).map(lambda data: sha256(data).digest()),
    size=st.integers(0, 1 << 20),
    expiry=st.one_of(
        st.just(NEVER),
        st.integers(1, 10**12).map(lambda ttl: Expiry(ttl=ttl)),
        st.integers(1, 10**12).map(lambda at: Expiry(at=at)),
    ),
    origin=st.text("d.json:1ü\x00", max_size=9),
    signature=st.binary(max_size=4),
)
LISTS = st.lists(ENTRIES, max_size=12, unique_by=lambda entry: entry.key)
PLACES = st.integers(-14, 14)
ENDS = st.one_of(st.none(), PLACES)


def _filled(entries: Sequence[Entry]) -> Scratch:
    scratch = Scratch()
    with scratch.filling():
        assert [scratch.add(entry) for entry in entries] == [""] * len(entries)
    return scratch


@pytest.mark.slow
@given(LISTS)
def test_it_gives_back_what_was_added(entries: list[Entry]) -> None:
    """Length, order and every field are those of the entries, as often as one asks."""
    scratch = _filled(entries)
    assert len(scratch) == len(entries)
    assert list(scratch) == entries
    assert list(scratch) == entries
    assert list(reversed(scratch)) == entries[::-1]
    assert all(entry in scratch for entry in entries)
    # Two may look at it at once.
    assert list(zip(scratch, scratch, strict=True)) == list(zip(entries, entries, strict=True))


@pytest.mark.slow
@given(LISTS, PLACES)
def test_an_index(entries: list[Entry], place: int) -> None:
    """An index counts from either end, and one that is too large is an error."""
    scratch = _filled(entries)
    if -len(entries) <= place < len(entries):
        assert scratch[place] == entries[place]
    else:
        with pytest.raises(IndexError):
            scratch[place]


@pytest.mark.slow
@given(LISTS, ENDS, ENDS, st.one_of(st.none(), PLACES.filter(bool)))
def test_a_slice(entries: list[Entry], start: int, stop: int, step: int) -> None:
    """A slice has what that of a list has."""
    assert list(_filled(entries)[start:stop:step]) == entries[start:stop:step]


@pytest.mark.slow
@given(LISTS, st.lists(KEYS, max_size=5), st.lists(KEYS, max_size=5))
def test_names(entries: list[Entry], left_out: list[str], others: list[str]) -> None:
    """The source names what it has and what it leaves out, and nothing else."""
    scratch = _filled(entries)
    scratch.spare(left_out)
    assert isinstance(scratch, Indexed)
    named = {*left_out, *(entry.key for entry in entries)}
    for key in {*named, *others}:
        assert (key in names_of(scratch)) == (key in named)
        assert (key in scratch.names) == (key in named)
    assert None not in scratch.names
    assert list(scratch) == entries


@pytest.mark.slow
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("+-.")), max_size=8))
def test_duplicates(steps: list[tuple[str, str]]) -> None:
    """A key that is there already is answered with where it was first; what is left out, or too
    late, meets nobody, and what is too late comes behind all that has another key.
    """
    scratch = Scratch()
    wanted: dict[str, Entry] = {}
    late: dict[str, Entry] = {}
    with scratch.filling():
        for number, (key, way) in enumerate(steps):
            entry = Entry(key, b"", 1, NEVER, f"d:{number}")
            if way == "+":
                assert scratch.add(entry) == (wanted[key].origin if key in wanted else "")
                wanted.setdefault(key, entry)
            elif way == "-":
                scratch.add_outdated(entry)
                late.setdefault(key, entry)
            else:
                scratch.spare([key])
    rest = [entry for key, entry in late.items() if key not in wanted]
    assert list(scratch) == [*wanted.values(), *rest]
    assert [scratch[number] for number in range(len(scratch))] == list(scratch)
    assert all(key in scratch.names for key, _ in steps)


def test_losses() -> None:
    """They come in their order, a pair's several ones too, and are counted by kind and way."""
    scratch = Scratch()
    losses = [
        ("a", "d:1", Lossy(Loss.METADATA, "drop", "{}")),
        ("a", "d:1", Lossy(Loss.EMPTY, "skip")),
        ("b", "d:2", Lossy(Loss.METADATA, "drop", "ü")),
    ]
    with scratch.filling():
        for loss in losses:
            scratch.losses.add(*loss)
    assert [tuple(loss) for loss in scratch.losses] == losses
    assert scratch.losses.totals == {(Loss.METADATA, "drop"): 2, (Loss.EMPTY, "skip"): 1}


def test_no_room() -> None:
    """A full disk is told, with what to do about it."""
    with pytest.raises(OutputError, match="set TMPDIR"), Scratch().filling():
        raise sqlite3.OperationalError("database or disk is full")
