"""What goes wrong on purpose: which way, and how it looks on the wire."""

import asyncio
import random
import socket
import struct

from aiohttp import web

from kvsync.emulator.options import EmulatorOptions
from kvsync.emulator.service import refused

__all__ = ["Faults", "deliver_fault", "reset"]

_LINGER = struct.pack("ii", 1, 0)


class Faults:
    """Draws what befalls each request; the same seed draws the same again."""

    def __init__(self, options: EmulatorOptions) -> None:
        self._share = options.fault
        self._kinds = sorted(options.faults)
        self._random = random.Random(options.seed)  # noqa: S311 - no secret depends on it

    def draw(self) -> str:
        """The fault of the next request; empty for most."""
        if self._kinds and self._random.random() < self._share:
            return self._random.choice(self._kinds)
        return ""

    def is_carried_out(self, fault: str) -> bool:
        """Whether the request is carried out although, or before, this fault befalls it."""
        if fault == "hang":
            return self._random.random() < 0.5
        return fault in {"", "reset-after", "cut-off"}


async def deliver_fault(
    fault: str, request: web.BaseRequest, answer: bytes, closing: asyncio.Event
) -> web.StreamResponse:
    """Let a request fail in this way.

    ``answer`` is what it would have got, cut in half by ``cut-off``; ``hang`` lasts until
    ``closing`` is set.
    """
    if fault == "InternalError":
        body = refused("InternalError", "An internal error has occurred (injected).")
        return web.Response(body=body, headers={"Content-Type": "application/json"})
    if fault in {"502", "429"}:
        return _gateway_page(int(fault))
    if fault == "cut-off":
        return await _cut_off(request, answer)
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
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.content_length = len(answer)
    await response.prepare(request)
    await response.write(answer[: len(answer) // 2])
    if request.transport is not None:  # pragma: no branch - as in reset
        request.transport.close()
    return response
