"""The proxy that lies: each deed is what it says, and nothing else is done to anybody."""

import http.client
import json
import socket
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from time import monotonic, time
from typing import Any

import pytest

from tests.emulator.raw import KEYS, ZONE, signed
from tests.lyingproxy import CUTS, REFUSED, LyingProxy


@pytest.fixture
def box(emulator) -> Iterator[LyingProxy]:
    """One in front of an emulator."""
    with LyingProxy(emulator.url) as box:
        yield box


@pytest.fixture
def put(emulator, box: LyingProxy) -> Iterator[Callable[..., http.client.HTTPResponse]]:
    """Writes a key through it, all on one connection, while this deed befalls the request."""
    host = box.url.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=10)

    def does(key: str, deed: str = "") -> http.client.HTTPResponse:
        box.draw = lambda: deed
        fields = {"ZoneId": ZONE, "Namespace": "ns", "Key": key, "Value": "x"}
        body = json.dumps(fields).encode()
        connection.request("POST", "/", body, signed(emulator, "EdgeKVPut", body, keys=KEYS))
        return connection.getresponse()

    yield does
    connection.close()


def read(answer: http.client.HTTPResponse) -> dict[str, Any]:
    """What the service says in it."""
    return json.loads(answer.read())["Response"]


def held(emulator) -> set[str]:
    """The keys that the service holds."""
    return emulator.pairs(ZONE, "ns").keys()


def test_it_passes_on(emulator, box: LyingProxy, put) -> None:
    """Where no deed is drawn, request and answer are as they were."""
    assert read(put("a")).keys() == {"RequestId"}
    assert (held(emulator), box.withheld, box.done.total()) == ({"a"}, 0, 0)


@pytest.mark.parametrize("deed", ["replayed", "replayed-instead"])
def test_it_replays(emulator, box: LyingProxy, put, deed) -> None:
    """An answer that was given before, with its RequestId; "instead" of asking the service."""
    first = read(put("a"))
    assert read(put("b", deed)) == first
    assert held(emulator) == ({"a", "b"} if deed == "replayed" else {"a"})
    assert (box.withheld, box.done[deed]) == (int(deed != "replayed"), 1)


@pytest.mark.parametrize("deed", ["twice", "twice-later"])
def test_it_answers_twice(emulator, box: LyingProxy, deed) -> None:
    """One request is answered by the same bytes two times."""
    box.draw = lambda: deed
    with socket.create_connection(_address(box), 10) as connection:
        connection.sendall(_asking_for(emulator, "a"))
        received = b""
        while received.count(b"}}") < 2:
            received += connection.recv(10_000)
    assert received == 2 * received[: len(received) // 2]


def test_it_gives_a_foreign_date(box: LyingProxy, put) -> None:
    """As many hours from the service's own as it was told."""
    box.shift = 5
    date = parsedate_to_datetime(put("a", "dated").headers["Date"]).timestamp()
    assert abs(date - time() - 5 * 3600) < 60


def test_it_hides_a_write(emulator, put) -> None:
    """A code that nobody knows, after the write; a refusal that is true, without one."""
    assert "Code" in read(put("a", "unknown-code"))["Error"]
    assert "Code" in read(put("b", REFUSED))["Error"]
    assert held(emulator) == {"a"}


@pytest.mark.slow
def test_it_answers_late(put) -> None:
    """After a while, and then as it was."""
    begun = monotonic()
    assert "RequestId" in read(put("a", "late"))
    assert monotonic() - begun > 0.4


@pytest.mark.parametrize("deed", CUTS)
def test_it_cuts(emulator, put, deed) -> None:
    """No whole answer comes; the write has reached the service, but for one cut before it."""
    with pytest.raises((OSError, http.client.HTTPException, json.JSONDecodeError)):
        read(put("a", deed))
    assert held(emulator) == (set() if deed == "cut-before" else {"a"})


def test_it_exchanges_answers(emulator, box: LyingProxy, monkeypatch) -> None:
    """Two requests at the same time get each other's."""
    monkeypatch.setattr("tests.lyingproxy._PARTNER_S", 10)
    box.draw = lambda: "exchanged"
    one, two = (socket.create_connection(_address(box), 10) for _ in range(2))
    with one, two:
        one.sendall(_asking_for(emulator, "a"))
        two.sendall(_asking_for(emulator, "b"))
        assert [_key_in(connection) for connection in (one, two)] == ["b", "a"]


def _address(box: LyingProxy) -> tuple[str, int]:
    return "127.0.0.1", int(box.url.rpartition(":")[2])


def _asking_for(emulator, key: str) -> bytes:
    body = json.dumps({"ZoneId": ZONE, "Namespace": "ns", "Keys": [key]}).encode()
    headers = signed(emulator, "EdgeKVGet", body, keys=KEYS) | {"Content-Length": str(len(body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST / HTTP/1.1\r\n{lines}\r\n".encode() + body


def _key_in(connection: socket.socket) -> str:
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    return read(answer)["Data"][0]["Key"]
