"""The index of an exported directory."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsync.formats.folder_index import Origin, end_line, index_lines, pair_lines, read_index
from kvsync.model.errors import InputError

ORIGIN = Origin("https://edge.example", "zone-1", "ns", "p-")
KEY = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=512)
HEADER = b'{"format":"kvsync-index","version":1,"endpoint":"e","zone":"z","namespace":"n"}\n'
GARBAGE = (
    "not a line that kvsync export writes: export into a new directory, "
    "or remove the index to read this one as an ordinary folder"
)


@pytest.mark.slow
@given(st.dictionaries(KEY, st.integers(0, 10**12 - 1)), st.booleans())
def test_an_index_says_what_was_put_into_it(expires: dict[str, int], complete: bool) -> None:
    """Origin, keys, expiries and whether the export finished."""
    written = b"".join(index_lines(ORIGIN, expires, complete))
    index = read_index(io.BytesIO(written), "i")
    assert index == (ORIGIN, expires, complete, len(written))


def test_a_later_line_replaces_an_earlier_one() -> None:
    """And makes an export that had finished one that has not, until it ends again."""
    written = b"".join([*index_lines(ORIGIN, {"a": 1, "b": 2}, True), *pair_lines([("a", 3)])])
    index = read_index(io.BytesIO(written), "i")
    assert (index.expires, index.complete) == ({"a": 3, "b": 2}, False)
    index = read_index(io.BytesIO(written + end_line(complete=True)), "i")
    assert (index.expires, index.complete) == ({"a": 3, "b": 2}, True)


def test_a_last_line_that_was_cut_off_is_not_looked_at() -> None:
    """Wherever the cut is, all before it counts, and the export has not finished."""
    lines = list(index_lines(ORIGIN, {"a": 1, "b": 2}, True))
    written = b"".join(lines)
    for end in range(len(written)):
        index = read_index(io.BytesIO(written[:end]), "i")
        whole = written[:end].count(b"\n")
        assert index.end == len(b"".join(lines[:whole]))
        assert index.origin == (ORIGIN if whole else None)
        assert list(index.expires) == ["a", "b"][: max(whole - 1, 0)]
        assert not index.complete


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"precious\n", 1),
        (b"{}\n", 1),
        (HEADER.replace(b"kvsync-index", b"other"), 1),
        (HEADER.replace(b"}", b',"x":' + b"[" * 60000), 1),
        (HEADER + b"garbage\n", 2),
        (HEADER + b"\n", 2),
        (HEADER + b"{}\n", 2),
        (HEADER + b'{"key":"a"}\n', 2),
        (HEADER + b'{"key":"a","file":""}\n', 2),
        (HEADER + b'{"key":"a","file":"../a"}\n', 2),
        (HEADER + b'{"key":"a","file":".."}\n', 2),
        (HEADER + b'{"key":"a","file":"/etc/passwd"}\n', 2),
        (HEADER + b'{"key":"a","file":"b"}\n', 2),
        (HEADER + b'{"key":"../a","file":"../a"}\n', 2),
        (HEADER + b'{"key":"","file":""}\n', 2),
        (HEADER + b'{"key":"a","file":"a","complete":true,"more":1}\n', 2),
        (HEADER + b'{"key":"a","file":"a","expires":-1}\n', 2),
        (HEADER + b'{"key":"a","file":"a","expires":1000000000000}\n', 2),
        (HEADER + b'{"key":"\\ud800","file":"a"}\n', 2),
        (HEADER + b'{"key":"\xff","file":"a"}\n', 2),
        (HEADER + b'{"key":"' + b"x" * 513 + b'","file":"a"}\n', 2),
        (HEADER + b"[" * 10**4 + b"\n", 2),
        (HEADER + b'{"complete":true}\n' + b" " * 2**17, 3),
    ],
    ids=lambda value: value[-20:] if isinstance(value, bytes) else value,
)
def test_what_kvsync_does_not_write_is_a_mistake(content: bytes, place: int) -> None:
    """The line is named; no file's name but that of its key is believed."""
    with pytest.raises(InputError) as caught:
        read_index(io.BytesIO(content), "out/.kvsync-index")
    assert str(caught.value) == f"out/.kvsync-index:{place}:1: {GARBAGE}"


def test_a_newer_index_asks_for_a_newer_kvsync() -> None:
    """Its lines may mean something else."""
    with pytest.raises(InputError) as caught:
        read_index(io.BytesIO(HEADER.replace(b'"version":1', b'"version":2,"new":true')), "i")
    assert str(caught.value) == "i:1:1: an index that a newer kvsync wrote: update kvsync"
