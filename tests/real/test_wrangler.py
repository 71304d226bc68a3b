"""Dumps that the real wrangler makes of Cloudflare KV."""

import json
import re
from pathlib import Path

import pytest

from tests.real.wrangler import WranglerDump, dump_namespace, run_script

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
