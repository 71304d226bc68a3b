"""What consul kv export prints."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsync.formats.record import Record
from tests.formats.feeding import KEYS, faults, read, records


@pytest.mark.slow
@given(
    st.lists(st.tuples(KEYS, st.binary(), st.integers(0, 2**64 - 1))),
    st.sampled_from([None, "\t"]),
    st.integers(1, 9),
)
def test_whatever_an_export_holds_comes_back(
    wanted: list[tuple[str, bytes, int]], indent: str | None, drop: int
) -> None:
    """Flags have 64 bits, and are told unless they are 0."""
    pairs = [
        {"key": key, "flags": flags, "value": base64.b64encode(value).decode()}
        for key, value, flags in wanted
    ]
    items = read("consul", json.dumps(pairs, indent=indent).encode(), drop=drop)
    assert [(item.key, item.value, item.flags) for item in items if isinstance(item, Record)] == [
        (key, value, f"flags {flags}" if flags else "") for key, value, flags in wanted
    ]


def test_an_export_says_everything_of_a_pair() -> None:
    """A folder is a key that ends in a slash; Consul Enterprise has namespaces and partitions."""
    content = b"""[
\t{
\t\t"key": "app/",
\t\t"flags": 0,
\t\t"value": ""
\t},
\t{"key": "app/a", "flags": 42, "value": "eA==", "namespace": "default", "partition": ""},
\t{"key": "b", "value": null, "flags": 0, "namespace": "team", "partition": "p"}
]
"""
    assert records("consul", content) == [
        Record("app/", b"", 2),
        Record("app/a", b"x", 7, flags="flags 42"),
        Record("b", b"", 8, flags="namespace team, partition p"),
    ]


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (b"", 1, "the file ends in the middle of what begins at line 1: get the whole file"),
        (b"{}", 1, "not JSON: expected ["),
        (b"[]\n[]", 2, "more after the end of the array: put all pairs into it"),
        (b'[\n{"key":"a","flags":0}]', 2, "no value: add it"),
        (b'[{"key":"a","flags":-1,"value":""}]', 1, "flags must be a whole number"),
        (b'[{"key":"a","flags":true,"value":""}]', 1, "flags must be a whole number"),
        (b'[{"key":"a","flags":1.5,"value":""}]', 1, "flags must be a whole number"),
        (
            b'[{"key":"a","flags":0,"value":"*"}]',
            1,
            "value is not valid base64: encode it again (RFC 4648)",
        ),
        (
            b'[{"key":"a","value":"","namespace":1}]',
            1,
            "namespace must be a string: write it as a string",
        ),
        (b'[{"Key":"a","Value":"eA=="}]', 1, "unknown field Key: did you mean key?"),
    ],
    ids=lambda value: value[:40] if isinstance(value, bytes) else "",
)
def test_what_is_wrong_has_its_line(content: bytes, line: int, message: str) -> None:
    """And says what to do, without a value."""
    assert faults("consul", content) == [(line, message)]
