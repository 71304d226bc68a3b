"""Answers too many on a connection throw doubt on those that it has brought before."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from kvsync.edgekv import Namespace
from kvsync.model.errors import PassingError
from kvsync.model.values import NEVER
from tests.edgekv.raw import RawServer, Talk, answer, raw_server, until
from tests.edgekv.test_connection import pairs
from tests.middlebox import refusal


def saying(*answers: bytes, latency: float = 0.0) -> Callable[[RawServer], Talk]:
    """Says each of these after a request, the last one after all others, too."""

    def talk(server: RawServer) -> Talk:
        async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for number in range(100):
                await server.read_request(reader)
                await asyncio.sleep(latency)
                writer.write(answers[min(number, len(answers) - 1)])

        return say

    return talk


@asynccontextmanager
async def listening(talk: Callable[[RawServer], Talk]) -> AsyncIterator[tuple[Namespace, set[str]]]:
    """A namespace, and the keys of which it doubts what was answered."""
    doubted: set[str] = set()
    async with raw_server(talk) as server, pairs(server.url) as namespace:
        namespace.on_doubt(doubted.update)
        yield namespace, doubted


async def put(namespace: Namespace, *keys: str) -> None:
    """Writes them, one after the other."""
    for key in keys:
        await namespace.put(key, b"v", NEVER)


async def test_an_answer_while_nothing_is_asked() -> None:
    """All that the connection has brought is doubted, and nothing that comes over the next one."""
    talk = saying(answer(1), answer(2) + answer(3), answer(4))
    async with listening(talk) as (namespace, doubted):
        await put(namespace, "a", "b")
        await until(lambda: doubted == {"a", "b"})


async def test_an_answer_in_one_piece_with_another() -> None:
    """The one that it came with is doubted, too, and so are keys that were deleted."""
    async with listening(saying(answer(1) + answer(2))) as (namespace, doubted):
        await namespace.delete(["a", "b"])
        assert doubted == {"a", "b"}


async def test_a_repeated_id() -> None:
    """The answer is one to an earlier request, and who knows what those before it were to."""
    talk = saying(answer(1), answer(2), answer(1))
    async with listening(talk) as (namespace, doubted):
        await put(namespace, "a", "b")
        with pytest.raises(PassingError, match="BadAnswer"):
            await put(namespace, "c")
        assert doubted == {"a", "b"}


async def test_what_is_no_http() -> None:
    """The rest of an answer whose beginning nobody has seen."""
    async with listening(saying(answer(1), b"Id: 5\r\n\r\n{}")) as (namespace, doubted):
        await put(namespace, "a")
        with pytest.raises(PassingError, match="BadAnswer"):
            await put(namespace, "b")
        assert doubted == {"a"}


async def test_a_refusal_is_doubted_as_well() -> None:
    """The key that was refused may have been written."""
    talk = saying(answer(1), refusal("InvalidParameter", "r-2") + answer(3))
    async with listening(talk) as (namespace, doubted):
        await put(namespace, "a")
        with pytest.raises(Exception, match="InvalidParameter"):
            await put(namespace, "b")
        await until(lambda: doubted == {"a", "b"})


async def test_a_page_in_between() -> None:
    """What comes after an answer that nobody could read is an answer too many all the same."""
    more = asyncio.Event()
    page = b"HTTP/1.1 502 Bad\r\nContent-Length: 2\r\n\r\nno"

    def talk(server: RawServer) -> Talk:
        async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await server.read_request(reader)
            writer.write(server.ok())
            await server.read_request(reader)
            writer.write(page)
            await asyncio.wait_for(more.wait(), 5)
            writer.write(page)
            await asyncio.sleep(60)

        return say

    async with listening(talk) as (namespace, doubted):
        await put(namespace, "a")
        with pytest.raises(PassingError, match="HTTP502"):
            await put(namespace, "b")
        # Another connection is opened for the next one, and the first is listened to.
        await put(namespace, "c")
        assert doubted == set()
        more.set()
        await until(lambda: doubted == {"a"})


async def test_a_look_waits_for_as_long_as_an_answer_takes() -> None:
    """The answer that is still on its way is heard; what was silent then is certain."""

    def talk(server: RawServer) -> Talk:
        async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await server.read_request(reader)
            await asyncio.sleep(0.05)
            writer.write(server.ok())
            await server.read_request(reader)
            writer.write(server.ok())
            await asyncio.sleep(0.05)
            writer.write(server.ok())
            await asyncio.sleep(60)

        return say

    async with listening(talk) as (namespace, doubted):
        await put(namespace, "a", "b")
        assert doubted == set()
        await namespace.look()
        assert doubted == {"a", "b"}


async def test_what_was_silent_is_certain() -> None:
    """Nothing that comes after a look throws doubt on what was before it."""
    talk = saying(answer(1), answer(2), answer(3) + answer(4))
    async with listening(talk) as (namespace, doubted):
        await put(namespace, "a", "b")
        await namespace.look()
        await put(namespace, "c")
        await until(lambda: bool(doubted))
        assert doubted == {"c"}


async def test_nothing_is_waited_for_where_no_answer_can_be_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first answer on a connection is one to its first request."""
    async with listening(saying(answer(1), latency=0.01)) as (namespace, _):
        await namespace.look()
        await put(namespace, "a")
        monkeypatch.setattr("kvsync.edgekv.connector._LATE_ANSWER_S", 60.0)
        monkeypatch.setattr("kvsync.edgekv.connector._LONGEST_LOOK_S", 60.0)
        async with asyncio.timeout(5):
            await namespace.look()
