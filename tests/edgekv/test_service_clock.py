"""The service's clock: when a write was sent by it, and how far it is from this machine's."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email.utils import formatdate
from typing import TypeAlias

import pytest

from kvsync.edgekv import ClientOptions, Credential, EdgeKVClient, StaticCredentials, Throttle
from kvsync.model.errors import RejectedError, ServiceError
from kvsync.model.values import NEVER, Ack
from tests.edgekv.conftest import FakeService
from tests.edgekv.opened import opened
from tests.edgekv.raw import HeldThrottle, RawServer, Talk, raw_server, until

Talks: TypeAlias = Callable[[RawServer], Talk]

START = 1_800_000_000.0


class WallClock:
    """This machine's clocks, moved by hand: ``now`` may be set, and time passes on both of them."""

    def __init__(self) -> None:
        self.now = START
        self.passed = 0.0

    def passes(self, seconds: float) -> None:
        self.now += seconds
        self.passed += seconds

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.passed


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> WallClock:
    """What `time.time` reads."""
    wall = WallClock()
    monkeypatch.setattr(time, "time", wall.time)
    # The event loop goes by the other one.
    monkeypatch.setattr("kvsync.edgekv.body.time", wall)
    for module in ("clock", "body", "wire"):
        monkeypatch.setattr(f"kvsync.edgekv.{module}.steady", wall.monotonic)
    return wall


def date(moment: float) -> str:
    """A moment of the service's clock, as the header of an answer has it."""
    return formatdate(moment, usegmt=True)


def answering(head: Callable[[], str], between: Callable[[], None] = lambda: None) -> Talks:
    """A server whose answer's head has more lines, made once the request was read; ``between``
    happens when the head has been sent.
    """

    def talk(server: RawServer) -> Talk:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await server.read_request(reader)
            body = server.ok().partition(b"\r\n\r\n")[2]
            status = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n{head()}\r\n"
            writer.write(status.encode())
            for _ in range(100):
                # The client reads the head meanwhile.
                await asyncio.sleep(0)
            between()
            writer.write(body)

        return serve

    return talk


@asynccontextmanager
async def client_of(talk: Talks, throttle: Throttle | None = None) -> AsyncIterator[EdgeKVClient]:
    """A client of such a server; one attempt per call."""
    options = ClientOptions(retries=0)
    throttle = throttle or Throttle(100_000)
    async with raw_server(talk) as server:
        credentials = StaticCredentials("AKID", "key")
        async with EdgeKVClient(credentials, server.url, throttle=throttle, options=options) as it:
            yield it


async def put(client: EdgeKVClient) -> Ack:
    """The service's word on one write."""
    return await client.namespace("zone-1", "ns-1").put("k", b"v", NEVER)


@pytest.mark.parametrize("jump", [3600, -3600])
async def test_a_clock_that_is_set_while_an_answer_is_awaited(
    clock: WallClock, jump: float
) -> None:
    """Whichever way it is set, a write is not dated later than it was sent, by the service's clock,
    and its answer not earlier than it came.
    """

    def jumping() -> str:
        clock.now += jump
        return f"Date: {date(START)}\r\n"

    async with client_of(answering(jumping)) as client:
        ack = await put(client)
        assert ack.at <= START <= ack.answered


@pytest.mark.parametrize("ahead", [None, 0, 2, -2, 200, -200])
async def test_a_slow_answer_does_not_make_a_write_later(
    clock: WallClock, ahead: float | None
) -> None:
    """A write is dated by when it was sent, not by when its answer came, on the service's clock."""

    def slow() -> str:
        clock.passes(60)
        return "" if ahead is None else f"Date: {date(clock.now + ahead)}\r\n"

    async with client_of(answering(slow)) as client:
        await put(client)
        sent = clock.now
        ack = await put(client)
        notable = ahead if ahead in {200, -200} else 0
        assert (ack.at, client.clock_offset) == (sent + notable, notable)
        assert ack.answered >= sent + notable + 60, "and it may have been carried out until then"


@pytest.mark.parametrize("ahead", [18_000, -18_000, 400, -400])
async def test_a_date_that_the_signature_belies_is_not_believed(
    clock: WallClock, ahead: float
) -> None:
    """Whoever takes a signature of now has no clock that is so far away, however often it says."""
    dated = answering(lambda: f"Date: {date(clock.now + ahead)}\r\n")
    async with client_of(dated) as client:
        for _ in range(3):
            ack = await put(client)
            assert (ack.at, ack.answered, client.clock_offset) == (START, START, 0.0)


@pytest.mark.parametrize("ahead", [100, -100])
async def test_one_answers_word_dates_nothing_later(clock: WallClock, ahead: float) -> None:
    """Where only one answer tells the time, a write is as early as it or our own clock says."""
    dated = answering(lambda: f"Date: {date(clock.now + ahead)}\r\n")
    async with client_of(dated) as client:
        ack = await put(client)
        assert (ack.at, ack.answered) == (START + min(0, ahead), START + max(0, ahead))
        assert not client.namespace("zone-1", "ns-1").is_clock_sure


@pytest.mark.parametrize("wrong", ["", "soon", date(START - 250), date(START + 250)])
async def test_a_date_that_disagrees_with_those_around_it(
    clock: WallClock, service: FakeService, wrong: str
) -> None:
    """It is not believed, whether it is wrong or none at all."""
    right = date(START + 100)
    async with opened() as client:
        for told in (right, right, wrong, right, wrong, right):
            service.answers({}, headers={"Date": told})
            ack = await put(client)
        assert (ack.at, client.clock_offset) == (START + 100, 100.0)


