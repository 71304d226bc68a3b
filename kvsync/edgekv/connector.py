"""Connections that are ready before their permit is taken, and opened one after the other.

A permit taken before a TLS handshake of 250 ms let 26 requests arrive in one second: what counts
is when the server sees them. So did twenty handshakes at once: they kept both sides busy for 40 ms,
in which the first request was held up, and a second later nothing was.
"""

import asyncio
import errno
import functools
import math
import os
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from typing import TYPE_CHECKING

import aiohttp
from aiohttp.client_proto import ResponseHandler

from kvsync.edgekv.body import permit_held
from kvsync.edgekv.dialogue import Dialogue
from kvsync.edgekv.throttle import Openings, Throttle
from kvsync.model.machine import is_short_of_files, spare_files

if TYPE_CHECKING:
    from aiohttp.client_reqrep import ClientRequest
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace

_MOST_CONNECTIONS = 512
"""Half of the descriptors that a process commonly has."""
_OTHER_FILES = 20
"""Descriptors that the state, sources and look-ups of names may need at a time."""
_TRIES = 3
_HASTE = 0.95
"""Of the time between two requests: what is opened for them must not be what slows them down."""
_LATE_S = 0.005
_LATE_ANSWER_S = 0.02
_LONGEST_LOOK_S = 1.0


class _Turn:
    """A place behind a gate, which may be left early and is left once.

    A class, since each request takes one.
    """

    __slots__ = ("_gate", "_held", "_throttle", "_token")

    def __init__(self, gate: asyncio.Semaphore, throttle: Throttle) -> None:
        self._gate = gate
        self._throttle = throttle
        self._held = False

    async def __aenter__(self) -> None:
        with self._throttle.until_stopped():
            await self._gate.acquire()
        self._held = True
        self._token = _turn.set(self)

    async def __aexit__(self, *_: object) -> None:
        _turn.reset(self._token)
        self.leave()

    def leave(self) -> None:
        if self._held:
            self._held = False
            self._gate.release()


_turn: ContextVar[_Turn] = ContextVar("_turn")
"""The turn of the attempt that runs in this task: aiohttp stands between `turn` and `connect`."""


