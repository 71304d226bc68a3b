"""Reading an answer's body: bounded in bytes, in time, and in what all of them hold together."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp

from kvsync.edgekv.translate import bad_answer

_HELD = 32 << 20
"""Bytes that answers on their way hold together; the one that began first may go on beyond."""
_LONGEST = 10
"""Silences that an answer may take, if it is small: with a byte in each it would never end."""
_SMALL = 1 << 16
"""Bytes of an answer that take no room of their own: 64 of them are 4 MiB."""
_FREE_PIECES = 10_000
_SMALLEST_PIECE = 64
"""Bytes. 7 MiB in chunks of a byte cost 11 s of CPU: more pieces than those above, and one for so
many bytes, are not looked at."""
_CRAWL = 8192
"""Bytes of an answer that are worth one more second. A link so slow takes 2 minutes per MiB."""


class Patience:
    """Lets a time-out grow with what arrives; ``silence`` is in seconds.

    It runs from when the request is written; waiting for a permit costs no one's patience.
    """

    def __init__(self, deadline: asyncio.Timeout, silence: float) -> None:
        self._deadline = deadline
        self._silence = silence
        self._ends = 0.0

    def begin(self) -> None:
        """Note that the request is written: it is the server's turn. Only the first time counts.

        An answer may begin, and even be over, before that.
        """
        if not self._ends:
            self._ends = asyncio.get_running_loop().time() + _LONGEST * self._silence
            self._deadline.reschedule(self._ends)

    def over(self) -> None:
        """Note that the answer is there, or never will be: nothing still to be written matters."""
        self._ends = self._ends or float("inf")

    def extend(self, seconds: float) -> None:
        """So many seconds are no fault of the server's."""
        self._ends += seconds
        self._deadline.reschedule(self._ends)


class Reservation:
    """The part of the room that one answer has taken."""

    def __init__(self) -> None:
        self.size = 0


class Room:
    """Bytes of answers held at a time, however many come at once.

    A server may answer each of 64 requests with as much as one may have. So answers wait for each
    other, unread, once they hold more than is usual; the first of them never does.
    """

    def __init__(self, most: int = _HELD) -> None:
        self._most = most
        self._used = 0
        self._reservations: dict[Reservation, None] = {}
        self._freed = asyncio.Event()

    @contextmanager
    def reserve(self) -> Iterator[Reservation]:
        """Room for one answer; what it has taken is free again afterwards."""
        reservation = Reservation()
        self._reservations[reservation] = None
        try:
            yield reservation
        finally:
            del self._reservations[reservation]
            self._used -= reservation.size
            self._freed.set()

    async def take(self, reservation: Reservation, size: int) -> float:
        """Return once there is room for ``size`` bytes more: the seconds that it took."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        while self._used + size > self._most and next(iter(self._reservations)) is not reservation:
            self._freed.clear()
            await self._freed.wait()
        self._used += size
        reservation.size += size
        return loop.time() - begun


async def read_body(
    response: aiohttp.ClientResponse, limit: int, room: Room, patience: Patience
) -> bytearray:
    """Return the body, ``limit`` bytes at most.

    Raises `PassingError` for a larger one, and for one in more pieces than makes sense.
    """
    content = response.content
    if content.is_eof() and content.total_bytes <= min(_SMALL, limit) and not content.exception():
        # As nearly every answer is. What is here already takes neither time nor more room.
        return bytearray(content.read_nowait())
    body = bytearray()
    pieces = 0
    patience.begin()
    with room.reserve() as reservation:
        async for chunk, _ in content.iter_chunks():
            pieces += 1
            if pieces > _FREE_PIECES + len(body) // _SMALLEST_PIECE:
                response.close()
                raise bad_answer("the answer comes in pieces of a few bytes: check --endpoint")
            if len(body) + len(chunk) > limit:
                response.close()
                raise bad_answer(f"the answer is larger than {limit >> 20} MiB: check --endpoint")
            waited = await room.take(reservation, len(chunk))
            patience.extend(waited + len(chunk) / _CRAWL)
            body += chunk
    return body
