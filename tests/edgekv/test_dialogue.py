"""An answer belongs to the request that was written before it, and to no other."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from kvsync.edgekv import EdgeKVClient, Namespace
from kvsync.edgekv.dialogue import RequestIds
from kvsync.model.errors import (
    FatalError,
    PassingError,
    RejectedError,
    ServiceError,
    ThrottledError,
)
from kvsync.model.values import NEVER
from tests.edgekv.conftest import FakeService
from tests.edgekv.opened import opened, pairs
from tests.edgekv.raw import HeldThrottle, RawServer, Talk, answer, raw_server, until
from tests.edgekv.test_connection import pairs as pairs_at
from tests.middlebox import Exchange, middlebox


def test_an_id_is_new_once() -> None:
    """A RequestId seen before is none, in whatever letters."""
    ids = RequestIds()
    assert ids.is_new("5e2b-A")
    assert not ids.is_new("5E2B-a ")
    assert ids.is_new("5e2b-b")


def saying(more: bytes, before: bool = False) -> Callable[[RawServer], Talk]:
    """Answers each request, and says more after it, or once before the first."""

    def talk(server: RawServer) -> Talk:
        async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if before:
                writer.write(more)
            while True:
                await server.read_request(reader)
                writer.write(server.ok())
                await asyncio.sleep(0.01)
                writer.write(more)

        return say

    return talk


@pytest.mark.parametrize("more", [answer(99), answer(1), b"HTTP/1.1 1", b"HTTP/1.1 100 Go\r\n\r\n"])
async def test_a_connection_that_speaks_while_it_is_idle_is_dropped(more: bytes) -> None:
    """What comes after an answer is nobody's, and the next request goes over another connection."""
    async with raw_server(saying(more)) as server, pairs_at(server.url) as namespace:
        await namespace.put("k", b"v", NEVER)
        await asyncio.sleep(0.03)
        assert (await namespace.put("k", b"v", NEVER)).request_id == "r-2"
        assert server.connections == 2


async def test_a_connection_that_speaks_while_it_waits_for_its_permit_is_replaced() -> None:
    """The request is sent over another one, under the same permit."""
    throttle = HeldThrottle(20)
    throttle.go.set()
    async with raw_server(saying(answer(99))) as server:
        async with pairs_at(server.url, throttle) as namespace:
            await namespace.put("k", b"v", NEVER)
            throttle.go.clear()
            task = asyncio.create_task(namespace.put("k", b"v", NEVER))
            await until(lambda: throttle.asked == 2)
            await asyncio.sleep(0.03)
            throttle.go.set()
            assert (await task).attempts == 1
        assert (throttle.asked, server.connections) == (2, 2)


async def test_a_server_that_speaks_first_is_none() -> None:
    """It gets no request, and so leaves no doubt."""
    talk = saying(answer(99), before=True)
    async with raw_server(talk) as server, pairs_at(server.url) as namespace:
        with pytest.raises(PassingError, match="no connection") as caught:
            await namespace.put("k", b"v", NEVER)
    assert (caught.value.code, caught.value.in_doubt) == ("ConnectionError", False)
    assert server.heads == []


async def test_what_is_not_read_yet_counts_too(emulator: Any) -> None:
    """A second answer that lies in the socket while the next request is made is not its answer."""

    def twice(exchange: Exchange) -> list[tuple[float, bytes]]:
        again = exchange.answer.replace(b'"RequestId":"', b'"RequestId":"other-')
        length = b"Content-Length: %d"
        size = len(exchange.answer.partition(b"\r\n\r\n")[2])
        return [(0.0, exchange.answer), (0.02, again.replace(length % size, length % (size + 6)))]

    with middlebox(emulator.url, twice) as box:
        async with pairs_at(box.url) as other:
            namespace = namespace_of(other)
            await namespace.put("k", b"v", NEVER)
            # The event loop is busy: nothing is read meanwhile.
            time.sleep(0.1)  # noqa: ASYNC251
            ack = await namespace.put("k", b"v", NEVER)
    assert not ack.request_id.startswith("other-")
    assert box.connections == 2


