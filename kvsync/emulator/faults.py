"""Faults on purpose: which ones, and how they look on the wire."""

import asyncio
import random
import socket
import struct

from aiohttp import web

from kvsync.emulator.options import EmulatorOptions
from kvsync.emulator.service import refused

_LINGER = struct.pack("ii", 1, 0)
_REFUSALS = {
    "InternalError": "An internal error has occurred (injected).",
    "RequestLimitExceeded": "Your current request times exceeds the limit (injected).",
}
_JSON = {"Content-Type": "application/json"}
_PIECES = 40
_BETWEEN_PIECES_S = 0.15


class Faults:
    """Draws what befalls each request; the same seed draws the same again.

    ``share`` (0 to 1) of the requests fail; it may change meanwhile, as when an outage ends.
    """

    def __init__(self, options: EmulatorOptions) -> None:
        self.share = options.fault
        self._kinds = sorted(options.faults)
        self._random = random.Random(options.seed)  # noqa: S311 - no secret depends on it

    def draw(self) -> str:
        """Return the fault of the next request; empty for most."""
        if self._kinds and self._random.random() < self.share:
            return self._random.choice(self._kinds)
        return ""

    def is_carried_out(self, fault: str) -> bool:
        """Return whether the request is carried out although, or before, this fault befalls it."""
        if fault == "hang":
            return self._random.random() < 0.5
        return fault in {"", "reset-after", "cut-off", "not-json", "trickle"}


async def deliver_fault(
    fault: str, request: web.BaseRequest, answer: bytes, closing: asyncio.Event
) -> web.StreamResponse:
    """Let a request fail in this way.

    ``answer`` is what it would have got: ``cut-off`` sends half of it, ``trickle`` takes 6 s for
    it. ``hang`` lasts until ``closing`` is set.
    """
    if fault in _REFUSALS:
        return web.Response(body=refused(fault, _REFUSALS[fault]), headers=_JSON)
    if fault in {"502", "429"}:
        return _gateway_page(int(fault))
    if fault == "not-json":
        return web.Response(body=b"OK\n", headers=_JSON)
    if fault == "cut-off":
        return await _cut_off(request, answer)
    if fault == "trickle":
        return await _trickle(request, answer)
    if fault == "hang":
        await closing.wait()
    reset(request)
    return web.Response()


def reset(request: web.BaseRequest) -> None:
    """End the connection at once: the client reads a reset, not an end."""
    transport = request.transport
    if transport is not None:  # pragma: no branch - a client that left just now has none
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
        transport.abort()


def _gateway_page(status: int) -> web.Response:
    title = {502: "502 Bad Gateway", 429: "429 Too Many Requests"}[status]
    page = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\n"
    return web.Response(status=status, text=page, content_type="text/html")


async def _cut_off(request: web.BaseRequest, answer: bytes) -> web.StreamResponse:
    response = await _begin(request, answer)
    await response.write(answer[: len(answer) // 2])
    if request.transport is not None:  # pragma: no branch - as in reset
        request.transport.close()
    return response


async def _trickle(request: web.BaseRequest, answer: bytes) -> web.StreamResponse:
    response = await _begin(request, answer)
    size = max(1, len(answer) // _PIECES)
    for start in range(0, len(answer), size):
        await response.write(answer[start : start + size])
        await asyncio.sleep(_BETWEEN_PIECES_S)
    return response


async def _begin(request: web.BaseRequest, answer: bytes) -> web.StreamResponse:
    response = web.StreamResponse(headers=_JSON)
    response.content_length = len(answer)
    await response.prepare(request)
    return response
