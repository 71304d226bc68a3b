"""JSON Lines, and the headers of failure files."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsync.formats.failure_file import FailureHeader, header_line, read_header
from kvsync.formats.record import Fault, Record
from kvsync.model.values import Expiry
from tests.formats.feeding import KEYS, TEXTS, bare, faults, pairs, read, records


@pytest.mark.slow
@given(
    st.lists(st.tuples(KEYS, TEXTS, st.booleans())),
    st.booleans(),
    st.sampled_from(["\n", "\r\n", "\n\n", " \n\t"]),
)
def test_whatever_a_line_holds_comes_back(
    wanted: list[tuple[str, str, bool]], escaped: bool, end: str
) -> None:
    """As text or in base64, escaped or not, with any line ends."""
    lines = [
        json.dumps(
            {"key": key, "base64": base64.b64encode(value.encode()).decode()}
            if wrapped
            else {"key": key, "value": value},
            ensure_ascii=escaped,
        )
        for key, value, wrapped in wanted
    ]
    content = "".join(line + end for line in lines).encode()
    assert pairs("jsonl", content) == [(key, value.encode()) for key, value, _ in wanted]


def test_a_line_says_everything_of_a_pair() -> None:
    """Its TTL wins over its time; metadata stay as they were written, but for spaces."""
    content = (
        b'\xef\xbb\xbf{"key": "a", "value": "x", "expiration": 1800000000}\n\n'
        b'{"key": "b", "value": "eA==", "base64": true, "expiration": 1, "expiration_ttl": 60}\n'
        b'{"key": "c", "value": "", "metadata": {"n": 1.10, "big": 123456789012345678901}}\n'
        b'{"key": "d", "value": "x", "base64": false, "metadata": null, "expiration": null}'
    )
    assert records("jsonl", content) == [
        Record("a", b"x", 1, Expiry(at=1800000000)),
        Record("b", b"x", 3, Expiry(ttl=60)),
        Record("c", b"", 4, metadata='{"n":1.10,"big":123456789012345678901}'),
        Record("d", b"x", 5),
    ]


def test_a_failure_file_is_read_like_any_other() -> None:
    """Its header and its deletes are passed over, and what it says beside the pairs."""
    header = FailureHeader(owner="o", zone="z", namespace="n", endpoint="e", home="h")
    content = (
        header_line(header)
        + b'{"key":"a","value":"x","action":"create","outcome":"failed","code":"Timeout",'
        b'"message":"no answer","request_id":"r","attempts":3,"origin":"f:1"}\n'
        b'{"key":"b","action":"delete","outcome":"failed"}\n'
    )
    assert records("jsonl", content) == [Record("a", b"x", 2)]
    assert read_header(header_line(header)) == header


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b"[1]",
        b'{"key":"a","value":"b"}',
        b'{"format":"kvsync-index","version":1}',
        b'{"format":"kvsync-failures"}',
        b'{"format":"kvsync-failures","version":1,"zone":1}',
        b'{"format":"kvsync-failures","version":"1"}',
        b"\xff",
        b"[" * 10**5,
    ],
)
def test_what_is_no_header_is_none(line: bytes) -> None:
    """Nor is it an error: the line is something else."""
    assert read_header(line) is None


def test_a_newer_failure_file_asks_for_a_newer_kvsync() -> None:
    """Its lines may mean something else; not even its fields are looked at."""
    content = b'{"format":"kvsync-failures","version":2,"zone":7}\n{"key":"a","value":"x"}\n'
    assert read("jsonl", content) == [
        Fault(1, "a failure file that a newer kvsync wrote: update kvsync")
    ]


_KNOWN = (
    "key, value, base64, expiration, expiration_ttl, metadata, "
    "action, outcome, code, message, request_id, attempts, origin, lost"
)
_SECONDS = "must be a positive whole number of seconds, or be left out"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'"precious"', 'not an object: write {"key": "…", "value": "…"}'),
        (b'{"value":"precious"}', "no key: add it"),
        (b'{"key":7,"value":"precious"}', "key must be a string: write it in double quotes"),
        (b'{"key":"a"}', "no value: add it"),
        (b'{"key":"a","value":7}', "value is not a string: write it as a string"),
        (b'{"key":"a","value":null}', "value is not a string: write it as a string"),
        (b'{"key":"a","valeu":"precious"}', "unknown field valeu: did you mean value?"),
        (b'{"key":"a","precious":"x"}', f"unknown field in place 2 (known: {_KNOWN})"),
        (
            b'{"key":"a","value":"p","value":"q"}',
            "a field twice in one object: leave one of the two out",
        ),
        (
            b'{"key":"a","value":"p","metadata":[{"b":1,"b":2}]}',
            "a field twice in one object: leave one of the two out",
        ),
        (
            b'{"key":"a","value":"p","metadata":-Infinity}',
            "-Infinity is not JSON: write a string, a number or null",
        ),
        (
            b'{"key":"a","value":"p","base64":"eA=="}',
            "both value and base64: leave one of the two out",
        ),
        (b'{"key":"a","base64":true}', "no value: add it"),
        (b'{"key":"a","value":"x","base64":1}', "base64 must be true or false"),
        (
            b'{"key":"a","base64":"precious!"}',
            "base64 is not valid base64: encode it again (RFC 4648)",
        ),
        (
            b'{"key":"a","value":"x","base64":true}',
            "value is not valid base64: encode it again (RFC 4648)",
        ),
        (
            b'{"key":"a","value":"\\ud800"}',
            "value is not valid Unicode (half of a surrogate pair): change it",
        ),
        (
            b'{"key":"\\udc00","value":"x"}',
            "key is not valid Unicode (half of a surrogate pair): change it",
        ),
        (
            b'{"key":"a","value":"x","metadata":"\\udc00"}',
            "metadata is not valid Unicode (half of a surrogate pair): change it",
        ),
        (
            b'{"key":"a","value":"x","metadata":' + b"[" * 65 + b"]" * 65 + b"}",
            "metadata is nested too deeply: write the value as a string",
        ),
        (
            b'{"key":"a","value":' + b"[" * 10**5 + b"}",
            "nested too deeply: write the value as a string",
        ),
        (b'{"key":"a","value":"x","expiration":0}', f"expiration {_SECONDS}"),
        (b'{"key":"a","value":"x","expiration":-1}', f"expiration {_SECONDS}"),
        (b'{"key":"a","value":"x","expiration":1.5}', f"expiration {_SECONDS}"),
        (b'{"key":"a","value":"x","expiration":1e999}', f"expiration {_SECONDS}"),
        (b'{"key":"a","value":"x","expiration":' + b"9" * 9999 + b"}", f"expiration {_SECONDS}"),
        (b'{"key":"a","value":"x","expiration":"1800000000"}', f"expiration {_SECONDS}"),
        (b'{"key":"a","value":"x","expiration_ttl":true}', f"expiration_ttl {_SECONDS}"),
        (b'{"key":"a","value":"x"', "not JSON: expecting ',' delimiter"),
        (b'{"key":"a","value":"x', "not JSON: unterminated string"),
        (
            b'{"key":"a","value":"x"}{"key":"b","value":"y"}',
            "more than one object: write each on a line of its own",
        ),
        (b'{"key":"a","value":"\xff"}', "not valid UTF-8: save the file as UTF-8"),
        (
            b'{"key":"a","value":"' + b"x" * 2**25 + b'"}',
            "a line of 16 MiB or more: EdgeKV cannot hold that, leave it out",
        ),
    ],
    ids=lambda value: value[:40] if isinstance(value, bytes) else "",
)
def test_after_a_wrong_line_comes_the_next(line: bytes, message: str) -> None:
    """The fault has its line, says what to do, and repeats no value."""
    content = b'{"key":"x","value":"1"}\n' + line + b'\n{"key":"y","value":"2"}\n'
    assert [*map(bare, read("jsonl", content))] == [
        Record("x", b"1", 1),
        Fault(2, message),
        Record("y", b"2", 3),
    ]


def test_a_whole_number_may_be_written_as_a_fraction() -> None:
    """Some tools write every number so."""
    content = b'{"key":"a","value":"x","expiration":1577836800.0}'
    assert records("jsonl", content) == [Record("a", b"x", 1, Expiry(at=1577836800))]


def test_base64_may_have_line_breaks() -> None:
    """As the base64 command makes them."""
    assert pairs("jsonl", b'{"key":"a","base64":"eHh4\\neHh4\\r\\n"}') == [("a", b"xxxxxx")]


@pytest.mark.parametrize("order", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_told_apart(order: str) -> None:
    """Windows PowerShell's > writes it."""
    content = '\ufeff{"key":"a","value":"x"}\n'.encode(order)
    assert faults("jsonl", content) == [
        (1, "the file is UTF-16 (Windows PowerShell writes that): save it as UTF-8")
    ]