class PacedConnector(aiohttp.TCPConnector):
    """Gets a connection, and then the permit of the action that the request's headers name.

    A second's worth of permits bounds how many hold a connection while they wait (`turn`), since
    servers close idle ones, and since a sync of three keys shall open three. ``ends``: how many
    ends of each connection are in this process, as those of an emulator in it are.
    """

    def __init__(self, throttle: Throttle, ends: int = 1) -> None:
        self._throttle = throttle
        # How late a request may leave after its permit: some milliseconds of the room that each
        # second has, or what a pace below one a second leaves beyond the second.
        self._patience = max(_LATE_S, 1 / throttle.rate - 1)
        # Half of the room: a copy reads over other connections meanwhile.
        room = max(1, (spare_files() - _OTHER_FILES) // (2 * ends))
        self._width = min(_MOST_CONNECTIONS, room, max(1, math.ceil(throttle.rate)))
        self._gates: dict[str, asyncio.Semaphore] = {}
        self._openings: dict[str, Openings] = {}
        self._aside: dict[Connection, Dialogue] = {}
        # Four seconds' worth: one for those who wait, two for answers that take 2 s, and room.
        super().__init__(limit=min(_MOST_CONNECTIONS, room, max(100, 4 * self._width)))
        self._factory = functools.partial(_new_dialogue, self._loop)

    def turn(self, action: str) -> AbstractAsyncContextManager[None]:
        """Hold one of the places before the permit, until `connect` has it or the block ends.

        Raises `Interrupted` once the throttle is stopped.
        """
        gate = self._gates.get(action)
        if gate is None:
            gate = self._gates[action] = asyncio.Semaphore(self._width)
        return _Turn(gate, self._throttle)

    async def connect(
        self,
        req: "ClientRequest",
        traces: list["Trace"],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's own signature
    ) -> "Connection":
        """Return a connection on which the request may be sent now."""
        for _ in range(_TRIES):
            action = req.headers["X-TC-Action"]
            try:
                connection = await self._connected(req, traces, timeout)
            except (OSError, aiohttp.ClientError):
                # An attempt that found no one is paced like any other.
                await self._throttle.permit(action)
                raise
            try:
                permit_held.set(await self._throttle.permit(action))
            except BaseException:
                connection.release()
                raise
            if not await _dialogue(connection).is_ready():
                # It died, or spoke unasked, while it waited: the permit is still good if a new one
                # is there at once.
                connection.close()
                begun = self._loop.time()
                connection = await self._connected(req, traces, timeout, at_once=True)
                if self._loop.time() - begun > self._patience:
                    connection.release()
                    continue
            _turn.get().leave()
            return connection
        raise _no_connector(req, "it closes every connection at once")

    async def look(self) -> None:
        """Hears what is still on its way after the last answers, and trusts what stays silent.

        The first answer of a connection is one to its first request, so it tells how long answers
        take. Where there was no other one none can be late.
        """
        idle = [one for conns in self._conns.values() for one, _ in conns]
        dialogues = [one for one in (*idle, *self._aside.values()) if isinstance(one, Dialogue)]
        latest = max((one.asked_at for one in dialogues if one.answers > 1), default=0.0)
        if latest:
            slowest = max(one.latency for one in dialogues)
            left = latest + 2 * slowest + _LATE_ANSWER_S - self._loop.time()
            await asyncio.sleep(min(left, _LONGEST_LOOK_S))
        for one in dialogues:
            await one.is_ready()
            one.trust()

    async def _connected(
        self,
        req: "ClientRequest",
        traces: list["Trace"],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's own signature
        *,
        at_once: bool = False,
    ) -> "Connection":
        """Return a connection on which nothing is left of what was asked before.

        ``at_once``: it is opened although another one was just now.
        """
        openings = self._openings_of(req.headers["X-TC-Action"])
        while True:
            with self._throttle.until_stopped():
                if at_once:
                    openings.note()
                else:
                    await openings.wait(lambda: not self._has_idle(req))
                try:
                    connection = await super().connect(req, traces, timeout)
                except aiohttp.ClientConnectorError as error:
                    if self._wants_fewer(error.os_error):
                        continue
                    raise
            dialogue = _dialogue(connection)
            is_new = dialogue.is_new
            if is_new:
                dialogue.rest()
            if await dialogue.is_ready():
                return connection
            if is_new and not dialogue.unasked:
                # It is closed already, which is seen once the permit is there.
                return connection
            self._set_aside(connection, dialogue)
            if is_new:
                raise _no_connector(req, "it speaks before it is asked")

    def _wants_fewer(self, error: OSError) -> bool:
        """Return whether a connection may be had once another one is free, since no more can be
        opened.

        So it is from here on. Raises `OSError` where none is there that could become free.
        """
        if not is_short_of_files(error):
            return False
        if not self._acquired:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        self._limit = len(self._acquired)
        return True

    def _set_aside(self, connection: "Connection", dialogue: Dialogue) -> None:
        """Close it, after a while if what comes until then may be an answer too many."""
        if not dialogue.is_in_suspense or len(self._aside) >= self._width:
            connection.close()
            return
        self._aside[connection] = dialogue
        self._loop.call_later(_LONGEST_LOOK_S, self._close_aside, connection)

    def _close_aside(self, connection: "Connection") -> None:
        if connection in self._aside:
            del self._aside[connection]
            connection.close()

    def close_aside(self) -> None:
        """Close those that are only listened to."""
        for connection in list(self._aside):
            self._close_aside(connection)

    def _openings_of(self, action: str) -> Openings:
        openings = self._openings.get(action)
        if openings is None:
            openings = self._openings[action] = Openings(_HASTE / self._throttle.rate)
        return openings

    def _has_idle(self, req: "ClientRequest") -> bool:
        return any(one.is_connected() for one, _ in self._conns.get(req.connection_key, ()))


def _new_dialogue(loop: asyncio.AbstractEventLoop) -> ResponseHandler:
    return Dialogue(loop)


def _dialogue(connection: "Connection") -> Dialogue:
    protocol = connection.protocol
    assert isinstance(protocol, Dialogue)  # noqa: S101 - our own factory made it
    return protocol


def _no_connector(req: "ClientRequest", why: str) -> aiohttp.ClientConnectorError:
    reset = ConnectionResetError(errno.ECONNRESET, why)
    return aiohttp.ClientConnectorError(req.connection_key, reset)
