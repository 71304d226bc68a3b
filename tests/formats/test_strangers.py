"""JSON that is no dump as it is, and says what makes a dump of it."""

import json
import re
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsync.formats import guess_format, name_stranger
from tests.formats.feeding import faults, pairs
from tests.real.tools import tool

_CONSUL = [
    {"LockIndex": 0, "Key": "a", "Flags": 42, "Value": "eA==", "CreateIndex": 1, "ModifyIndex": 2},
    {"LockIndex": 0, "Key": "b/", "Flags": 0, "Value": None, "CreateIndex": 1, "ModifyIndex": 2},
]
_ENTERPRISE = [{**pair, "Partition": "default", "Namespace": "default"} for pair in _CONSUL]
_REST = {"errors": [], "messages": [], "success": True}
_VALUES = {"values": {"a": "x", "b": {"value": "y"}}}
_ETCD = {
    "header": {"revision": 1},
    "kvs": [{"key": "YQ==", "value": "eA==", "lease": 0}],
    "count": 1,
}
_PAIRS = [{"key": "a", "value": "x"}]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "form", "wanted"),
    [
        (_CONSUL, "consul", [("a", b"x"), ("b/", b"")]),
        (_ENTERPRISE, "consul", [("a", b"x"), ("b/", b"")]),
        ({**_REST, "result": _VALUES}, "cloudflare", [("a", b"x"), ("b", b"y")]),
        ({"result": _VALUES, **_REST}, "cloudflare", [("a", b"x"), ("b", b"y")]),
        ({"success": True, "result": _PAIRS}, "cloudflare", [("a", b"x")]),
        ({"pairs": _PAIRS, "n": 1}, "cloudflare", [("a", b"x")]),
        (_ETCD, "cloudflare", [("a", b"x")]),
    ],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_the_command_that_is_told_makes_a_dump(answer, form, wanted, indent):
    """Whatever format it is read as, and if none is given; what jq makes is read whole."""
    content = json.dumps(answer, indent=indent).encode()
    told = name_stranger(content)
    (place, words), *more = faults("cloudflare", content)
    assert (place, words, more) == (1, told, [])
    assert faults("consul", content) == faults("fastly", content) == [(1, told)]
    assert guess_format("d.json", content) is None
    command = re.search(r"jq (?:'([^']+)'|(\.\w+)) FILE", told)
    assert command
    jq = [tool("jq"), command[1] or command[2]]
    dump = subprocess.run(jq, input=content, capture_output=True, check=True).stdout
    assert pairs(form, dump) == wanted


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            '[{"name":"a"},{"name":"b","expiration":1}]',
            "no values are in it: `wrangler kv bulk get",
        ),
        ('["a","b"]', "no values are in it: `wrangler kv bulk get`"),
        ('{"result":[{"name":"a"}],"success":true,"errors":[]}', "to who asks for keys"),
        ('{"success":false,"errors":[{"code":1}],"result":null}', "where it refuses"),
        ('{"errors":[{"code":1}],"success":false,"result":null}', "where it refuses"),
        ('{"success":true,"errors":[],"result":{"successful_key_count":2}}', "are no pairs"),
    ],
)
def test_what_has_no_values(content, words):
    """Nothing makes a dump of that; what it is, is told."""
    for cut in (len(content), len(content) + 1):
        assert words in name_stranger(content[:cut].encode())
    ((_, told),) = faults("cloudflare", content.encode())
    assert words in told


@pytest.mark.parametrize(
    "content",
    [
        {"success": "true", "errors": "[", "result": "x"},
        {"result": {"value": '{"values": {'}},
        {"kvs": "x", "name": None},
        {"values": {"success": "x", "result": "y"}},
    ],
)
def test_keys_that_have_such_names(content):
    """What wrangler gets may have any key."""
    assert pairs("cloudflare", json.dumps(content).encode())


def test_metadata_that_looks_like_pairs():
    """A pair's own fields are no wrapping."""
    pair = b'{"metadata":[{"key":"b"}],"key":"a","value":"x y"}\n'
    assert pairs("jsonl", pair) == [("a", b"x y")]
    assert pairs("cloudflare", b"[" + pair + b"]") == [("a", b"x y")]


@pytest.mark.parametrize(
    "content", [b"", b"[", b"{", b"[1]", b'{"version":1,"files":[{"key":"join"}]}']
)
def test_what_is_no_stranger(content):
    """Of what may be a manifest nothing is told."""
    assert name_stranger(content) == ""


@pytest.mark.parametrize(
    ("content", "form"),
    [('[\n{"key":"a","value":"x"}]', "several lines"), ('[{"key":"a","value":"x"}]', "an array")],
)
def test_json_that_is_no_lines(content, form):
    """One mistake says so, and which formats there are."""
    ((line, told),) = faults("jsonl", content.encode())
    assert line == 1
    assert form in told
    assert "cloudflare" in told


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("Key", "key"),
        ("VALUE", "value"),
        ("expirationTtl", "expiration_ttl"),
        ("ttl", "expiration_ttl"),
        ("time_to_live_sec", "expiration_ttl"),
        ("content", "value"),
        ("Expires", "expiration"),
        ("metdata", "metadata"),
    ],
)
def test_the_nearest_name(name, near):
    """However it is written, and by what others call it."""
    content = json.dumps([{"key": "a", "value": "x", name: 1}]).encode()
    words = f"unknown field {name}: did you mean {near}?"
    assert faults("cloudflare", content) == [(1, words)]
    assert name_stranger(content).endswith(f"pairs of the format cloudflare, with an {words}")


@pytest.mark.slow
@given(st.text() | st.binary())
def test_anything_may_be_asked(head):
    """Nothing makes it raise."""
    name_stranger(head.encode(errors="replace") if isinstance(head, str) else head)
