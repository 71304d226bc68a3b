"""Dumps that the real wrangler makes of Cloudflare KV."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.real.wrangler import COUNT, WranglerDump, dump_namespace, run_script

README = Path(__file__).parents[2] / "README.md"


@pytest.fixture(scope="module")
def wrangler_dump(tmp_path_factory: pytest.TempPathFactory) -> WranglerDump:
    """A dump of a namespace with some 1,000 keys, as our guide says to make it."""
    return dump_namespace(tmp_path_factory.mktemp("wrangler"))


def test_wrangler_lists_keys_with_expirations_and_metadata(wrangler_dump: WranglerDump) -> None:
    """``kv key list`` writes JSON and nothing else: names, and the rest only where there is any."""
    listed = json.loads(wrangler_dump.keys.read_bytes())
    expected = []
    for name, stored in wrangler_dump.expected.items():
        item = {"name": name, "expiration": stored.expires, "metadata": stored.metadata}
        expected.append({field: value for field, value in item.items() if value})
    assert listed == sorted(expected, key=lambda item: str(item["name"]))


def test_wrangler_gets_values_by_name(wrangler_dump: WranglerDump) -> None:
    """``kv bulk get`` writes one JSON object and nothing else: a value for each name."""
    values = json.loads(wrangler_dump.values.read_bytes())
    expected = wrangler_dump.expected.items()
    assert values == {name: {"value": stored.value.decode()} for name, stored in expected}


def test_the_guides_dump_is_complete(wrangler_dump: WranglerDump) -> None:
    """Joined as the guide says, no value, expiration or metadata of any key is lost."""
    joined = json.loads(wrangler_dump.joined.read_bytes())
    found = {
        item["key"]: (item["value"].encode(), item.get("metadata"), item.get("expiration", 0))
        for item in joined
    }
    assert found == wrangler_dump.expected
    assert len(joined) == len(found)


def test_the_readmes_script(tmp_path: Path) -> None:
    """It asks for 100 keys at a time, and gets values again that `kv bulk get` spoils."""
    found = re.search(r"^```bash\n(#!.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL)
    assert found
    pairs = [
        {"key": f"key/{number:03}", "value": f"{number} ü\n\\", "metadata": {"n": number}}
        for number in range(120)
    ]
    pairs += [
        {"key": "later", "value": "1", "expiration": 2000000000},
        {"key": "logo", "value": "iVBORw0KGgo=", "base64": True},
        {"key": "sign", "value": "\ufffd"},
    ]
    run_script(tmp_path, found[1].replace("--remote", "--local --persist-to state"), pairs)
    dump = json.loads((tmp_path / "dump.json").read_bytes())
    pairs[-1] = {"key": "sign", "value": "77+9", "base64": True}
    assert dump == pairs


def _sync(kvsync: Callable[..., Any], dump: WranglerDump, metadata: str) -> Any:
    call = [str(dump.joined), "--format", "cloudflare", "--metadata", metadata]
    result = kvsync("sync", *call, "--state", "state.db", "--rate", "100000", "--json")
    assert result.code == 0
    return result.json["runs"][0]


def _as_expected(dump: WranglerDump, metadata: str) -> dict[str, tuple[str, int]]:
    pairs = {}
    for key, stored in dump.expected.items():
        value = stored.value.decode()
        if metadata == "envelope" and stored.metadata is not None:
            envelope = {"value": value, "metadata": stored.metadata}
            value = json.dumps(envelope, ensure_ascii=False, separators=(",", ":"))
        pairs[key] = (value, stored.expires)
    return pairs


@pytest.mark.parametrize("metadata", ["drop", "envelope"])
def test_a_namespace_moves(
    wrangler_dump: WranglerDump, kvsync: Callable[..., Any], edge: Any, metadata: str
) -> None:
    """All bytes and expiries are stored, and each pair's lost metadata is told; again, nothing."""
    run = _sync(kvsync, wrangler_dump, metadata)
    stored = edge.pairs("zone-1", "ns")
    assert len(stored) == COUNT + 1
    expected = _as_expected(wrangler_dump, metadata)
    if metadata == "drop":
        assert stored == expected
    else:
        # jq writes the fields of an object in an order of its own, perhaps.
        assert {key: _unwrapped(pair) for key, pair in stored.items()} == {
            key: _unwrapped(pair) for key, pair in expected.items()
        }
    lost = {key: s.metadata for key, s in wrangler_dump.expected.items() if s.metadata is not None}
    assert run["lost"] == {"metadata": len(lost)}
    assert {loss["key"]: json.loads(loss["detail"]) for loss in run["losses"]} == lost
    assert {loss["policy"] for loss in run["losses"]} == {metadata}
    again = _sync(kvsync, wrangler_dump, metadata)
    assert (again["summary"]["requests"], again["summary"]["unchanged"]) == ({}, COUNT + 1)
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
        key: (stored.value.decode(), 0) for key, stored in wrangler_dump.expected.items()
    }
