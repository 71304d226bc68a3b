"""The body of a request, which tells its connection when it is written."""

import asyncio
import errno
import time
from collections.abc import Callable, Sequence
from contextvars import ContextVar

from aiohttp import payload
from aiohttp.abc import AbstractStreamWriter

from kvsync.edgekv.clock import steady
from kvsync.edgekv.dialogue import Dialogue, Doubts
from kvsync.edgekv.throttle import Permit

_CHUNK = 1 << 16
_SMALL = 1 << 15
"""Bytes. A body of no more than these is taken from us at once: aiohttp waits for the peer only
once it has 64 KiB of a request, its headers included, that are not sent."""

permit_held: ContextVar[Permit] = ContextVar("permit_held")
"""The permit of the attempt that runs in this task, until its body is written."""


class SteadyBody(payload.Payload):
    """A body in memory whose upload may not stall for longer than ``silence`` seconds.

    aiohttp starts to count silence once a body is written: a peer that stops to read would hold
    the request for ever. ``written`` is called when all of it is written. ``begun``: a connection
    is there, on which it is written; ``withheld``: nothing of the request was sent, since the
    connection had something to say before.
    """

    _autoclose = True
    _value: bytes

    def __init__(
        self, body: bytes, silence: float, written: Callable[[], None] = lambda: None
    ) -> None:
        super().__init__(body, content_type="application/json")
        self._begin()
        self._size = len(body)
        self._silence = silence
        self.written = written
        self._dialogue: Dialogue | None = None
        self.withheld = False
        self.begun = False

    def _begin(self) -> None:
        self._begun, self._begun_monotonic = time.time(), time.monotonic()
        self._begun_steady = steady()

    @property
    def waited(self) -> float:
        """Seconds since then."""
        return steady() - self._begun_steady

    def sent_before(self) -> float:
        """Return when its writing began, and until then when it was made, in Unix seconds: no one
        carried the request out before.

        By the clock as it goes now; of what it says of then and what has passed since, the earlier:
        it may have been set back, and what has passed leaves out the time that a machine slept.
        """
        return min(self._begun, time.time() - (time.monotonic() - self._begun_monotonic))

    @property
    def early(self) -> bool:
        """True if an answer came before all of it was written."""
        return self._dialogue is not None and self._dialogue.early

    def believed(self, doubts: Doubts, keys: Sequence[str]) -> None:
        """Note that what came is the answer to this request: its connection may be used again."""
        if self._dialogue is not None:
            self._dialogue.believed(doubts, keys)

    def answered(self) -> None:
        """Note that an answer is there; unless it is believed, its connection is not used again."""
        if self._dialogue is not None:
            self._dialogue.answered()

    def doubt(self) -> None:
        """Note that what came is no answer to this request: what came before is in doubt as
        well.
        """
        if self._dialogue is not None:
            self._dialogue.doubt()

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Return the body as text."""
        return self._value.decode(encoding, errors)

    async def as_bytes(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """Return the body."""
        del encoding, errors
        return self._value

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Write all of it. Raises `TimeoutError`."""
        await self.write_with_length(writer, None)

    async def write_with_length(
        self, writer: AbstractStreamWriter, content_length: int | None
    ) -> None:
        """Write ``content_length`` bytes of it, None for all. Raises `TimeoutError`."""
        # It sends the head, too, which waits for the first bytes of the body.
        dialogue = getattr(writer, "protocol", None)
        self.begun = True
        if isinstance(dialogue, Dialogue):
            await self._begin_on(dialogue)
        if permit := permit_held.get(None):
            permit.used()
        self._begin()
        rest = memoryview(self._value)[:content_length]
        if len(rest) <= _SMALL:
            await writer.write(rest)
        else:
            await self._write_in_time(writer, rest)
        if self._dialogue is not None:
            self._dialogue.asked()
        self.written()

    async def _begin_on(self, dialogue: Dialogue) -> None:
        if not await dialogue.is_ready():
            self.withheld = True
            raise ConnectionResetError(errno.ECONNRESET, "it spoke before it was asked")
        self._dialogue = dialogue
        dialogue.ask()

    async def _write_in_time(self, writer: AbstractStreamWriter, rest: memoryview) -> None:
        while rest:
            async with asyncio.timeout(self._silence):
                await writer.write(rest[:_CHUNK])
            rest = rest[_CHUNK:]