def namespace_of(namespace: Namespace) -> Namespace:
    """The emulator's namespace, over the same connections."""
    caller, scene = namespace._caller, namespace._scene  # noqa: SLF001
    return Namespace(caller, scene._replace(namespace="ns"))


@pytest.mark.slow
async def test_an_answer_before_the_request_is_written_acknowledges_nothing() -> None:
    """A success that comes when the head alone has been read is in doubt."""

    def talk(server: RawServer) -> Talk:
        async def hasty(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(server.ok())
            await asyncio.sleep(60)

        return hasty

    async with raw_server(talk) as server, pairs_at(server.url) as namespace:
        with pytest.raises(PassingError, match="before the request was sent") as caught:
            await namespace.put("k", b"\1" * (8 << 20), NEVER)
    assert (caught.value.code, caught.value.in_doubt) == ("BadAnswer", True)


ASKS: dict[str, Callable[[Namespace, EdgeKVClient], Awaitable[Any]]] = {
    "put": lambda pairs, _: pairs.put("k", b"v", NEVER),
    "get": lambda pairs, _: pairs.get(["k"]),
    "list": lambda pairs, _: anext(pairs.keys()),
    "delete": lambda pairs, _: pairs.delete(["k"]),
    "namespaces": lambda _, client: client.namespaces("zone-1"),
}
ANSWER = {
    "Data": [{"Key": "k", "Value": "v", "Expiration": ""}],
    "Keys": ["k"],
    "TotalCount": 1,
    "KVNamespaces": [{"Namespace": "ns-1"}],
}


@pytest.mark.parametrize("ask", ASKS)
async def test_no_action_takes_an_answer_with_an_id_that_was_there_before(
    ask: str, service: FakeService
) -> None:
    """It is none to this request: the request is sent again, whatever it asks."""
    answer = {} if ask in {"put", "delete"} else ANSWER
    service.answers({"RequestId": "r-a"})
    service.answers(answer | {"RequestId": "R-A"})
    service.answers(answer | {"RequestId": "r-b"})
    async with opened() as client:
        namespace = client.namespace("zone-1", "ns-1")
        await namespace.put("k", b"v", NEVER)
        await ASKS[ask](namespace, client)
    assert len(service.sent) == 3


@pytest.mark.parametrize("code", ["InvalidParameter", "AuthFailure", "RequestLimitExceeded"])
async def test_a_refusal_with_an_id_that_was_there_before_is_none(
    code: str, service: FakeService
) -> None:
    """It says nothing of this request: neither that it was refused nor that it was carried out."""
    service.answers({"RequestId": "r-a"})
    service.refuses(code, headers={})
    async with pairs(retries=0) as namespace:
        await namespace.put("k", b"v", NEVER)
        service._mocked.clear()  # noqa: SLF001
        service.answers({"RequestId": "r-a", "Error": {"Code": code, "Message": "no"}})
        with pytest.raises(PassingError) as caught:
            await namespace.put("k", b"v", NEVER)
    assert (caught.value.code, caught.value.in_doubt) == ("BadAnswer", True)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("InvalidParameter", RejectedError),
        ("AuthFailure", FatalError),
        ("RequestLimitExceeded", ThrottledError),
        ("InternalError", PassingError),
    ],
)
async def test_a_refusal_without_an_id_leaves_doubt(
    code: str, kind: type[ServiceError], service: FakeService
) -> None:
    """It may be anybody's word: what it says holds, but not that nothing was carried out."""
    service.answers({"RequestId": "", "Error": {"Code": code, "Message": "no"}})
    async with pairs(retries=0) as namespace:
        with pytest.raises(kind) as caught:
            await namespace.put("k", b"v", NEVER)
    assert caught.value.in_doubt
