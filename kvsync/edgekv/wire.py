"""One request over the wire: signed, sent, its answer read to the end."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from kvsync import __version__
from kvsync.edgekv.answers import Reply
from kvsync.edgekv.body import SteadyBody
from kvsync.edgekv.clock import ServiceClock, steady
from kvsync.edgekv.connector import PacedConnector
from kvsync.edgekv.endpoint import is_loopback
from kvsync.edgekv.options import ClientOptions, proxy_for
from kvsync.edgekv.reading import Patience, Room, read_body
from kvsync.edgekv.signing import signed_headers
from kvsync.edgekv.throttle import Throttle
from kvsync.edgekv.tls import trusting
from kvsync.edgekv.translate import FOREIGN, Scene, error_from_exception

if TYPE_CHECKING:
    from kvsync.edgekv.credentials import CredentialProvider


class Request(NamedTuple):
    """A request; ``subject`` says of which keys, for the log; ``keys`` is how many they are, and
    ``writes`` those that it changes.
    """

    action: str
    body: bytes
    scene: Scene
    subject: str = ""
    keys: int = 1
    writes: Sequence[str] = ()


class Wire:
    """The connections to one endpoint. Use within ``async with``."""

    def __init__(
        self,
        credentials: "CredentialProvider",
        endpoint: str,
        throttle: Throttle,
        clock: ServiceClock,
        options: ClientOptions,
    ) -> None:
        self.clock = clock
        self._credentials = credentials
        self._url = URL(f"{endpoint}/")
        self._host = urlsplit(endpoint).netloc
        self._silence = silence = options.timeout
        # None is aiohttp's own context, which knows the system's CAs alone.
        self._trust = trusting(options.ca_file) if options.ca_file else None
        self._proxy = proxy_for(endpoint)
        self._room = Room()
        self._connector = PacedConnector(throttle, ends=2 if is_loopback(endpoint) else 1)
        self._session = aiohttp.ClientSession(
            connector=self._connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": f"kvsync/{__version__}"},
            # Silence is bounded, a transfer that moves is not; a look-up of the name is bounded by
            # connect alone. trust_env would send what ~/.netrc has for the host.
            timeout=aiohttp.ClientTimeout(
                total=None, connect=2 * silence, sock_connect=silence, sock_read=silence
            ),
            trust_env=False,
        )

    async def look(self) -> None:
        """Look for answers too many while what was believed can still be doubted."""
        await self._connector.look()

    async def close(self) -> None:
        """Close all connections."""
        self._connector.close_aside()
        await self._session.close()

    def turn(self, action: str) -> AbstractAsyncContextManager[None]:
        """Return a place among those who may sign a request of this action and wait for their
        permit.
        """
        return self._connector.turn(action)

    async def sign(self, request: Request) -> dict[str, str]:
        """Return the headers of a request that is sent now. Raises `FatalError` without
        credentials.
        """
        credential = await self._credentials.get()
        return signed_headers(
            credential,
            request.action,
            host=self._host,
            body=request.body,
            timestamp=int(self.clock.now()),
        )

    async def exchange(self, request: Request, headers: dict[str, str], limit: int) -> Reply:
        """Return the reply to a signed request, of ``limit`` bytes at most.

        Raises `PassingError` if there is none that is whole, `Interrupted` if the throttle was
        stopped before the request was sent.
        """
        content = SteadyBody(request.body, self._silence)
        try:
            async with asyncio.timeout(None) as deadline:
                patience = Patience(deadline, self._silence)
                content.written = patience.begin
                return await self._exchange(content, headers, limit, patience)
        except FOREIGN as error:
            if isinstance(error, aiohttp.ClientResponseError):
                # What came is no HTTP: the middle of something, perhaps.
                content.doubt()
            # Until the request begins, it is the way through the proxy that fails.
            proxy = None if content.begun else self._proxy
            sent = not content.withheld
            # Its text may hold the headers: it is not chained, so that no traceback shows them.
            raise error_from_exception(error, request.scene, sent=sent, proxy=proxy) from None

    async def _exchange(
        self, content: SteadyBody, headers: dict[str, str], limit: int, patience: Patience
    ) -> Reply:
        proxy = self._proxy
        try:
            async with self._session.post(
                self._url,
                data=content,
                headers=headers,
                allow_redirects=False,
                ssl=self._trust or True,
                proxy=proxy.url if proxy else None,
                proxy_headers=proxy.headers if proxy else None,
            ) as response:
                arrived, sent = time.time(), content.sent_before()
                at, took = steady(), content.waited
                body = await read_body(response, limit, self._room, patience)
                date = response.headers.get("Date", "")
                content.answered()
                reply = Reply.of(response.status, body, date, sent=sent, arrived=arrived)
                return reply._replace(
                    early=content.early,
                    believed=content.believed,
                    doubted=content.doubt,
                    steady=at,
                    took=took,
                    signed=float(headers["X-TC-Timestamp"]),
                )
        finally:
            patience.over()
