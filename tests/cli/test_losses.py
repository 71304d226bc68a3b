"""What EdgeKV cannot hold: each kind of loss, and each way to deal with it, by the front door."""

import base64
import json
import time
from typing import NamedTuple

import pytest

from kvsync.formats.policies import POLICIES
from kvsync.formats.record import Loss
from tests.cli.dumping import lines, wrapped
from tests.cli.watching import held

LARGE = "x" * ((1 << 20) + 1)
BINARY = b"\xff\x00"


class Kind(NamedTuple):
    """A dump whose second line has something that is lost, and what else is stored by each way.

    ``plain`` is the same dump without it.
    """

    form: str
    content: str
    plain: str
    ways: dict[str, dict[str, str]]


def _jsonl(**fields: object) -> str:
    return lines({"key": "good", "value": "fine"}, {"key": "a", "value": "x", **fields})


def _consul(flags: int) -> str:
    pairs = [("good", "fine", 0), ("a", "x", flags)]
    items = [
        json.dumps({"key": key, "flags": flag, "value": wrapped(value)})
        for key, value, flag in pairs
    ]
    return f"[{items[0]},\n{items[1]}]"


PLAIN = _jsonl()
KINDS = {
    Loss.METADATA: Kind(
        "jsonl",
        _jsonl(metadata={"n": 1, "ü": None}),
        PLAIN,
        {"drop": {"a": "x"}, "envelope": {"a": '{"value":"x","metadata":{"n":1,"ü":null}}'}},
    ),
    Loss.FLAGS: Kind("consul", _consul(42), _consul(0), {"drop": {"a": "x"}}),
    Loss.BINARY: Kind(
        "jsonl",
        _jsonl(value=wrapped(BINARY)).replace('a", "value"', 'a", "base64"'),
        PLAIN,
        {"base64": {"a": base64.b64encode(BINARY).decode()}},
    ),
    Loss.EMPTY: Kind("jsonl", _jsonl(value=""), PLAIN, {}),
    Loss.LARGE: Kind("jsonl", _jsonl(value=LARGE), PLAIN, {}),
    Loss.KEYS: Kind(
        "jsonl", _jsonl(key="a/b"), PLAIN, {"escape": {"a_2fb": "x"}, "join": {"a_b": "x"}}
    ),
    Loss.GROUPS: Kind(
        "akamai",
        "g,good,fine\ng,a,x\n",
        "",
        {"join": {"g_good": "fine", "g_a": "x"}, "drop": {"a": "x"}},
    ),
    Loss.EXPIRED: Kind("jsonl", _jsonl(expiration=1000), PLAIN, {}),
    Loss.SHORT_TTL: Kind(
        "jsonl", _jsonl(expiration_ttl=30), PLAIN, {"keep": {"a": "x"}, "extend": {"a": "x"}}
    ),
    Loss.MISSING: Kind(
        "cloudflare",
        '[{"key":"good","value":"fine"},\n{"key":"a","value":null}]',
        '[{"key":"good","value":"fine"},{"key":"a","value":"x"}]',
        {},
    ),
}
"""All kinds but ``types``, which only a live Redis has."""

WAYS = [(kind, way) for kind in KINDS for way in POLICIES[kind].ways]
GOOD = {"good": "fine"}


def test_every_kind_is_tried():
    """No kind of loss, and no way to deal with it, is left out here."""
    assert {*KINDS} == {*Loss} - {Loss.TYPES}
    for kind, example in KINDS.items():
        assert {*POLICIES[kind].ways} == {"error", "skip", *example.ways}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("command", ["validate", "plan", "sync"])
def test_errors(kvsync, edge, write, kind, command):
    """Unless something is said, the run ends with the pair's line and the option, in JSON too."""
    example = KINDS[kind]
    write("d", example.content)
    call = (command, "d", "--format", example.form)
    if kind is Loss.SHORT_TTL:
        # The only kind that is sent unasked.
        call = (*call, "--short-ttl", "error")
    result = kvsync(*call, "--json")
    assert (result.code, edge.arrivals) == (2, [])
    (run,) = result.json["runs"]
    assert run["error"]["details"][-1]["line"] == 2
    assert run["losses"][-1]["origin"] == "d:2"
    assert (run["losses"][-1]["kind"], run["losses"][-1]["policy"]) == (kind, "error")
    assert run["lost"][kind] >= 1
    told = kvsync(*call).err
    assert "\nd:2:1: " in f"\n{told}"
    for way in {*POLICIES[kind].ways} - {"error"}:
        assert way in told
    assert f"--{kind} " in told
    assert "cannot be" not in told
    assert kvsync(*call, f"--{kind}", "error").code == 2


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_skip(kvsync, edge, write, kind):
    """What is skipped is not sent, is told, and what was there of it before is nobody's orphan."""
    example = KINDS[kind]
    call = ("d", "--format", example.form, f"--{kind}", "skip")
    if kind is not Loss.GROUPS:
        write("d", example.plain)
        assert kvsync("sync", *call).code == 0
        assert held(edge) == {**GOOD, "a": "x"}
    write("d", example.content)
    planned = kvsync("plan", *call, "--only", "*", "--json").json["runs"][0]
    assert planned["changes"] == []
    result = kvsync("sync", *call, "--delete", "--json")
    (run,) = result.json["runs"]
    assert result.code == 0
    assert (run["summary"]["create"], run["summary"]["update"]) == (0, 0)
    if kind is not Loss.KEYS:
        # There the key is another one: what the plain dump called a is really gone.
        assert (planned["orphans"], run["orphans"], run["summary"]["delete"]) == ([], [], 0)
        assert held(edge) == ({} if kind is Loss.GROUPS else {**GOOD, "a": "x"})
    assert [(loss["kind"], loss["policy"]) for loss in run["losses"]][-1:] == [(kind, "skip")]
    assert f"--{kind} skip" in kvsync("sync", *call).err
    assert f"--{kind} skip" not in kvsync("sync", *call, "-q").err


