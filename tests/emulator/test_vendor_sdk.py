"""The vendor's own client is the judge: what it cannot read, the emulator does wrong."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import pytest
from tencentcloud.common.credential import Credential
from tencentcloud.common.exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.teo.v20220901 import models
from tencentcloud.teo.v20220901.teo_client import TeoClient
from tencentcloud.teo.v20220901.teo_client_async import TeoClient as AsyncTeoClient

from tests.emulator.raw import KEYS, ZONE, Clock
from tests.servers import ServedEmulator

# The vendor's package still calls it; Python 3.12 and later complain.
pytestmark = pytest.mark.filterwarnings("ignore:.*utcfromtimestamp:DeprecationWarning")

Call: TypeAlias = Callable[..., Awaitable[Any]]
Serve: TypeAlias = Callable[..., ServedEmulator]


def _client(kind: type, server: ServedEmulator, secret_key: str) -> Any:
    endpoint = server.url.removeprefix("http://")
    profile = ClientProfile(httpProfile=HttpProfile(protocol="http", endpoint=endpoint))
    return kind(Credential(KEYS.secret_id, secret_key), "", profile)


def _request(action: str, parameters: dict[str, Any]) -> Any:
    request = getattr(models, f"{action}Request")()
    given = {"ZoneId": ZONE, **parameters}
    if action != "DescribeEdgeKVNamespaces":
        given.setdefault("Namespace", "ns")
    request.from_json_string(json.dumps(given))
    return request


@pytest.fixture(params=["sync", "async"])
def sdk(request: pytest.FixtureRequest) -> Callable[..., Call]:
    """Makes ``call(action, **parameters)`` with either of the vendor's clients."""

    def connect(server: ServedEmulator, secret_key: str = KEYS.secret_key) -> Call:
        async def blocking(action: str, /, **parameters: Any) -> Any:
            client = _client(TeoClient, server, secret_key)
            return await asyncio.to_thread(getattr(client, action), _request(action, parameters))

        async def awaiting(action: str, /, **parameters: Any) -> Any:
            async with _client(AsyncTeoClient, server, secret_key) as client:
                return await getattr(client, action)(_request(action, parameters))

        return blocking if request.param == "sync" else awaiting

    return connect


@pytest.fixture
def clock() -> Clock:
    """The service's time, under the test's control."""
    return Clock()


@pytest.fixture
def call(sdk: Callable[..., Call], serve_emulator: Serve, clock: Clock) -> Call:
    """The vendor's client against an emulator that checks every signature."""
    return sdk(serve_emulator(credential=KEYS[:2], clock=clock))


async def _code(awaitable: Awaitable[Any]) -> str:
    with pytest.raises(TencentCloudSDKException) as caught:
        await awaitable
    assert caught.value.requestId
    return str(caught.value.code)


@pytest.mark.slow
async def test_what_is_put_is_read_back_in_the_order_asked(call: Call) -> None:
    """Get answers each key in the order asked, and a missing one with an empty value."""
    put = await call("EdgeKVPut", Key="größe/日本", Value='{"a": "😀"}\n')
    await call("EdgeKVPut", Key="b", Value="2")

    got = await call("EdgeKVGet", Keys=["b", "missing", "größe/日本"])

    assert len(put.RequestId) == 36
    assert [(d.Key, d.Value, d.Expiration) for d in got.Data] == [
        ("b", "2", ""),
        ("missing", "", ""),
        ("größe/日本", '{"a": "😀"}\n', ""),
    ]


@pytest.mark.slow
async def test_put_overwrites_value_and_expiry(call: Call) -> None:
    """A second put of a key leaves nothing of the first."""
    await call("EdgeKVPut", Key="k", Value="old", ExpirationTTL=100)
    await call("EdgeKVPut", Key="k", Value="new")
    got = await call("EdgeKVGet", Keys=["k"])
    assert (got.Data[0].Value, got.Data[0].Expiration) == ("new", "")


@pytest.mark.slow
async def test_a_time_to_live_ends_and_wins_over_a_time(call: Call, clock: Clock) -> None:
    """With both given, ExpirationTTL decides; once it is over the pair is gone."""
    clock.now = float(int(clock.now))
    await call("EdgeKVPut", Key="k", Value="v", ExpirationTTL=60, Expiration=int(clock.now) + 9999)
    await call("EdgeKVPut", Key="later", Value="v", Expiration=int(clock.now) + 100)

    clock.now += 59
    assert (await call("EdgeKVGet", Keys=["k"])).Data[0].Value == "v"
    clock.now += 1
    assert (await call("EdgeKVGet", Keys=["k"])).Data[0].Value == ""
    assert (await call("EdgeKVList")).Keys == ["later"]


@pytest.mark.slow
async def test_expiration_is_written_in_iso_8601_utc(sdk: Any, serve_emulator: Serve) -> None:
    """Get says when a pair runs out as 2033-05-18T03:33:20Z."""
    call = sdk(serve_emulator())
    await call("EdgeKVPut", Key="k", Value="v", Expiration=2_000_000_000)
    assert (await call("EdgeKVGet", Keys=["k"])).Data[0].Expiration == "2033-05-18T03:33:20Z"


