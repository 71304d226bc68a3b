"""What wrangler puts and gets."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsync.formats.record import Fault, Record
from kvsync.model.values import Expiry
from tests.formats.feeding import KEYS, TEXTS, bare, faults, pairs, read, records

_PAIRS = st.lists(st.tuples(KEYS, TEXTS))
_INDENTS = st.sampled_from([None, 0, 2, "\t"])
_DROPS = st.integers(1, 9)


@pytest.mark.slow
@given(_PAIRS, _INDENTS, st.booleans(), _DROPS)
def test_whatever_was_put_comes_back(
    wanted: list[tuple[str, str]], indent: int | str | None, escaped: bool, drop: int
) -> None:
    """In any layout, and however the bytes arrive."""
    pairs = [{"key": key, "value": value} for key, value in wanted]
    content = json.dumps(pairs, indent=indent, ensure_ascii=escaped).encode()
    items = read("cloudflare", content, drop=drop)
    assert [item[:2] for item in items] == [(key, value.encode()) for key, value in wanted]


@pytest.mark.slow
@given(st.dictionaries(KEYS, st.none() | TEXTS), _INDENTS, st.sampled_from("abc"), _DROPS)
def test_whatever_was_got_comes_back(
    wanted: dict[str, str | None], indent: int | str | None, shape: str, drop: int
) -> None:
    """Values by key, as objects, or in an object of their own; null is no value."""
    shaped = {key: {"value": value} if shape == "b" else value for key, value in wanted.items()}
    content = json.dumps({"values": shaped} if shape == "c" else shaped, indent=indent).encode()
    if {"key", "value"} & wanted.keys():
        return
    items = read("cloudflare", content, drop=drop)
    assert [item[:2] for item in items] == [
        (key, None if value is None else value.encode()) for key, value in wanted.items()
    ]


def test_an_array_says_everything_of_a_pair() -> None:
    """The line is where the pair begins."""
    content = b"""[
  {"key": "a", "value": "x"},
  {
    "key": "b",
    "value": "eA==",
    "base64": true,
    "expiration": 1800000000,
    "metadata": {"who": "\xc3\xbc"}
  }, {"key": "c", "value": "", "expiration": 1800000000, "expiration_ttl": 60, "metadata": "m"},
  {"key": "d", "value": null}
]
"""
    assert records("cloudflare", content) == [
        Record("a", b"x", 2),
        Record("b", b"x", 3, Expiry(at=1800000000), '{"who":"ü"}'),
        Record("c", b"", 9, Expiry(ttl=60), '"m"'),
        Record("d", None, 10),
    ]


def test_what_wrangler_gets_is_read_as_it_prints_it() -> None:
    """Older versions print a word behind the JSON."""
    content = b"""{
  "a": {
    "value": "x"
  },
  "missing": {
    "value": null
  },
  "b": { "value": "y", "metadata": {"n": 1}, "expiration": 1577836800 },
  "c":
    "z",
  "absent": null
}

Success!
"""
    assert records("cloudflare", content) == [
        Record("a", b"x", 2),
        Record("missing", None, 5),
        Record("b", b"y", 8, Expiry(at=1577836800), '{"n":1}'),
        Record("c", b"z", 9),
        Record("absent", None, 11),
    ]


def test_all_values_may_be_in_an_object_of_their_own() -> None:
    """As the API answers; a key may have that name as well."""
    assert pairs("cloudflare", b'{"values": {"a": "x", "b": {"value": "y"}}}') == [
        ("a", b"x"),
        ("b", b"y"),
    ]
    assert pairs("cloudflare", b'{"values": {}}') == []
    assert pairs("cloudflare", b'{"values": "x", "a": "y"}') == [("values", b"x"), ("a", b"y")]
    assert pairs("cloudflare", b'{"a": "y", "values": {"value": "x"}}') == [
        ("a", b"y"),
        ("values", b"x"),
    ]


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (b"", 1, "not JSON: expected [ or {, and nothing before it"),
        (b"\nbanner\n[]", 2, "not JSON: expected [ or {, and nothing before it"),
        (b"[]\n[]", 2, "more after the end of the JSON: put all pairs into one array"),
        (b"{}\nSuccess! or not", 2, "more after the end of the JSON: put all pairs into one array"),
        (
            b'{"key": "a",\n"value": "x"}',
            1,
            "a pair that is not in an array: put [ before the first and ] after all, or"
            " give jsonl for the format if each is in a line of its own",
        ),
        (
            b'{"values":\n{"value": "x"}}',
            2,
            '"values" may be a key here, or hold all keys: write an array of pairs',
        ),
        (b'{"values": {},\n"a": "x"}', 2, 'a field beside "values": leave it out'),
        (b'{"a": {"valu": "x"}}', 1, "unknown field valu: did you mean value?"),
        (b'{"a": {}}', 1, "no value: add it"),
        (b'{"a": {"value": {"precious": 1}}}', 1, "value is not a string: write it as a string"),
        (b'{"a": 7}', 1, "value is not a string: write it as a string"),
        (b'{"\\ud800": "x"}', 1, "key is not valid Unicode (half of a surrogate pair): change it"),
        (b'[{"key": "a", "value": true}]', 1, "value is not a string: write it as a string"),
        (
            b'[{"key": "a", "precious": {}}]',
            1,
            "unknown field in place 2"
            " (known: key, value, base64, expiration, expiration_ttl, metadata)",
        ),
        (b"[7]", 1, 'not an object: write {"key": "…", "value": "…"}'),
        (b'[{"key": "a"\n"value": "precious"}]', 2, "not JSON: expecting ',' delimiter"),
        (
            b'[{"key": "a",\n"value": "precious',
            2,
            "the file ends in the middle of what begins at line 1, column 2: get the whole file",
        ),
    ],
    ids=lambda value: value[:40] if isinstance(value, bytes) else "",
)
def test_what_is_wrong_has_its_line(content: bytes, line: int, message: str) -> None:
    """And says what to do, without a value."""
    assert faults("cloudflare", content) == [(line, message)]


def test_after_a_wrong_pair_comes_the_next() -> None:
    """A pair that is wrong says nothing of the others."""
    value = base64.b64encode(b"x").decode()
    content = json.dumps(
        [
            {"key": "a", "value": "*", "base64": True},
            {"key": "b", "value": value, "base64": True},
        ],
        indent=0,
    ).encode()
    assert [*map(bare, read("cloudflare", content))] == [
        Fault(2, "value is not valid base64: encode it again (RFC 4648)"),
        Record("b", b"x", 7),
    ]
