"""The client, against a service that gives the answers it is told."""

import time
from typing import Any

import aiohttp
import pytest

from kvsync.edgekv import ClientOptions, EdgeKVClient, StaticCredentials
from kvsync.edgekv.shapes import NamespaceInfo, Reference
from kvsync.model.errors import (
    FatalError,
    PassingError,
    RejectedError,
    UsageError,
)
from kvsync.model.values import NEVER, Expiry, Pair
from tests.edgekv.clock import on_fake_clock
from tests.edgekv.conftest import FakeService
from tests.edgekv.opened import failure, opened, pairs

PLACE = {"ZoneId": "zone-1", "Namespace": "ns-1"}


@pytest.mark.parametrize(
    ("expiry", "fields"),
    [
        (NEVER, {}),
        (Expiry(ttl=60), {"ExpirationTTL": 60}),
        (Expiry(at=1_800_000_000), {"Expiration": 1_800_000_000}),
    ],
)
async def test_put_sends_the_pair(
    service: FakeService, expiry: Expiry, fields: dict[str, int]
) -> None:
    """A write carries key, value and expiry, and ends in the service's word."""
    service.answers({"RequestId": "r-7"})
    before = time.time()
    async with pairs() as namespace:
        ack = await namespace.put("k", "wörld\n".encode(), expiry)
    assert (ack.request_id, ack.attempts) == ("r-7", 1)
    assert before <= ack.at <= time.time()
    sent = service.sent[0]
    assert sent.fields == PLACE | {"Key": "k", "Value": "wörld\n"} | fields
    assert sent.headers["X-TC-Action"] == "EdgeKVPut"
    assert sent.headers["X-TC-Token"] == "session-token"
    assert sent.headers["User-Agent"].startswith("kvsync/")
    assert sent.options["allow_redirects"] is False


async def test_get_gives_the_pairs_in_the_order_asked(service: FakeService) -> None:
    """A value comes as bytes with its end in Unix seconds; a missing key has no value."""
    service.answers(
        {
            "Data": [
                {"Key": "b", "Value": "", "Expiration": ""},
                {"Key": "a", "Value": "ä", "Expiration": "2026-04-13T00:00:00Z"},
                {"Key": "c", "Value": "x", "Expiration": ""},
            ]
        }
    )
    async with pairs() as namespace:
        found = await namespace.get(["a", "b", "c"])
    assert found == [Pair("a", "ä".encode(), 1_776_038_400), Pair("b", None), Pair("c", b"x")]
    assert service.sent[0].fields == PLACE | {"Keys": ["a", "b", "c"]}


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        [{"Key": "b", "Value": "x"}],
        [{"Key": "a", "Value": "x", "Expiration": "soon"}],
    ],
)
async def test_an_answer_about_other_keys_is_not_believed(service: FakeService, data: Any) -> None:
    """A Get whose answer does not fit what was asked is an error, not a missing key."""
    service.answers({"Data": data})
    async with pairs() as namespace:
        with pytest.raises(PassingError, match="BadAnswer"):
            await namespace.get(["a"])


@pytest.mark.parametrize("count", [0, 21])
async def test_twenty_keys_a_request(service: FakeService, count: int) -> None:
    """More keys than the API takes are a mistake of the caller, and nothing is sent."""
    async with pairs() as namespace:
        with pytest.raises(ValueError, match="from 1 to 20"):
            await namespace.get(["k"] * count)
        with pytest.raises(ValueError, match="from 1 to 20"):
            await namespace.delete(["k"] * count)
    assert service.sent == []


async def test_delete_sends_its_keys(service: FakeService) -> None:
    """A delete names its keys and ends in the service's word."""
    service.answers({})
    async with pairs() as namespace:
        assert (await namespace.delete(["a", "b"])).request_id == "r-1"
    assert service.sent[0].fields == PLACE | {"Keys": ["a", "b"]}


async def test_keys_follow_the_cursor(service: FakeService) -> None:
    """All pages are read; an empty prefix, which the service refuses, is left out."""
    service.answers({"Keys": ["a", "b"], "Cursor": "c1"})
    service.answers({"Keys": ["c"], "Cursor": ""})
    service.answers({"Keys": [], "Cursor": ""})
    async with pairs() as namespace:
        assert [key async for key in namespace.keys("")] == ["a", "b", "c"]
        assert [key async for key in namespace.keys("x-", page=5)] == []
    assert [sent.fields for sent in service.sent] == [
        PLACE | {"Limit": 1000},
        PLACE | {"Limit": 1000, "Cursor": "c1"},
        PLACE | {"Limit": 5, "Prefix": "x-"},
    ]


@pytest.mark.parametrize("second", [{"Keys": ["b"], "Cursor": "c1"}, {"Cursor": ""}])
async def test_a_list_that_does_not_go_on_ends(service: FakeService, second: Any) -> None:
    """A cursor that repeats itself, or a page without keys, is an error and no endless loop."""
    service.answers({"Keys": ["a"], "Cursor": "c1"})
    service.answers(second)
    async with pairs() as namespace:
        with pytest.raises(PassingError, match="does not go on"):
            _ = [key async for key in namespace.keys("")]


def info(name: str, remark: str = "") -> dict[str, Any]:
    """A namespace as the API lists it."""
    return {
        "Namespace": name,
        "Remark": remark,
        "Capacity": 1 << 30,
        "CapacityUsed": 7,
        "References": [{"ReferenceType": "edge-function", "ReferenceId": "ef-1"}],
        "CreatedOn": "2026-01-01T00:00:00Z",
        "ModifiedOn": "2026-01-02T00:00:00Z",
    }


