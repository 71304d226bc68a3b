"""Others at the same namespace, and a service that fails: looking and mending all the same."""

import json

import pytest
from tencentcloud.common.credential import Credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.teo.v20220901 import models
from tencentcloud.teo.v20220901.teo_client import TeoClient

from kvsync.emulator.options import ALL_FAULTS
from tests.cli.watching import held, long_ago

# The vendor's package still calls it; Python 3.12 and later complain.
pytestmark = pytest.mark.filterwarnings("ignore:.*utcfromtimestamp:DeprecationWarning")


@pytest.fixture
def vendor(edge):
    """Somebody who writes by the vendor's own SDK: ``vendor(action, **parameters)``."""
    endpoint = edge.url.removeprefix("http://")
    profile = ClientProfile(httpProfile=HttpProfile(protocol="http", endpoint=endpoint))
    client = TeoClient(Credential("AKIDsomebody", "else"), "", profile)

    def call(action: str, **parameters: object) -> object:
        request = getattr(models, f"{action}Request")()
        request.from_json_string(json.dumps({"ZoneId": "zone-1", "Namespace": "ns", **parameters}))
        return getattr(client, action)(request)

    return call


@pytest.mark.slow
def test_the_vendors_sdk_behind_our_back(kvsync, edge, manifest, vendor):
    """What the vendor's SDK wrote and deleted is seen by verify, and mended by a refresh."""
    manifest("keys: {a: one, b: two, c: three, d: {value: x, ttl: 1d}}\n")
    assert kvsync("sync", "m.yaml").code == 0
    long_ago()
    vendor("EdgeKVPut", Key="a", Value="theirs")
    vendor("EdgeKVPut", Key="d", Value="x", ExpirationTTL=120)
    vendor("EdgeKVPut", Key="stray", Value="theirs", Expiration=4102444800)
    vendor("EdgeKVDelete", Keys=["b"])
    seen = kvsync("verify", "m.yaml")
    assert [line[:7] for line in seen.out.splitlines()[:-1]] == ["* a  (m", "- b  (m", "+ stray"]
    mended = kvsync("sync", "m.yaml", "--refresh", "--json").json["runs"][0]
    assert [(c["key"], c["reason"]) for c in mended["changes"]] == [
        ("a", "drifted"), ("b", "missing remotely"), ("d", "its TTL is running out"),
    ]  # fmt: skip
    assert kvsync("verify", "m.yaml").code == 0
    assert vendor("EdgeKVGet", Keys=["a"]).Data[0].Value == "one"
    assert held(edge)["stray"] == "theirs"


@pytest.mark.slow
def test_faults(kvsync, serve_emulator, credentials, manifest):
    """Of requests that fail in every way, a fifth changes nothing of what is found and done."""
    edge = serve_emulator(fault=0.2, faults=ALL_FAULTS - {"hang", "trickle"}, seed=1)
    target = ["--endpoint", edge.url, "--zone", "zone-1", "--namespace", "ns", "--rate", "10000"]
    numbers = range(300)
    for n in numbers:
        edge.put("zone-1", "ns", f"k{n}", "v" if n % 3 else "theirs")
    for n in range(30):
        edge.put("zone-1", "ns", f"stray{n}", "x")
    manifest("keys: {" + ", ".join(f"k{n}: v" for n in numbers) + "}\n")
    found = kvsync("verify", "m.yaml", *target, "--json").json["runs"][0]["summary"]
    assert (found["same"], found["differs"], found["unmanaged"]) == (200, 100, 30)
    assert found["retries"] > 0
    result = kvsync("sync", "m.yaml", *target, "--refresh", "--delete-unmanaged", "--json")
    summary = result.json["runs"][0]["summary"]
    assert (result.code, summary["update"], summary["delete"]) == (0, 100, 30)
    assert held(edge) == {f"k{n}": "v" for n in numbers}
    assert kvsync("verify", "m.yaml", *target, "--exact").code == 0