@pytest.mark.parametrize("jump", [86_000, -86_000])
async def test_a_clock_that_is_set_in_the_middle(
    clock: WallClock, service: FakeService, jump: float
) -> None:
    """Once the service's time is known, it does not matter what somebody does to ours."""
    async with opened() as client:
        for _ in range(3):
            service.answers({}, headers={"Date": date(START + clock.passed)})
            await put(client)
            clock.passes(1)
        clock.now += jump
        for told in ({}, {"Date": date(START + clock.passed)}):
            service.answers({}, headers=told)
            ack = await put(client)
            assert ack.at == START + clock.passed
    assert service.sent[-1].headers["X-TC-Timestamp"] == f"{START + clock.passed:.0f}"


async def test_a_service_whose_clock_is_set(clock: WallClock, service: FakeService) -> None:
    """After three answers that say so, it is believed."""
    async with opened() as client:
        for ahead, believed in ((0, 0), (0, 0), (0, 0), (99, 0), (99, 0), (99, 99)):
            service.answers({}, headers={"Date": date(START + ahead)})
            await put(client)
            assert client.clock_offset == believed


async def test_a_slow_body_is_no_difference_of_clocks(clock: WallClock) -> None:
    """The clocks are compared when the head is there: a body may take its time."""

    def stall() -> None:
        clock.passes(60)

    dated = answering(lambda: f"Date: {date(clock.now)}\r\n", stall)
    async with client_of(dated) as client:
        ack = await put(client)
        assert (ack.at, client.clock_offset) == (START, 0.0)


async def test_a_date_made_before_a_delay_dates_the_write_earlier(clock: WallClock) -> None:
    """If the service's clock may be behind, or the answer slow, the write is taken as earlier; what
    the delay explains is no difference of clocks.
    """

    def slow() -> str:
        made = date(clock.now)
        clock.passes(60)
        return f"Date: {made}\r\n"

    async with client_of(answering(slow)) as client:
        ack = await put(client)
        assert (ack.at, client.clock_offset) == (START - 60, 0.0)


async def test_the_wait_for_a_permit_is_not_counted(clock: WallClock) -> None:
    """A write is sent when its permit is there, not when it was asked for."""
    throttle = HeldThrottle(20)
    async with client_of(answering(lambda: ""), throttle) as client:
        task = asyncio.create_task(put(client))
        await until(lambda: throttle.asked == 1)
        clock.now += 100
        throttle.go.set()
        assert (await task).at == START + 100


async def test_the_last_attempt_dates_the_write(clock: WallClock, service: FakeService) -> None:
    """Of several attempts it is the one that succeeded whose time counts."""
    service.refuses("AuthFailure.SignatureExpire", headers={"Date": date(START + 400)})
    service.answers({})
    async with opened() as client:
        ack = await put(client)
        assert (ack.at, ack.attempts) == (START + 400, 2)


async def test_the_offset_is_the_one_last_seen(clock: WallClock, service: FakeService) -> None:
    """Every answer of the service tells its time, a refusal too; a small difference is none."""
    async with opened() as client:
        namespace = client.namespace("zone-1", "ns-1")
        assert (client.clock_offset, namespace.clock_offset) == (0.0, 0.0)
        for seen, expected in ((100, 100.0), (-30, -30.0), (5, 0.0), (6, 6.0), (0, 0.0)):
            service.answers({}, headers={"Date": date(clock.now + seen)})
            await put(client)
            assert (client.clock_offset, namespace.clock_offset) == (expected, expected)
        service.refuses("InvalidParameter", headers={"Date": date(clock.now + 90)})
        with pytest.raises(RejectedError):
            await put(client)
    assert (client.clock_offset, namespace.clock_offset) == (90.0, 90.0)


async def test_requests_are_signed_by_the_clock_last_seen(
    clock: WallClock, service: FakeService
) -> None:
    """What an answer told of the time holds for the next request, without a refusal first."""
    for _ in range(2):
        service.answers({}, headers={"Date": date(START + 200)})
    async with opened() as client:
        await put(client)
        await put(client)
    assert [sent.headers["X-TC-Timestamp"] for sent in service.sent] == [
        f"{START:.0f}",
        f"{START + 200:.0f}",
    ]


async def test_a_gateways_date_is_not_the_services(clock: WallClock, service: FakeService) -> None:
    """A page of something in between, and an answer without a Date, tell nothing of the time."""
    for _ in range(2):
        service.answers({}, headers={"Date": date(START + 100)})
    service.answers(status=502, body="<html>", headers={"Date": date(START - 200)})
    service.answers({})
    async with opened(retries=0) as client:
        await put(client)
        await put(client)
        with pytest.raises(ServiceError, match="HTTP502"):
            await put(client)
        assert client.clock_offset == 100.0
        assert (await put(client)).at == START + 100
        assert client.clock_offset == 100.0


async def test_a_created_namespace_is_dated_by_its_sending(
    clock: WallClock, service: FakeService
) -> None:
    """Where the answer to a creation was lost, its acknowledgement is dated from before it."""

    class Slow(StaticCredentials):
        async def get(self) -> Credential:
            clock.now += 10
            return await super().get()

    service.answers(exception=TimeoutError())
    service.refuses("InvalidParameter.NamespaceExists")
    service.answers({"TotalCount": 1, "KVNamespaces": [{"Namespace": "ns-1", "Remark": "mine"}]})
    async with EdgeKVClient(Slow("AKID", "key")) as client:
        assert (await client.create_namespace("zone-1", "ns-1", "mine")).at <= START + 10