async def test_namespaces_of_a_zone_are_read_page_by_page(service: FakeService) -> None:
    """All namespaces are listed, with their capacity in bytes."""
    service.answers({"TotalCount": 3, "KVNamespaces": [info("a"), info("b")]})
    service.answers({"TotalCount": 3, "KVNamespaces": [info("c")]})
    async with opened() as client:
        found = await client.namespaces("zone-1")
        assert client.requests == {"DescribeEdgeKVNamespaces": 2}
    assert [namespace.name for namespace in found] == ["a", "b", "c"]
    assert found[0] == NamespaceInfo(
        "a",
        "",
        1 << 30,
        7,
        "2026-01-01T00:00:00Z",
        "2026-01-02T00:00:00Z",
        [Reference("edge-function", "ef-1")],
    )
    assert [sent.fields["Offset"] for sent in service.sent] == [0, 2]


async def test_a_shrinking_list_of_namespaces_ends(service: FakeService) -> None:
    """A page without namespaces ends the list, whatever the total says."""
    service.answers({"TotalCount": 9, "KVNamespaces": []})
    async with opened() as client:
        assert await client.namespaces("zone-1", "x") == []
    filters = [{"Name": "namespace", "Values": ["x"], "Fuzzy": False}]
    assert service.sent[0].fields["Filters"] == filters


async def test_namespaces_are_managed(service: FakeService) -> None:
    """Create, modify and delete name the zone, the namespace and its remark."""
    for _ in range(3):
        service.answers({})
    async with opened() as client:
        await client.create_namespace("zone-1", "ns-1", "mine")
        await client.modify_namespace("zone-1", "ns-1", "yours")
        await client.delete_namespace("zone-1", "ns-1")
    assert [(sent.action, sent.fields) for sent in service.sent] == [
        ("CreateEdgeKVNamespace", PLACE | {"Remark": "mine"}),
        ("ModifyEdgeKVNamespace", PLACE | {"Remark": "yours"}),
        ("DeleteEdgeKVNamespace", PLACE),
    ]


@on_fake_clock
async def test_a_create_refused_after_an_unknown_outcome_is_done(service: FakeService) -> None:
    """If a lost answer's attempt made the namespace, the refusal of the next one is success."""
    service.answers(exception=aiohttp.ServerDisconnectedError())
    service.refuses("InvalidParameter.NamespaceExists")
    service.answers({"TotalCount": 1, "KVNamespaces": [info("ns-1", "mine")]})
    async with opened() as client:
        ack = await client.create_namespace("zone-1", "ns-1", "mine")
    assert ack.attempts == 2


@on_fake_clock
async def test_a_create_that_made_nothing_is_refused(service: FakeService) -> None:
    """A namespace that is not there, or is somebody else's, was not made by the lost attempt."""
    service.answers(exception=aiohttp.ServerDisconnectedError())
    service.refuses("InvalidParameter.NamespaceExists")
    service.answers({"TotalCount": 1, "KVNamespaces": [info("ns-1", "yours")]})
    service.refuses("InvalidParameter.NamespaceExists")
    async with opened() as client:
        with pytest.raises(RejectedError):
            await client.create_namespace("zone-1", "ns-1", "mine")
        with pytest.raises(RejectedError):
            await client.create_namespace("zone-1", "ns-1", "mine")


async def test_a_redirect_is_not_followed(service: FakeService) -> None:
    """A redirect is no answer: a signed value goes to no other host."""
    service.answers(status=307, headers={"Location": "https://example.com/"})
    async with pairs(retries=0) as namespace:
        error = await failure(namespace)
    assert (error.code, error.in_doubt) == ("BadAnswer", True)
    assert len(service.sent) == 1


class _NoCredentials:
    async def get(self) -> Any:
        raise FatalError("NoCredentials", "no credentials found")


async def test_without_credentials_nothing_is_sent(service: FakeService) -> None:
    """Missing credentials are fatal before the first request, which is not counted."""
    async with EdgeKVClient(_NoCredentials()) as client:
        namespace = client.namespace("zone-1", "ns-1")
        error = await failure(namespace)
        assert (error.code, error.attempts) == ("NoCredentials", 0)
        assert not namespace.requests.total()
    assert service.sent == []


async def test_a_closed_client_says_how_to_open_it() -> None:
    """Outside `async with` there are no connections, and the error says so."""
    client = EdgeKVClient(StaticCredentials("i", "k"), "mainland")
    assert client.endpoint == "https://teo.tencentcloudapi.com"
    with pytest.raises(RuntimeError, match="async with EdgeKVClient"):
        client.namespace("zone-1", "ns-1")
    await client.__aexit__(None, None, None)


def test_a_client_refuses_a_senseless_endpoint() -> None:
    """The endpoint is checked where it is given."""
    with pytest.raises(UsageError, match="plain http"):
        EdgeKVClient(StaticCredentials("i", "k"), "http://example.com")


@pytest.mark.parametrize("timeout", [0, -1.5, float("inf"), float("nan")])
def test_a_timeout_is_a_finite_number_above_zero(timeout: float) -> None:
    """Another one is refused, and the message has the option, its range and what was given."""
    with pytest.raises(ValueError, match=rf"^timeout: .* finite .* above 0, not {timeout}$"):
        ClientOptions(timeout=timeout)


def test_retries_are_not_fewer_than_zero() -> None:
    """A number below 0 is refused, and the message has it."""
    with pytest.raises(ValueError, match=r"^retries: .* 0 or more, not -1$"):
        ClientOptions(retries=-1)
