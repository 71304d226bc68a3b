"""Dumps that the real wrangler makes of Cloudflare KV."""

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.real.wrangler import WranglerDump, dump_namespace

GUIDE = Path(__file__).parents[2] / "kvsync" / "guide" / "migrating.md"
SPOILED = {"logo", "sign"}
"""Keys whose values have U+FFFD in what ``kv bulk get`` writes of them."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wrangler_dump(tmp_path_factory: pytest.TempPathFactory) -> WranglerDump:
    """A dump of a namespace, by the script of the guide."""
    found = re.search(r"^```bash\n(#!.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    assert found
    return dump_namespace(tmp_path_factory.mktemp("wrangler"), found[1])


def test_wrangler_lists_keys_with_expirations_and_metadata(wrangler_dump: WranglerDump) -> None:
    """``kv key list`` writes JSON and nothing else: names, and the rest only where there is any."""
    listed = json.loads(wrangler_dump.keys.read_bytes())
    expected = []
    for name, stored in wrangler_dump.expected.items():
        item = {"name": name, "expiration": stored.expires, "metadata": stored.metadata}
        expected.append({field: value for field, value in item.items() if value})
    assert listed == sorted(expected, key=lambda item: str(item["name"]))


def test_wrangler_gets_values_by_name(wrangler_dump: WranglerDump) -> None:
    """``kv bulk get`` writes one JSON object and nothing else: a value for each name, as text."""
    values = json.loads(wrangler_dump.values.read_bytes())
    assert values == {
        name: {"value": stored.value.decode(errors="replace")}
        for name, stored in wrangler_dump.expected.items()
    }


def test_the_script_asks_for_100_keys_at_a_time(wrangler_dump: WranglerDump) -> None:
    """As many as the real service gives in one answer; the rest comes with the next."""
    last = json.loads(wrangler_dump.keys.with_name("piece.json").read_bytes())
    assert len(last) == len(wrangler_dump.expected) - 100


def test_the_scripts_dump_is_complete(wrangler_dump: WranglerDump) -> None:
    """No value, expiration or metadata of any key is lost, nor any byte that is not text."""
    joined = json.loads(wrangler_dump.joined.read_bytes())
    found = {
        item["key"]: (_value(item), item.get("metadata"), item.get("expiration", 0))
        for item in joined
    }
    assert found == wrangler_dump.expected
    assert len(joined) == len(found)
    assert {item["key"] for item in joined if item.get("base64")} == SPOILED


def _value(item: dict[str, Any]) -> bytes:
    value: str = item["value"]
    return base64.b64decode(value) if item.get("base64") else value.encode()


def _sync(kvsync: Callable[..., Any], dump: WranglerDump, metadata: str) -> Any:
    call = [
        str(dump.joined),
        "--format",
        "cloudflare",
        "--metadata",
        metadata,
        "--binary",
        "base64",
    ]
    result = kvsync("sync", *call, "--state", "state.db", "--rate", "100000", "--json")
    assert result.code == 0
    return result.json["runs"][0]


def _as_expected(dump: WranglerDump, metadata: str) -> dict[str, tuple[str, int]]:
    pairs = {}
    for key, stored in dump.expected.items():
        value = _as_text(stored.value)
        if metadata == "envelope" and stored.metadata is not None:
            envelope = {"value": value, "metadata": stored.metadata}
            value = json.dumps(envelope, ensure_ascii=False, separators=(",", ":"))
        pairs[key] = (value, stored.expires)
    return pairs


def _as_text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return base64.b64encode(value).decode()


@pytest.mark.parametrize("metadata", ["drop", "envelope"])
def test_a_namespace_moves(
    wrangler_dump: WranglerDump, kvsync: Callable[..., Any], edge: Any, metadata: str
) -> None:
    """All bytes and expiries are stored, and each pair's lost metadata is told; again, nothing."""
    run = _sync(kvsync, wrangler_dump, metadata)
    stored = edge.pairs("zone-1", "ns")
    expected = _as_expected(wrangler_dump, metadata)
    if metadata == "drop":
        assert stored == expected
    else:
        # jq writes the fields of an object in an order of its own, perhaps.
        assert {key: _unwrapped(pair) for key, pair in stored.items()} == {
            key: _unwrapped(pair) for key, pair in expected.items()
        }
    lost = {key: s.metadata for key, s in wrangler_dump.expected.items() if s.metadata is not None}
    assert run["lost"] == {"binary": 1, "metadata": len(lost)}
    told = [loss for loss in run["losses"] if loss["kind"] == "metadata"]
    assert {loss["key"]: json.loads(loss["detail"]) for loss in told} == lost
    assert {loss["policy"] for loss in told} == {metadata}
    again = _sync(kvsync, wrangler_dump, metadata)
    assert (again["summary"]["requests"], again["summary"]["unchanged"]) == ({}, len(stored))
    assert again["losses"] == run["losses"]


def _unwrapped(pair: tuple[str, int]) -> Any:
    value, expires = pair
    return (json.loads(value) if value.startswith('{"value":') else value), expires


def test_metadata_is_not_dropped_unasked(
    wrangler_dump: WranglerDump, kvsync: Callable[..., Any], edge: Any
) -> None:
    """Without a word about metadata nothing is sent, and the message is short."""
    result = kvsync("sync", str(wrangler_dump.joined), "--state", "state.db")
    assert (result.code, edge.arrivals) == (2, [])
    assert "--metadata drop, envelope or skip" in result.err
    assert len(result.errors) < 20


def test_what_bulk_get_writes_is_read_as_it_is(
    wrangler_dump: WranglerDump, kvsync: Callable[..., Any], edge: Any
) -> None:
    """The values alone, without expirations and metadata, are a dump too."""
    call = ["sync", str(wrangler_dump.values), "--format", "cloudflare", "--state", "state.db"]
    assert kvsync(*call).code == 0
    assert edge.pairs("zone-1", "ns") == {
        key: (stored.value.decode(errors="replace"), 0)
        for key, stored in wrangler_dump.expected.items()
    }
