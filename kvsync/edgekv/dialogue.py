"""One request, one answer: what arrives on a connection belongs to what was written before it.

aiohttp keeps an answer that comes while a connection lies idle, and gives it to the next request.
A server or something in between that answers twice would so acknowledge what was never carried out.
"""

import asyncio
import select
from enum import Enum, auto

from aiohttp.client_proto import ResponseHandler

__all__ = ["Dialogue", "RequestIds"]

_LOOKS = 8
"""Steps of the event loop after which what has arrived is read; tickets of TLS are, for example."""


class _Turn(Enum):
    SET_UP = auto()
    QUIET = auto()
    ASKING = auto()
    ASKED = auto()


class Dialogue(ResponseHandler):
    """A connection's bytes. Once it is set up, any that nobody has asked for end it.

    ``unasked``: so it was ended. ``early``: the answer began before the request was written to its
    end, so it is not one to this request.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.unasked = False
        self.early = False
        self._turn = _Turn.SET_UP

    @property
    def is_new(self) -> bool:
        """Whether nobody has had it yet."""
        return self._turn is _Turn.SET_UP

    def rest(self) -> None:
        """Nothing was asked yet, or what was asked is answered: nothing more may come."""
        self._turn = _Turn.QUIET

    def ask(self) -> None:
        """A request begins to be written."""
        self._turn = _Turn.ASKING

    def asked(self) -> None:
        """The request is written."""
        self._turn = _Turn.ASKED

    async def is_ready(self) -> bool:
        """Whether a request may be written: nothing is open, and no byte is left to be read.

        What is not read yet is read first: it may have come in this very moment.
        """
        for _ in range(_LOOKS):
            if not self._has_unread():
                break
            await asyncio.sleep(0)
        else:
            return False
        return self._turn is _Turn.QUIET and self.is_connected() and not self.should_close

    def data_received(self, data: bytes) -> None:
        """Takes what arrived, if it was asked for."""
        if self._turn is _Turn.QUIET:
            self.unasked = True
            self.force_close()
            self.abort()
            return
        self.early |= self._turn is _Turn.ASKING
        super().data_received(data)

    def _has_unread(self) -> bool:
        if self.transport is None or self.transport.is_closing():
            return False
        poll = select.poll()
        poll.register(self.transport.get_extra_info("socket").fileno(), select.POLLIN)
        return bool(poll.poll(0))


class RequestIds:
    """Those of all answers so far. Each names one request, and so one answer."""

    def __init__(self) -> None:
        # Of each no more than a number of 64 bits: there may be as many as a run has requests. Two
        # that meet by chance cost a request more.
        self._seen: set[int] = set()

    def is_new(self, request_id: str) -> bool:
        """Whether no answer had this one before, in whatever letters; now one has."""
        number = hash(request_id.strip().casefold())
        if number in self._seen:
            return False
        self._seen.add(number)
        return True
