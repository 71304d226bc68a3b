"""The HTTP around the service, and the options."""

import json
import logging
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

from kvsync.emulator.options import EmulatorOptions
from kvsync.emulator.server import Emulator
from kvsync.emulator.service import MAX_BODY
from kvsync.model.errors import UsageError
from tests.emulator.raw import KEYS, ZONE, Clock, call, error_of, post, signed
from tests.servers import ServedEmulator

Serve: TypeAlias = Callable[..., ServedEmulator]


def _read(url: str) -> tuple[int, str, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["Content-Type"], error.read().decode()


def test_the_front_page_tells_the_uuid(emulator: ServedEmulator) -> None:
    """GET / identifies an emulator, in plain text."""
    status, kind, text = _read(emulator.url)
    assert (status, text) == (200, f"kvsync emulator {emulator.uuid}\n")
    assert kind.startswith("text/plain")


def test_an_answer_is_exactly_of_type_json_and_has_an_id(serve_emulator: Serve) -> None:
    """Content-Type without a charset, Date by the service's clock, a new RequestId each time."""
    clock = Clock(2_000_000_000)
    server = serve_emulator(clock=clock)
    body = json.dumps({"ZoneId": ZONE, "Namespace": "ns"}).encode()
    replies = [
        post(server, body, signed(server, "EdgeKVList", body, at=clock.now)) for _ in range(2)
    ]
    assert {reply.headers["Content-Type"] for reply in replies} == {"application/json"}
    assert {reply.headers["Date"] for reply in replies} == {"Wed, 18 May 2033 03:33:20 GMT"}
    ids = {json.loads(reply.body)["Response"]["RequestId"] for reply in replies}
    assert len(ids) == 2


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/other", 404),
        ("POST", "/other", 404),
        ("PUT", "/", 405),
        ("HEAD", "/", 405),
        ("POST", "/_emulator/stats", 405),
    ],
)
def test_other_doors_are_closed(
    emulator: ServedEmulator, method: str, path: str, status: int
) -> None:
    """Only POST and GET on /, and GET of the statistics, lead anywhere."""
    request = urllib.request.Request(emulator.url + path, method=method, data=None)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=10)
    caught.value.close()
    assert caught.value.code == status


def test_statistics_count_requests_and_show_no_value(emulator: ServedEmulator) -> None:
    """Arrivals are told in order, with their monotonic time; unknown actions are lumped."""
    before = time.monotonic()
    call(emulator, "EdgeKVPut", Key="k-secret", Value="v-secret")
    call(emulator, "Secret")
    stats = emulator.stats()
    assert stats["requests"] == {"EdgeKVPut": 1, "unknown": 1}
    assert [tuple(one) for one in stats["arrivals"]] == emulator.arrivals
    assert [action for _, action in emulator.arrivals] == ["EdgeKVPut", "unknown"]
    moments = [moment for moment, _ in emulator.arrivals]
    assert before <= moments[0] <= moments[1] <= time.monotonic()
    assert "ecret" not in json.dumps(stats)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_ten_megabytes_is_refused(emulator: ServedEmulator, chunked: bool) -> None:
    """By its announced length, or else once too much has come."""
    body = b" " * (MAX_BODY + 1)
    headers = signed(emulator, "EdgeKVPut", body)
    if chunked:
        headers["Transfer-Encoding"] = "chunked"
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    reply = post(emulator, body, headers)
    assert error_of(json.loads(reply.body)["Response"]) == "RequestSizeLimitExceeded"


def test_a_client_that_leaves_in_mid_body_does_no_harm(
    emulator: ServedEmulator, caplog: pytest.LogCaptureFixture
) -> None:
    """Half a request writes nothing, and nothing is logged as an error."""
    host, port = emulator.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        while not emulator.arrivals:
            pass
    assert error_of(call(emulator, "EdgeKVList")) == ""
    assert [one for one in caplog.records if one.levelno >= logging.WARNING] == []


def test_latency_delays_the_answer_and_not_the_write(serve_emulator: Serve) -> None:
    """The answer takes as long as was asked for; requests beside it do not wait for it."""
    server = serve_emulator(latency=0.05)
    started = time.monotonic()
    call(server, "EdgeKVPut", Key="k", Value="v")
    assert time.monotonic() - started >= 0.05
    _read(server.url)


def test_an_ipv6_host_is_bracketed(serve_emulator: Serve) -> None:
    """The URL of an emulator on ::1 can be used as it stands."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    server = serve_emulator(host="::1")
    assert server.url.startswith("http://[::1]:")
    assert _read(server.url)[0] == 200


def test_a_taken_port_says_to_choose_another(serve_emulator: Serve) -> None:
    """The message names host, port and the option."""
    port = int(serve_emulator().url.rpartition(":")[2])
    with pytest.raises(UsageError, match=f"127.0.0.1, port {port}: .*choose another --port"):
        serve_emulator(port=port)


async def test_it_runs_inside_the_current_event_loop() -> None:
    """The context is all it takes; afterwards nobody listens."""
    async with Emulator(EmulatorOptions()) as emulator:
        port = int(emulator.url.rpartition(":")[2])
        emulator.put("zone", "default", "k", "v", 4_000_000_000)
        assert emulator.pairs("zone", "default") == {"k": ("v", 4_000_000_000)}
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port)).close()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rate": -1.0}, "rate"),
        ({"rate": float("nan")}, "rate"),
        ({"rate": float("inf")}, "rate: give a finite number"),
        ({"latency": -0.1}, "latency"),
        ({"latency": float("nan")}, "latency"),
        ({"latency": float("inf")}, "latency: give a finite number"),
        ({"lag": -0.1}, "lag"),
        ({"lag": float("nan")}, "lag"),
        ({"lag": float("inf")}, "lag: give a finite number"),
        ({"jitter": -1}, "jitter: give a finite number"),
        ({"jitter": float("inf")}, "jitter: give a finite number"),
        ({"fault": float("nan")}, "fault"),
        ({"fault": float("inf")}, "fault"),
        ({"fault": 1.5}, "fault: give a share from 0 to 1"),
        ({"faults": frozenset({"fire"})}, "fire is unknown; there are 429, 502"),
        ({"namespaces": ("a_b",)}, "namespace 'a_b': the service allows"),
    ],
)
def test_an_option_out_of_range_says_what_is_in_it(options: dict[str, Any], message: str) -> None:
    """Options are refused before anything is opened."""
    with pytest.raises(UsageError, match=message):
        EmulatorOptions(**options)


def test_a_credential_is_not_shown() -> None:
    """What options print as has neither half of the pair."""
    shown = repr(EmulatorOptions(credential=KEYS[:2]))
    assert KEYS.secret_key not in shown
    assert KEYS.secret_id not in shown
