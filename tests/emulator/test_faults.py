"""Faults: each looks on the wire as it does in life, and does or does not carry the request out."""

import http.client
import json
import socket
import threading
from collections.abc import Callable
from contextlib import closing
from typing import TypeAlias
from urllib.parse import urlsplit

import pytest

from kvsync.emulator.faults import Faults
from kvsync.emulator.options import DEFAULT_FAULTS, EmulatorOptions
from tests.emulator.raw import ZONE, error_of, post, signed
from tests.servers import ServedEmulator

Serve: TypeAlias = Callable[..., ServedEmulator]

PUT = json.dumps({"ZoneId": ZONE, "Namespace": "ns", "Key": "k", "Value": "v"}).encode()
WRITTEN = {"k": ("v", 0)}


@pytest.fixture
def failing(serve_emulator: Serve) -> Callable[[str], ServedEmulator]:
    """An emulator where every request meets one fault."""
    return lambda fault: serve_emulator(fault=1.0, faults=frozenset({fault}), seed=1)


def _put(server: ServedEmulator) -> tuple[int, bytes]:
    reply = post(server, PUT, signed(server, "EdgeKVPut", PUT))
    return reply.status, reply.body


def test_an_internal_error_is_an_answer_and_writes_nothing(
    failing: Callable[[str], ServedEmulator],
) -> None:
    """HTTP 200 with the code InternalError; the pair is not there."""
    server = failing("InternalError")
    status, body = _put(server)
    assert (status, error_of(json.loads(body)["Response"])) == (200, "InternalError")
    assert server.pairs(ZONE, "ns") == {}
    assert server.stats()["faults"] == {"InternalError": 1}


def test_a_refusal_for_the_pace_is_an_answer_and_writes_nothing(
    failing: Callable[[str], ServedEmulator],
) -> None:
    """RequestLimitExceeded as the service itself says it, whatever the pace was."""
    server = failing("RequestLimitExceeded")
    status, body = _put(server)
    assert (status, error_of(json.loads(body)["Response"])) == (200, "RequestLimitExceeded")
    assert (server.pairs(ZONE, "ns"), server.stats()["refused"]) == ({}, {})


def test_a_body_that_is_no_json_says_nothing_and_is_written(
    failing: Callable[[str], ServedEmulator],
) -> None:
    """Status and type are those of a success; the pair is there."""
    server = failing("not-json")
    reply = post(server, PUT, signed(server, "EdgeKVPut", PUT))
    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/json")
    with pytest.raises(ValueError, match="Expecting value"):
        json.loads(reply.body)
    assert server.pairs(ZONE, "ns") == WRITTEN


@pytest.mark.parametrize("status", [502, 429])
def test_a_gateway_answers_in_html_and_writes_nothing(
    failing: Callable[[str], ServedEmulator], status: int
) -> None:
    """502 and 429 come as a page, as from a gateway in between."""
    server = failing(str(status))
    reply = post(server, PUT, signed(server, "EdgeKVPut", PUT))
    assert reply.status == status
    assert reply.headers["Content-Type"].startswith("text/html")
    assert b"<html>" in reply.body
    assert server.pairs(ZONE, "ns") == {}


@pytest.mark.parametrize(("fault", "left"), [("reset-before", {}), ("reset-after", WRITTEN)])
def test_a_reset_cuts_the_connection_before_or_after_the_write(
    failing: Callable[[str], ServedEmulator], fault: str, left: dict[str, tuple[str, int]]
) -> None:
    """The client reads a reset, no answer; whether the pair is there is what tells them apart."""
    server = failing(fault)
    with pytest.raises(ConnectionResetError):
        _put(server)
    assert server.pairs(ZONE, "ns") == left


def test_a_cut_off_body_ends_before_its_length_and_is_written(
    failing: Callable[[str], ServedEmulator],
) -> None:
    """The head announces more than what comes; the pair is there."""
    server = failing("cut-off")
    with pytest.raises(http.client.IncompleteRead) as caught:
        _put(server)
    assert caught.value.partial.startswith(b'{"Response":')
    assert server.pairs(ZONE, "ns") == WRITTEN


