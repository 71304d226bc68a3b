"""What Akamai's bulk upload takes."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsync.formats.record import Fault, Record
from kvsync.model.values import Expiry
from tests.formats.feeding import KEYS, TEXTS, read, records


@pytest.mark.slow
@given(st.lists(st.tuples(KEYS, KEYS, TEXTS)), st.sampled_from(["\n", "\r\n"]))
def test_whatever_a_row_holds_comes_back(wanted: list[tuple[str, str, str]], end: str) -> None:
    """Text of any kind in quotes, line breaks included."""
    file = io.StringIO()
    csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator=end).writerows(wanted)
    items = read("akamai", file.getvalue().encode())
    assert [(item.group, item.key, item.value) for item in items if isinstance(item, Record)] == [
        (group, key, value.encode()) for group, key, value in wanted
    ]


def test_a_row_says_everything_of_a_pair() -> None:
    """There is no header; blank lines are passed over; 0 and nothing are no time at all."""
    content = b'g,a,"{""n"":\n1}"\n\n \ng,b,x,60\nh,c,,0\nh,d,x,\n'
    assert records("akamai", content) == [
        Record("a", b'{"n":\n1}', 1, group="g"),
        Record("b", b"x", 5, Expiry(ttl=60), group="g"),
        Record("c", b"", 6, group="h"),
        Record("d", b"x", 7, group="h"),
    ]


_CELLS = (
    "cells: write groupId,itemId,content or groupId,itemId,content,retentionSeconds, "
    'with content in quotes (")'
)
_SECONDS = "retentionSeconds must be a positive whole number of seconds, or be left out"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (b"g,a", f"2 {_CELLS}"),
        (b"g,a,b,3,d", f"5 {_CELLS}"),
        (b"g,a,x,1h", _SECONDS),
        (b"g,a,x,-1", _SECONDS),
        (b"g,a,x," + b"9" * 13, _SECONDS),
    ],
)
def test_after_a_wrong_row_comes_the_next(row: bytes, message: str) -> None:
    """The fault says what to do, without a value."""
    assert read("akamai", row + b"\ng,b,x\n") == [
        Fault(1, message),
        Record("b", b"x", 2, group="g"),
    ]
