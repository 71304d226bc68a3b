"""Requests to an emulator, down to the last header."""

import http.client
import json
import time
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from kvsync.edgekv.signing import signed_headers
from tests.servers import ServedEmulator

ZONE = "zone-2abc"


class Pair(NamedTuple):
    """A key pair for signing."""

    secret_id: str
    secret_key: str
    token: str = ""


KEYS = Pair("AKIDexample", "secret-of-the-tests")


class Clock:
    """A service's clock that stands still until a test moves it."""

    def __init__(self, now: float | None = None) -> None:
        self.now = time.time() if now is None else now

    def __call__(self) -> float:
        """The time, in Unix seconds."""
        return self.now


class Reply(NamedTuple):
    """An HTTP answer."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


def signed(
    server: ServedEmulator, action: str, body: bytes, *, keys: Pair = KEYS, at: float | None = None
) -> dict[str, str]:
    """The headers of a proper request, signed at a time (Unix seconds)."""
    timestamp = int(time.time() if at is None else at)
    host = urlsplit(server.url).netloc
    return signed_headers(keys, action, host=host, body=body, timestamp=timestamp)


def post(
    server: ServedEmulator, body: bytes, headers: dict[str, str], method: str = "POST"
) -> Reply:
    """Send exactly this to ``/``."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=10)
    try:
        connection.request(method, "/", body=body, headers=headers)
        answer = connection.getresponse()
        return Reply(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


def call(
    server: ServedEmulator, action: str, /, *, at: float | None = None, **parameters: Any
) -> dict[str, Any]:
    """What a signed request with these parameters is answered; the zone and ``ns`` go without."""
    given = {"ZoneId": ZONE, **parameters}
    if action != "DescribeEdgeKVNamespaces":
        given.setdefault("Namespace", "ns")
    body = json.dumps(given).encode()
    reply = post(server, body, signed(server, action, body, at=at))
    assert reply.status == 200
    return json.loads(reply.body)["Response"]


def error_of(answer: dict[str, Any]) -> str:
    """The code of a refusal; empty for a success."""
    return answer.get("Error", {}).get("Code", "")