@pytest.mark.slow
async def test_list_pages_by_cursor_until_it_is_empty(call: Call) -> None:
    """Following the cursor names every key once; a prefix narrows it."""
    for index in range(7):
        await call("EdgeKVPut", Key=f"a-{index}", Value="v")
    await call("EdgeKVPut", Key="b-0", Value="v")

    first = await call("EdgeKVList", Prefix="a-", Limit=3)
    await call("EdgeKVPut", Key="a-00", Value="inserted before the cursor")
    second = await call("EdgeKVList", Prefix="a-", Limit=3, Cursor=first.Cursor)
    third = await call("EdgeKVList", Prefix="a-", Limit=3, Cursor=second.Cursor)

    assert first.Keys == ["a-0", "a-1", "a-2"]
    assert second.Keys == ["a-3", "a-4", "a-5"]
    assert (third.Keys, third.Cursor) == (["a-6"], "")


@pytest.mark.slow
async def test_delete_removes_keys_and_forgives_missing_ones(call: Call) -> None:
    """A missing key among those to delete is no error."""
    await call("EdgeKVPut", Key="a", Value="v")
    await call("EdgeKVPut", Key="b", Value="v")
    await call("EdgeKVDelete", Keys=["a", "missing"])
    assert (await call("EdgeKVList")).Keys == ["b"]


@pytest.mark.slow
async def test_a_lagging_emulator_is_read_as_it_was(sdk: Any, serve_emulator: Serve) -> None:
    """What is put can be got and listed only once the lag has passed."""
    monotonic = Clock(0)
    call = sdk(serve_emulator(lag=60, monotonic=monotonic))
    await call("EdgeKVPut", Key="k", Value="v")
    assert (await call("EdgeKVGet", Keys=["k"])).Data[0].Value == ""
    assert (await call("EdgeKVList")).Keys == []
    monotonic.now = 60
    assert (await call("EdgeKVGet", Keys=["k"])).Data[0].Value == "v"
    assert (await call("EdgeKVList")).Keys == ["k"]


@pytest.mark.slow
async def test_a_namespace_lives_from_create_to_delete(call: Call) -> None:
    """Create, modify, describe and delete speak of the same namespace."""
    await call("CreateEdgeKVNamespace", Namespace="team-1", Remark="first")
    await call("ModifyEdgeKVNamespace", Namespace="team-1", Remark="second")
    await call("EdgeKVPut", Namespace="team-1", Key="key", Value="é")

    filters = [{"Name": "namespace", "Values": ["team-1"]}]
    (found,) = (await call("DescribeEdgeKVNamespaces", Filters=filters)).KVNamespaces
    assert (found.Remark, found.Capacity, found.CapacityUsed) == ("second", 2**30, 5)
    assert found.References == []
    assert found.CreatedOn.endswith("Z")

    await call("DeleteEdgeKVNamespace", Namespace="team-1")
    left = await call("DescribeEdgeKVNamespaces")
    assert [(left.TotalCount, one.Namespace) for one in left.KVNamespaces] == [(1, "ns")]


@pytest.mark.slow
async def test_refusals_reach_the_sdk_as_its_exception(call: Call) -> None:
    """Error codes come through as the vendor's client raises them."""
    assert (
        await _code(call("EdgeKVPut", Namespace="nowhere", Key="k", Value="v"))
        == "ResourceUnavailable.NamespaceNotFound"
    )
    assert await _code(call("EdgeKVPut", Key="k", Value="")) == (
        "InvalidParameterValue.NotWithinRange"
    )
    assert await _code(call("EdgeKVGet")) == "MissingParameter"
    assert await _code(call("CreateEdgeKVNamespace")) == "OperationDenied.NamespaceAlreadyExists"


async def test_a_wrong_secret_key_is_found_out(sdk: Any, serve_emulator: Serve) -> None:
    """The HMAC is checked against the pair that the emulator was given."""
    call = sdk(serve_emulator(credential=KEYS[:2]), "not-the-secret")
    assert await _code(call("EdgeKVList")) == "AuthFailure.SignatureFailure"


async def test_an_unknown_secret_id_is_found_out(sdk: Any, serve_emulator: Serve) -> None:
    """Only the one known secret id is let in."""
    call = sdk(serve_emulator(credential=("somebody-else", KEYS.secret_key)))
    assert await _code(call("EdgeKVList")) == "AuthFailure.SecretIdNotFound"


async def test_any_pair_is_let_in_by_default(sdk: Any, serve_emulator: Serve) -> None:
    """Without a credential to check against, any secret key will do."""
    call = sdk(serve_emulator(), "whatever")
    assert (await call("EdgeKVList")).Keys == []


async def test_a_clock_that_is_off_by_more_than_five_minutes_is_refused(
    call: Call, clock: Clock
) -> None:
    """The signature's time must be within 300 seconds of the service's."""
    clock.now += 301
    assert await _code(call("EdgeKVList")) == "AuthFailure.SignatureExpire"


async def test_what_a_revision_refuses(sdk: Callable[..., Call], serve_emulator: Serve) -> None:
    """Its exception has the code, and the rule in words."""
    call = sdk(serve_emulator(limits="newer"))
    with pytest.raises(TencentCloudSDKException, match="must be 60 or more") as caught:
        await call("EdgeKVPut", Key="k", Value="v", ExpirationTTL=5)
    assert caught.value.code == "InvalidParameterValue.NotWithinRange"
