"""Any JSON at any place of an answer ends in a result or in an error of kvsync's own."""

import asyncio
import copy
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsync.edgekv import EdgeKVClient, StaticCredentials, Throttle
from kvsync.edgekv.answers import Reply
from kvsync.edgekv.options import ClientOptions
from kvsync.edgekv.wire import Request, ServiceClock
from kvsync.model.errors import ServiceError
from kvsync.model.text import printable, size_text
from kvsync.model.values import NEVER

NAMESPACE = {
    "Namespace": "ns",
    "Remark": "mine",
    "Capacity": 1 << 30,
    "CapacityUsed": 7,
    "References": [{"Name": "f"}],
    "CreatedOn": "2026-01-01T00:00:00Z",
    "ModifiedOn": "2026-01-02T00:00:00Z",
}
DONE = {"RequestId": "r-1"}
REFUSED = {"RequestId": "r-1", "Error": {"Code": "InternalError", "Message": "no"}}
GOT = {"RequestId": "r-1", "Data": [{"Key": "k", "Value": "v", "Expiration": "2030-01-01T00:00Z"}]}
LISTED = {"RequestId": "r-1", "Keys": ["k"], "Cursor": ""}
NAMESPACES = {"RequestId": "r-1", "TotalCount": 1, "KVNamespaces": [NAMESPACE]}


async def get(client: EdgeKVClient) -> object:
    """A pair, with an expiry that can be shown."""
    (pair,) = await client.namespace("zone-1", "ns").get(["k"])
    assert 0 <= pair.expires < 1 << 40
    return pair


async def listed(client: EdgeKVClient) -> object:
    """All keys."""
    return [printable(key) async for key in client.namespace("zone-1", "ns").keys()]  # noqa: SIM118


async def namespaces(client: EdgeKVClient) -> object:
    """All namespaces, as they are shown."""
    return [
        (printable(info.name + info.remark + info.created), size_text(info.used))
        for info in await client.namespaces("zone-1")
        if size_text(info.capacity)
    ]


CALLS: dict[str, tuple[dict[str, Any], Callable[[EdgeKVClient], Awaitable[object]]]] = {
    "put": (DONE, lambda client: client.namespace("zone-1", "ns").put("k", b"v", NEVER)),
    "delete": (DONE, lambda client: client.namespace("zone-1", "ns").delete(["k"])),
    "refused": (REFUSED, lambda client: client.namespace("zone-1", "ns").delete(["k"])),
    "refused get": (REFUSED, get),
    "get": (GOT, get),
    "list": (LISTED, listed),
    "namespaces": (NAMESPACES, namespaces),
    "create": (DONE, lambda client: client.create_namespace("zone-1", "ns")),
    "modify": (DONE, lambda client: client.modify_namespace("zone-1", "ns", "x")),
    "drop": (DONE, lambda client: client.delete_namespace("zone-1", "ns")),
}

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([-1, 1 << 63, 10**400, -(10**400), "0001-01-01T00:00:00+23:59", "\0", "1"])
    | st.floats()
    | st.text()
    | st.datetimes().map(str),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


class StubWire:
    """Sends nothing; every answer is the same."""

    def __init__(self, body: bytes, date: str = "") -> None:
        self.clock = ServiceClock()
        self._body = body
        self._date = date
        self.asked = 0

    @asynccontextmanager
    async def turn(self, action: str) -> AsyncIterator[None]:
        yield

    async def sign(self, request: Request) -> dict[str, str]:
        return {}

    async def exchange(self, request: Request, headers: dict[str, str], limit: int) -> Reply:
        self.asked += 1
        # A list whose cursor changes each time has no end, and is none of this test's business.
        body = self._body if self.asked < 3 else json.dumps({"Response": DONE}).encode()
        now = time.time()
        return Reply.of(200, body, self._date, sent=now, arrived=now)


def ask(call: Callable[[EdgeKVClient], Awaitable[object]], wire: StubWire) -> None:
    """What the client makes of the answer; any exception but ours is a failure."""

    async def attempt() -> None:
        options = ClientOptions(retries=0)
        throttle = Throttle(100_000)
        client = EdgeKVClient(StaticCredentials("i", "k"), throttle=throttle, options=options)
        client._wire = wire  # type: ignore[assignment]  # noqa: SLF001 - no server is so fast
        with suppress(ServiceError):
            await call(client)

    asyncio.run(attempt())


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths to every place of a JSON value, its root included."""
    inner = list(node.items()) if isinstance(node, dict) else []
    if isinstance(node, list):
        inner = list(enumerate(node))
    return [path, *(place for name, child in inner for place in places(child, (*path, name)))]


def changed(node: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The same JSON value with another one at this place."""
    if not path:
        return value
    root = parent = copy.deepcopy(node)
    for name in path[:-1]:
        parent = parent[name]
    parent[path[-1]] = value
    return root


