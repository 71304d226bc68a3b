"""What Fastly's command line reads."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsync.formats.record import Fault, Record
from kvsync.model.values import Expiry
from tests.formats.feeding import KEYS, bare, read, records


@pytest.mark.slow
@given(
    st.lists(st.tuples(KEYS, st.binary())),
    st.sampled_from([None, 0, 4]),
    st.sampled_from(["", "\n", "\r\n\r\n"]),
    st.integers(1, 9),
)
def test_whatever_an_object_holds_comes_back(
    wanted: list[tuple[str, bytes]], indent: int | None, separator: str, drop: int
) -> None:
    """On a line or on many, with anything or nothing between objects."""
    content = separator.join(
        json.dumps({"key": key, "value": base64.b64encode(value).decode()}, indent=indent)
        for key, value in wanted
    )
    items = read("fastly", content.encode(), drop=drop)
    assert [item[:2] for item in items] == wanted


def test_an_object_says_everything_of_a_pair() -> None:
    """Metadata are a text, which is kept as JSON."""
    content = b"""{"key": "a", "value": "eA==", "metadata": "", "background_fetch": false}
{
  "key": "b",
  "value": "eA==",
  "metadata": "{\\"n\\": 1}",
  "time_to_live_sec": 60,
  "background_fetch": true
}
"""
    assert records("fastly", content) == [
        Record("a", b"x", 1),
        Record("b", b"x", 2, Expiry(ttl=60), '"{\\"n\\": 1}"', "background_fetch"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b'{"key":"a","value":"precious"}', ""),
        (
            b'{"key":"a","value":"precious!"}',
            "value is not valid base64: encode it again (RFC 4648)",
        ),
        (b'{"key":"a"}', "no value: add it"),
        (b'{"key":"a","value":"","metadata":{}}', "metadata is not a string: write it as a string"),
        (
            b'{"key":"a","value":"","time_to_live_sec":0}',
            "time_to_live_sec must be a positive whole number of seconds, or be left out",
        ),
        (
            b'{"key":"a","value":"","background_fetch":"yes"}',
            "background_fetch must be true or false",
        ),
        (
            b'{"key":"a","value":"","expiration":1}',
            "unknown field in place 3"
            " (known: key, value, metadata, time_to_live_sec, background_fetch)",
        ),
        (b"[]", 'not an object: write {"key": "…", "value": "…"} one after the other, without [ ]'),
        (b"12", 'not an object: write {"key": "…", "value": "…"} one after the other, without [ ]'),
    ],
    ids=lambda value: value[:40] if isinstance(value, bytes) else "",
)
def test_after_a_wrong_object_comes_the_next(text: bytes, message: str) -> None:
    """The fault says what to do, without a value."""
    items = [*map(bare, read("fastly", b"\n" + text + b'\n{"key":"b","value":""}'))]
    assert items[0] == Fault(2, message) if message else isinstance(items[0], Record)
    assert items[1:] == [Record("b", b"", 3)]
