"""Connections: how many, for how long, and what happens when they break."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from kvsync.edgekv import ClientOptions, EdgeKVClient, Namespace, StaticCredentials, Throttle
from kvsync.edgekv.body import SteadyBody
from kvsync.edgekv.throttle import Openings
from kvsync.model.errors import Interrupted, PassingError
from kvsync.model.values import NEVER
from tests.edgekv.clock import now, on_fake_clock
from tests.edgekv.raw import OK, HeldThrottle, RawServer, Talk, raw_server, until

PATIENT = 10.0


@asynccontextmanager
async def pairs(
    url: str, throttle: Throttle | None = None, silence: float = PATIENT
) -> AsyncIterator[Namespace]:
    """A namespace at a server; one attempt per call."""
    options = ClientOptions(timeout=silence, retries=0)
    throttle = throttle or Throttle(100_000)
    credentials = StaticCredentials("AKID", "key")
    async with EdgeKVClient(credentials, url, throttle=throttle, options=options) as client:
        yield client.namespace("zone-1", "ns-1")


async def failure(url: str, silence: float = PATIENT, value: bytes = b"v") -> PassingError:
    """How a write to a server fails."""
    async with pairs(url, silence=silence) as namespace:
        with pytest.raises(PassingError) as caught:
            await namespace.put("k", value, NEVER)
    return caught.value


async def test_connections_are_kept() -> None:
    """One request after the other goes over one connection."""
    async with raw_server() as server, pairs(server.url) as namespace:
        for _ in range(10):
            await namespace.put("k", b"v", NEVER)
        assert len(server.heads) == 10
        assert server.connections == 1


async def test_three_keys_open_three_connections_at_most() -> None:
    """A small sync does not open a connection per worker."""
    async with raw_server() as server, pairs(server.url) as namespace:
        await asyncio.gather(*(namespace.put(key, b"v", NEVER) for key in "abc"))
        assert server.connections <= 3


@on_fake_clock
async def test_connections_are_opened_as_far_apart_as_requests() -> None:
    """Twenty handshakes at once would hold up the first request, and none a second later."""
    openings, moments = Openings(0.0475), []

    async def opened() -> None:
        await openings.wait(lambda: True)
        moments.append(now())

    await asyncio.gather(*(opened() for _ in range(20)))
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    assert gaps == pytest.approx([0.0475] * 19, abs=0.002)


@on_fake_clock
async def test_nobody_waits_to_open_what_is_not_needed() -> None:
    """Where a connection has become free, none is opened, and the next may be."""
    openings, begun = Openings(10.0), now()
    await openings.wait(lambda: True)
    await openings.wait(lambda: False)
    assert now() == pytest.approx(begun, abs=0.002)
    openings.note()
    await openings.wait(lambda: True)
    assert now() == pytest.approx(begun + 10, abs=0.002)


async def test_one_connection_after_the_other() -> None:
    """Many who want to send at once do not open as many connections at once."""
    throttle = HeldThrottle(20)
    async with raw_server() as server, pairs(server.url, throttle) as namespace:
        tasks = [asyncio.create_task(namespace.put(f"k{n}", b"v", NEVER)) for n in range(10)]
        await until(lambda: throttle.asked >= 1)
        await asyncio.sleep(0.02)
        assert server.connections == 1
        throttle.go.set()
        await asyncio.gather(*tasks)
        # Those that came first are free again before the last ones need one.
        assert server.connections < 10


async def test_no_more_than_a_seconds_worth_waits_with_a_connection() -> None:
    """Of many workers, only as many as a second has permits hold a connection and wait."""
    throttle = HeldThrottle(2.5)
    async with raw_server() as server, pairs(server.url, throttle) as namespace:
        tasks = [asyncio.create_task(namespace.put(f"k{n}", b"v", NEVER)) for n in range(10)]
        await until(lambda: throttle.asked >= 3)
        await asyncio.sleep(0.01)
        assert throttle.asked == 3
        assert server.connections == 3
        assert server.heads == []
        throttle.go.set()
        await asyncio.gather(*tasks)
        assert len(server.heads) == 10


async def test_a_connection_that_died_while_waiting_is_replaced() -> None:
    """A server that closed the idle connection gets the request over a new one, at once."""

    def talk(server: RawServer) -> Talk:
        async def first_closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if server.connections > 1:
                await server.answer_all(reader, writer)

        return first_closes

    throttle = HeldThrottle(20)
    async with raw_server(talk) as server, pairs(server.url, throttle) as namespace:
        task = asyncio.create_task(namespace.put("k", b"v", NEVER))
        await until(lambda: throttle.asked == 1 and server.connections == 1)
        await asyncio.sleep(0.02)
        throttle.go.set()
        assert (await task).attempts == 1
        assert throttle.asked == 1
        assert server.connections == 2


async def test_a_server_that_closes_everything_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Connections that die before their permit, and take long to replace, leave no doubt.

    Their permits are too old to be used: nothing was sent.
    """
    monkeypatch.setattr("kvsync.edgekv.connector._LATE_S", -1.0)

    class Slow(Throttle):
        async def permit(self, action: str) -> None:
            await asyncio.sleep(0.02)

    def talk(_: RawServer) -> Talk:
        async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        return close

    async with raw_server(talk) as server, pairs(server.url, Slow(20)) as namespace:
        with pytest.raises(PassingError, match="closes every connection") as caught:
            await namespace.put("k", b"v", NEVER)
        assert (caught.value.code, caught.value.in_doubt) == ("ConnectionError", False)
        assert (server.connections >= 3, server.heads) == (True, [])


