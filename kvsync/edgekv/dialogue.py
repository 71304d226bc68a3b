"""One request, one answer: what arrives on a connection belongs to what was written before it.

aiohttp keeps an answer that comes while a connection lies idle, and gives it to the next request.
A server or something in between that answers twice would so acknowledge what was never carried out.

A second answer may also come while the next request is under way, and be taken for that one's. From
then on each answer is the one before, which shows only when there is one too many: then none that
the connection has brought is believed any more, however long ago it came.

An acknowledgement is more than the absence of an error: what is read by names alone takes no notice
of an error that is spelled otherwise, stands somewhere else, or comes first of two; a write that
failed would count as done.
"""

import asyncio
import json
import re
import select
from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import Any

from aiohttp.client_proto import ResponseHandler

_PLAIN = re.compile(rb'\s*\{\s*"Response"\s*:\s*\{\s*"RequestId"\s*:\s*"[^"\\]*"\s*\}\s*\}\s*')
"""As the service says it today, which is nearly always."""
_LARGEST = 1 << 16
"""Bytes. No one needs as many to say yes or no."""
_FAILURE = re.compile("err|fault|fail|exception|den(y|ied)|reject|refus|invalid|abort|unsuccess")
_HOW = {"code", "message", "msg", "reason"}
"""What an error has within; of itself it would be one of another spelling."""
_YES = {"success", "successful", "succeeded", "ok", "done"}
_STATE = {"status", "state", "result", "outcome"}
_OTHERS = {"data", "keys", "cursor", "kvnamespaces", "totalcount"}
"""What answers to reads have."""


class _TwiceError(ValueError):
    pass


def contradicts(body: bytes | bytearray, *, refusal: bool) -> bool:
    """Return whether the answer to a write, JSON of the API's form, says anything else besides.

    That is a member that speaks of a failure, but for the Error of a ``refusal``, or one that comes
    twice. Others may be new.
    """
    if _PLAIN.fullmatch(body):
        return False
    if len(body) > _LARGEST:
        return True
    try:
        envelope = json.loads(body, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return True
    response = dict(envelope["Response"])
    if refusal:
        del response["Error"]
    return len(envelope) > 1 or _speaks_of_failure(response)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({_plain(name) for name, _ in pairs}) < len(pairs):
        raise _TwiceError
    return dict(pairs)


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name)).casefold()


def _speaks_of_failure(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_is_failure(_plain(name), part) for name, part in value.items())
    return isinstance(value, list) and any(map(_speaks_of_failure, value))


def _is_failure(name: str, value: Any) -> bool:
    if name in _OTHERS or (name in _YES and value is False):
        return True
    if value and (name in _HOW or _FAILURE.search(name)):
        return True
    if name in _STATE and isinstance(value, str) and _FAILURE.search(value.casefold()):
        return True
    return _speaks_of_failure(value)


class Doubts:
    """A listener for keys whose answers are in doubt again, of one run against one namespace."""

    def __init__(self) -> None:
        self.heard: Callable[[Sequence[str]], None] = lambda _: None


_LOOKS = 8
"""Steps of the event loop after which what has arrived is read; tickets of TLS are, for example."""


class _Turn(Enum):
    SET_UP = auto()
    QUIET = auto()
    ASKING = auto()
    ASKED = auto()


class Dialogue(ResponseHandler):
    """A connection's bytes. Once it is set up, any that no one has asked for end it.

    ``unasked``: so it was ended. ``early``: the answer began before the request was written to its
    end, so it is not one to this request. ``answers`` counts those that have come, ``latency``
    is how many seconds the first of them took, and ``asked_at`` is when the last request was
    written (the loop's time).
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.unasked = False
        self.early = False
        self.answers = 0
        self.latency = 0.0
        self.asked_at = 0.0
        self._turn = _Turn.SET_UP
        self._spent = False
        self._believed: dict[Doubts, list[str]] = {}

    @property
    def is_new(self) -> bool:
        """True if no one has had it yet."""
        return self._turn is _Turn.SET_UP

    def rest(self) -> None:
        """Nothing was asked yet, or what was asked is answered: nothing more may come."""
        self._turn = _Turn.QUIET

    def answered(self) -> None:
        """Note an answer, to any request: nothing is asked here any more, if that is all.

        Nothing more may come, or what has come before is doubted.
        """
        self.answers += 1
        self._spent = True
        self.rest()

    def believed(self, doubts: Doubts, keys: Sequence[str]) -> None:
        """Note that the answer is one to what was asked, and settles these keys.

        If more comes than was asked for, ``doubts`` hears of them.
        """
        self._spent = False
        if keys:
            self._believed.setdefault(doubts, []).extend(keys)
        if self._buffer or self._tail:
            # It came in one piece with more.
            self.doubt()

    @property
    def is_in_suspense(self) -> bool:
        """True if nothing is asked here any more, but what may come throws doubt on something."""
        return self._spent and bool(self._believed) and self.is_connected()

    def doubt(self) -> None:
        """Something shows that answers and requests do not go together here."""
        for doubts, keys in self._believed.items():
            doubts.heard(keys)
        self._believed = {}

    def trust(self) -> None:
        """Nothing more has come for so long that what was believed is so."""
        self._believed = {}

    def ask(self) -> None:
        """Note that a request begins to be written."""
        self._turn = _Turn.ASKING

    def asked(self) -> None:
        """Note that the request is written."""
        self._turn = _Turn.ASKED
        self.asked_at = self._loop.time()

    async def is_ready(self) -> bool:
        """Return whether a request may be written: nothing is open, and no byte is left to be read.

        What is not read yet is read first: it may have come in this very moment.
        """
        for _ in range(_LOOKS):
            if not self._has_unread():
                break
            await asyncio.sleep(0)
        else:
            self.doubt()
            return False
        is_quiet = self._turn is _Turn.QUIET and not self._spent
        return is_quiet and self.is_connected() and not self.should_close

    def data_received(self, data: bytes) -> None:
        """Take what arrived, if it was asked for."""
        if self._turn is _Turn.QUIET:
            self.unasked = True
            self.doubt()
            self.force_close()
            self.abort()
            return
        if self._turn is _Turn.ASKING:
            self.early = True
            self.doubt()
        elif not self.answers and not self.latency:
            self.latency = self._loop.time() - self.asked_at
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
        """Return whether no answer had this one before, in any letters; now one has."""
        number = hash(request_id.strip().casefold())
        if number in self._seen:
            return False
        self._seen.add(number)
        return True