def test_a_trickle_is_the_whole_answer_piece_by_piece(
    failing: Callable[[str], ServedEmulator], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However slow it is, what comes is what would have come, and the pair is there."""
    monkeypatch.setattr("kvsync.emulator.faults._BETWEEN_PIECES_S", 0)
    server = failing("trickle")
    status, body = _put(server)
    assert (status, error_of(json.loads(body)["Response"])) == (200, "")
    assert server.pairs(ZONE, "ns") == WRITTEN


def test_a_trickle_begins_at_once(failing: Callable[[str], ServedEmulator]) -> None:
    """A client that waits for the first bytes alone gets them, and no more yet."""
    server = failing("trickle")
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=10)
    with closing(connection):
        connection.request("POST", "/", body=PUT, headers=signed(server, "EdgeKVPut", PUT))
        answer = connection.getresponse()
        begun = answer.read1()
        assert answer.length
        assert b'{"Response":'.startswith(begun)


def test_a_hang_lasts_until_the_server_closes(serve_emulator: Serve) -> None:
    """No answer comes, and closing the server ends the wait; some hung requests were carried
    out and some were not.
    """
    options = EmulatorOptions(
        namespaces=("ns",), rate=0, fault=1.0, faults=frozenset({"hang"}), seed=1
    )
    ended: list[type[BaseException]] = []

    def hang() -> None:
        try:
            _put(server)
        except OSError as error:
            ended.append(error)

    with ServedEmulator(options) as server:
        hanging = threading.Thread(target=hang)
        hanging.start()
        while not server.arrivals:
            pass
        assert hanging.is_alive()
    hanging.join(timeout=10)
    # With or without a first packet: either is a reset.
    assert [isinstance(error, ConnectionResetError) for error in ended] == [True]


def test_a_client_that_gives_up_on_a_hang_is_let_go(
    failing: Callable[[str], ServedEmulator],
) -> None:
    """After a client's time-out the server goes on, and answers what never fails."""
    server = failing("hang")
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=0.05) as connection:
        headers = "".join(f"{k}: {v}\r\n" for k, v in signed(server, "EdgeKVPut", PUT).items())
        head = f"POST / HTTP/1.1\r\n{headers}Content-Length: {len(PUT)}\r\n\r\n"
        connection.sendall(head.encode() + PUT)
        with pytest.raises(TimeoutError):
            connection.recv(1)
    assert server.stats()["requests"] == {"EdgeKVPut": 1}


def test_the_share_of_failures_is_the_one_asked_for() -> None:
    """Of 10,000 requests with a share of a fifth, a fifth fails, evenly in all default ways."""
    faults = Faults(EmulatorOptions(fault=0.2, seed=7))
    drawn = [faults.draw() for _ in range(10_000)]
    counts = {kind: drawn.count(kind) for kind in DEFAULT_FAULTS}
    assert len(drawn) - drawn.count("") == sum(counts.values())
    assert 1850 < sum(counts.values()) < 2150
    assert all(220 < count < 360 for count in counts.values()), counts


@pytest.mark.parametrize("kind", ["429", "RequestLimitExceeded", "trickle"])
def test_what_is_slow_is_asked_for_by_name_only(kind: str) -> None:
    """By default nothing is slow: `rate` refuses on its own. Whoever wants these names them."""
    assert kind not in EmulatorOptions().faults
    chosen = EmulatorOptions(fault=1.0, faults=frozenset({kind}))
    assert Faults(chosen).draw() == kind


def test_the_same_seed_fails_the_same() -> None:
    """Two emulators with one seed draw the same faults; another seed draws others."""

    def drawn(seed: int) -> list[str]:
        faults = Faults(EmulatorOptions(fault=0.5, seed=seed))
        return [faults.draw() for _ in range(100)]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_a_hung_request_is_carried_out_or_not_at_random() -> None:
    """Nobody can tell from a hang whether the write was done."""
    faults = Faults(EmulatorOptions(seed=3))
    assert {faults.is_carried_out("hang") for _ in range(50)} == {True, False}


def test_without_kinds_nothing_fails() -> None:
    """A share with no way to fail is no fault."""
    assert Faults(EmulatorOptions(fault=1.0, faults=frozenset())).draw() == ""