@pytest.mark.slow
@pytest.mark.parametrize("name", CALLS)
@given(data=st.data())
def test_any_value_at_any_place(name: str, data: st.DataObject) -> None:
    """Wrong types, huge numbers, senseless times: a result, or an error of ours."""
    documented, call = CALLS[name]
    answer = {"Response": documented}
    path = data.draw(st.sampled_from(places(answer)))
    body = json.dumps(changed(answer, path, data.draw(anything)))
    ask(call, StubWire(body.encode()))


@pytest.mark.slow
@given(st.text() | st.from_regex(r"\A\w{3}, \d+ \w{3} \d+ \d+:\d+:\d+ [-+]?\w+\Z"))
def test_any_date(date: str) -> None:
    """A Date that makes no sense is none."""
    ask(CALLS["put"][1], StubWire(json.dumps({"Response": DONE}).encode(), date))


@pytest.mark.slow
@given(st.binary(), st.integers(0, 60))
def test_any_bytes_within(noise: bytes, place: int) -> None:
    """NUL bytes, halves of UTF-8 and other noise within an answer are an answer that is none."""
    body = json.dumps({"Response": GOT}).encode()
    ask(get, StubWire(body[:place] + noise + body[place:]))


@pytest.mark.parametrize("offset", [0, 1])
def test_a_list_of_empty_pages_ends(offset: int) -> None:
    """A cursor that leads from nothing to nothing, for ever, is an error."""

    class Empty(StubWire):
        async def exchange(self, request: Request, headers: dict[str, str], limit: int) -> Reply:
            self.asked += 1
            cursor = f"c{self.asked}" if self.asked <= 1000 else ""
            keys = ["k"][: self.asked % 2 * offset]
            answer = {"RequestId": f"r-{self.asked}", "Keys": keys, "Cursor": cursor}
            return Reply.of(200, json.dumps({"Response": answer}).encode(), "")

    wire = Empty(b"")
    ask(listed, wire)
    assert wire.asked == (1001 if offset else 101)


@pytest.mark.slow
def test_a_list_of_namespaces_ends() -> None:
    """A zone that always has one more page of namespaces is an error."""
    many = {"RequestId": "r-0", "TotalCount": 1 << 60, "KVNamespaces": [NAMESPACE] * 10_000}

    class Endless(StubWire):
        async def exchange(self, request: Request, headers: dict[str, str], limit: int) -> Reply:
            self.asked += 1
            return Reply.of(200, self._body.replace(b"r-0", b"r-%d" % self.asked), "")

    wire = Endless(json.dumps({"Response": many}).encode())
    ask(namespaces, wire)
    assert wire.asked == 10


class Listing(StubWire):
    """Each page has as many keys as this, all new."""

    def __init__(self, keys: int) -> None:
        super().__init__(b"")
        self.keys = keys

    async def exchange(self, request: Request, headers: dict[str, str], limit: int) -> Reply:
        self.asked += 1
        keys = [f"k{self.asked}-{number}" for number in range(self.keys)]
        answer = {"RequestId": f"r-{self.asked}", "Keys": keys, "Cursor": f"c{self.asked}"}
        return Reply.of(200, json.dumps({"Response": answer}).encode(), "")


@pytest.mark.parametrize(("name", "most"), [("_MOST_KEYS", 2_500), ("_MOST_NAMES", 15_000)])
def test_a_list_of_ever_new_keys_ends(monkeypatch, name: str, most: int) -> None:
    """More keys, or longer ones, than a namespace can hold are an error that says so."""
    monkeypatch.setattr(f"kvsync.edgekv.namespace.{name}", most)
    wire = Listing(1000)
    ask(listed, wire)
    assert wire.asked == 3


def test_a_page_of_more_keys_than_were_asked_for() -> None:
    """It is none that the service gives."""
    wire = Listing(1001)
    ask(listed, wire)
    assert wire.asked == 1