@pytest.mark.parametrize(("kind", "way"), [(k, w) for k, w in WAYS if w not in {"error", "skip"}])
def test_transformations(kvsync, edge, write, kind, way):
    """The pair is stored as the way says, and told; the other pair is untouched."""
    example = KINDS[kind]
    write("d", example.content)
    begun = int(time.time())
    result = kvsync("sync", "d", "--format", example.form, f"--{kind}", way, "-v")
    assert result.code == 0
    assert held(edge) == {**({} if kind is Loss.GROUPS and way == "join" else GOOD),
                          **example.ways[way]}  # fmt: skip
    assert f"--{kind} {way}" in result.err
    assert f"({way})" in result.err
    if kind is Loss.SHORT_TTL:
        left = edge.pairs("zone-1", "ns")["a"][1] - begun
        assert (30 if way == "keep" else 60) <= left <= (32 if way == "keep" else 62)
    again = kvsync("sync", "d", "--format", example.form, f"--{kind}", way, "--renew-within", "0")
    assert "nothing to do" in again.out


def test_what_is_told(kvsync, edge, write):
    """Text lists ten pairs of a kind with their place, -v all; then the totals; -q neither."""
    content = lines(*({"key": f"k{n}", "value": "x", "metadata": {"n": n}} for n in range(12)))
    write("d.jsonl", content + lines({"key": "e", "value": ""}))
    call = ("plan", "d.jsonl", "--format", "jsonl", "--metadata", "drop", "--empty", "skip")
    ten = [f'kvsync: d.jsonl:{n + 1}: k{n}: metadata {{"n":{n}}} (drop)' for n in range(10)]
    empty = "kvsync: d.jsonl:13: e: empty (skip)"
    totals = [
        "kvsync: 12 pairs with metadata: --metadata drop",
        "kvsync: 1 pair with an empty value: --empty skip",
    ]
    cut = [f"{totals[0]}; the first 10 are listed, with -v all", totals[1]]
    assert kvsync(*call).errors == [*ten, empty, *cut]
    loud = kvsync(*call, "-v").errors
    assert loud[:10] == ten
    assert (len(loud), loud[12:]) == (15, [empty, *totals])
    assert kvsync(*call, "-q").errors == []
    (run,) = kvsync(*call, "--json").json["runs"]
    assert run["lost"] == {"metadata": 12, "empty": 1}
    assert run["losses"][11] == {
        "key": "k11", "origin": "d.jsonl:12", "kind": "metadata", "policy": "drop",
        "detail": '{"n":11}',
    }  # fmt: skip
    assert len(run["losses"]) == 13


def test_what_nobody_asked_for_is_a_warning(kvsync, edge, write):
    """A TTL that the service refuses is warned of, unless somebody chose something."""
    write("d", KINDS[Loss.SHORT_TTL].content)
    call = ("sync", "d", "--format", "jsonl", "-q")
    warning = "kvsync: warning: 1 pair with less than 60 s to live: --short-ttl keep"
    assert kvsync(*call).errors == [warning]
    assert kvsync(*call, "--short-ttl", "extend").errors == []


def test_whole_pairs_tell_nothing(kvsync, edge, write, manifest):
    """Where nothing is lost, no report has a word of it."""
    write("d.jsonl", PLAIN)
    manifest("keys: {m: x}\n")
    for source in ("d.jsonl", "m.yaml"):
        (run,) = kvsync("sync", source, "--json").json["runs"]
        assert not {"lost", "losses"} & run.keys()


@pytest.mark.slow
def test_many_of_a_kind(kvsync, write):
    """Ten pairs of each kind are named, and of the rest it is said how many there are."""
    write("d", lines(*({"key": f"k{n}", "value": "", "metadata": 1} for n in range(3000))))
    result = kvsync("validate", "d", "--format", "jsonl")
    assert (result.code, len(result.errors)) == (2, 23)
    assert "d: 2,990 more pairs: metadata" in result.errors
    assert "d: 2,990 more pairs: an empty value" in result.errors


def test_convert_tells_too(kvsync, write):
    """convert has the same options, errors and reports; its help lists kinds and ways."""
    write("d", KINDS[Loss.METADATA].content)
    call = ("convert", "d", "--from", "jsonl", "-o", "out.csv")
    refused = kvsync(*call)
    assert refused.code == 2
    assert '"a" has metadata' in refused.errors[0]
    result = kvsync(*call, "--metadata", "drop", "--json")
    assert result.code == 0
    (run,) = result.json["runs"]
    assert (run["lost"], run["losses"][0]["policy"]) == ({"metadata": 1}, "drop")
    told = kvsync(*call, "--metadata", "drop", "--force").err
    assert 'd:2: a: metadata {"n":1,"ü":null} (drop)' in told
    shown = " ".join(kvsync("convert", "--help").out.split())
    for kind, policy in POLICIES.items():
        assert f"--{kind}" in shown
        assert all(way in shown for way in policy.ways)


def test_no_variable_loses_anything(kvsync, edge, write, monkeypatch):
    """A forgotten variable neither drops nor skips what a dump has."""
    for kind, example in KINDS.items():
        if kind in {Loss.SHORT_TTL, Loss.EMPTY}:
            continue
        monkeypatch.setenv(f"KVSYNC_{kind.upper().replace('-', '_')}", "skip")
        write("d", example.content)
        assert kvsync("sync", "d", "--format", example.form).code == 2