async def test_a_stop_leaves_nobody_waiting() -> None:
    """At a stop all who wait, with a connection or before it, end at once and sent nothing."""
    throttle = HeldThrottle(2)
    async with raw_server() as server, pairs(server.url, throttle) as namespace:
        tasks = [asyncio.create_task(namespace.put(f"k{n}", b"v", NEVER)) for n in range(6)]
        await until(lambda: throttle.asked == 2)
        throttle.stop()
        for end in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(end, Interrupted)
            assert (end.attempts, end.in_doubt) == (0, False)
        assert server.heads == []
        assert not namespace.requests.total()


async def test_a_cancelled_wait_frees_its_place() -> None:
    """Whoever is cancelled before the permit makes room for the next."""
    throttle = HeldThrottle(1)
    async with raw_server() as server, pairs(server.url, throttle) as namespace:
        first, second = (asyncio.create_task(namespace.put(k, b"v", NEVER)) for k in "ab")
        await until(lambda: throttle.asked == 1)
        first.cancel()
        await until(lambda: throttle.asked == 2)
        throttle.go.set()
        await second
        assert first.cancelled()
        assert server.connections == 1


def says(answer: bytes) -> Callable[[RawServer], Talk]:
    """Answers the first request with these bytes and closes."""

    def talk(server: RawServer) -> Talk:
        async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await server.read_request(reader)
            writer.write(answer)
            await writer.drain()

        return say

    return talk


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"", "ConnectionError"),
        (OK[:-5], "BadAnswer"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "BadAnswer"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nnot gzip", "BadAnswer"),
        (b"HTTP/1.1 200 OK\r\n\r\n<html>", "BadAnswer"),
        (b"HTTP/1.1 502 Bad\r\nContent-Length: 1\r\n\r\nx", "HTTP502"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b" " * (2 << 20), "BadAnswer"),
    ],
    ids=["closed", "cut off", "no http", "no gzip", "page", "gateway", "endless"],
)
async def test_a_broken_answer_leaves_the_outcome_open(answer: bytes, code: str) -> None:
    """Once the request is out, anything but a whole answer is in doubt."""
    async with raw_server(says(answer)) as server:
        error = await failure(server.url)
    assert (error.code, error.in_doubt, error.attempts) == (code, True, 1)


