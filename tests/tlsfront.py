"""TLS in front of a server of plain bytes, with a CA that nobody knows."""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import trustme

from tests.closing import close_server


@dataclass
class Front:
    """Where it listens, the file that holds its CA, and how often somebody trusted it."""

    url: str
    ca_file: Path
    attempts: int = 0
    handshakes: int = 0


@contextmanager
def tls_front(plain_url: str, folder: Path, host: str = "localhost") -> Iterator[Front]:
    """Pass all that comes over TLS on to ``plain_url``; the certificate is for ``host``.

    It runs in a thread: whoever speaks to it blocks, or has another event loop.
    """
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(host).configure_cert(context)
    front = Front("", folder / "ca.pem")
    authority.cert_pem.write_to_path(front.ca_file)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def listen() -> asyncio.Server:
        return await asyncio.start_server(_Passing(front, plain_url, context), "127.0.0.1", 0)

    server = asyncio.run_coroutine_threadsafe(listen(), loop).result(10)
    front.url = f"https://localhost:{server.sockets[0].getsockname()[1]}"
    try:
        yield front
    finally:
        asyncio.run_coroutine_threadsafe(close_server(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class _Passing:
    """Serves one connection: the handshake, then bytes in both directions."""

    def __init__(self, front: Front, plain_url: str, context: ssl.SSLContext) -> None:
        self._front = front
        self._host, _, self._port = plain_url.partition("://")[2].partition(":")
        self._context = context

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._front.attempts += 1
        try:
            with suppress(OSError):
                await writer.start_tls(self._context)
                self._front.handshakes += 1
                behind, there = await asyncio.open_connection(self._host, int(self._port))
                await asyncio.gather(_pass_on(reader, there), _pass_on(behind, writer))
        finally:
            writer.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        with suppress(OSError):
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
    finally:
        writer.close()