def silent(server: RawServer) -> Talk:
    """Takes connections, reads nothing and says nothing."""

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    return hold


async def test_a_silent_server_is_given_up() -> None:
    """No answer for the length of the time-out ends the attempt, in doubt."""
    async with raw_server(silent) as server:
        error = await failure(server.url, silence=0.05)
    assert (error.code, error.in_doubt) == ("Timeout", True)


@pytest.mark.slow
async def test_a_server_that_does_not_read_is_given_up() -> None:
    """An upload that stalls for the length of the time-out ends the attempt, in doubt."""
    async with raw_server(silent) as server:
        error = await failure(server.url, silence=0.1, value=b"\1" * (8 << 20))
    assert (error.code, error.in_doubt) == ("Timeout", True)


@pytest.mark.slow
async def test_a_slow_answer_that_moves_is_waited_for() -> None:
    """The time-out bounds silence: an answer that keeps coming may take longer than it."""

    def talk(server: RawServer) -> Talk:
        async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await server.read_request(reader)
            for start in range(0, len(OK), 16):
                writer.write(OK[start : start + 16])
                await asyncio.sleep(0.1)

        return trickle

    async with raw_server(talk) as server, pairs(server.url, silence=0.3) as namespace:
        assert (await namespace.put("k", b"v", NEVER)).request_id == "r-1"


async def test_a_large_value_arrives_whole() -> None:
    """A body of many pieces is sent to its end."""
    async with raw_server() as server, pairs(server.url) as namespace:
        await namespace.put("k", b"\1" * (1 << 20), NEVER)
        assert b"Content-Length: 6291" in server.heads[0]


async def test_nobody_there_is_no_doubt() -> None:
    """A refused connection is a failure that names the address, and nothing was sent."""
    async with raw_server() as server:
        pass
    error = await failure(server.url)
    assert (error.code, error.in_doubt) == ("ConnectionError", False)
    assert f"no connection to {server.url[7:]}" in error.message


async def test_tls_with_a_plain_server_is_no_doubt() -> None:
    """A server that speaks no TLS is a failure that says so, and nothing was sent."""

    def talk(_: RawServer) -> Talk:
        async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            await writer.drain()

        return plain

    async with raw_server(talk) as server:
        error = await failure(server.url.replace("http:", "https:"))
    assert (error.code, error.in_doubt) == ("ConnectionError", False)
    assert "TLS with 127.0.0.1" in error.message


class _Writer:
    def __init__(self) -> None:
        self.written = b""

    async def write(self, chunk: bytes) -> None:
        self.written += bytes(chunk)


async def test_a_body_is_what_it_was_made_of() -> None:
    """A body keeps aiohttp's contract: its size, its bytes, all of it or a part of it."""
    body = SteadyBody("ä{}".encode(), 1.0)
    assert body.size == 4
    assert body.decode() == "ä{}"
    assert await body.as_bytes() == "ä{}".encode()
    whole, part = _Writer(), _Writer()
    await body.write(whole)  # type: ignore[arg-type]
    await body.write_with_length(part, 2)  # type: ignore[arg-type]
    assert (whole.written, part.written) == ("ä{}".encode(), "ä".encode())


async def test_an_attempt_that_finds_nobody_is_paced() -> None:
    """A refused connection takes a permit like any other attempt, and leaves no doubt."""
    async with raw_server() as server:
        url = server.url
    throttle = HeldThrottle(20)
    async with pairs(url, throttle) as namespace:
        task = asyncio.create_task(namespace.put("k", b"v", NEVER))
        await until(lambda: throttle.asked == 1)
        assert not task.done()
        throttle.go.set()
        with pytest.raises(PassingError, match="no connection") as caught:
            await task
    assert caught.value.in_doubt is False
