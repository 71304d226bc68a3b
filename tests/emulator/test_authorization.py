"""Who is let in."""

import json
from collections.abc import Callable
from typing import TypeAlias

import pytest

from kvsync.edgekv.signing import credential_date
from tests.emulator.raw import KEYS, ZONE, Clock, Pair, call, error_of, post, signed
from tests.servers import ServedEmulator

Serve: TypeAlias = Callable[..., ServedEmulator]

BODY = json.dumps({"ZoneId": ZONE, "Namespace": "ns"}).encode()
INVALID = "AuthFailure.InvalidAuthorization"


def _code(server: ServedEmulator, headers: dict[str, str], body: bytes = BODY) -> str:
    reply = post(server, body, headers)
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "application/json"
    return error_of(json.loads(reply.body)["Response"])


@pytest.mark.parametrize(
    ("found", "replacement"),
    [
        ("TC3-HMAC-SHA256", "TC3-HMAC-SHA1"),
        ("/teo/", "/cvm/"),
        ("/tc3_request", "/tc4_request"),
        ("content-type;host", "host"),
        ("Signature=", "Signature=x"),
        ("AKIDexample", ""),
    ],
)
def test_an_authorization_of_another_form_is_refused(
    emulator: ServedEmulator, found: str, replacement: str
) -> None:
    """Algorithm, scope, signed headers and signature are checked for any key pair."""
    headers = signed(emulator, "EdgeKVList", BODY)
    assert found in headers["Authorization"]
    headers["Authorization"] = headers["Authorization"].replace(found, replacement)
    assert _code(emulator, headers) == INVALID


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("Authorization", "", INVALID),
        ("X-TC-Timestamp", "", INVALID),
        ("X-TC-Timestamp", "yesterday", INVALID),
        ("Content-Type", "", INVALID),
        ("Content-Type", "text/plain", "UnsupportedProtocol"),
        ("X-TC-Action", "", "InvalidAction"),
        ("X-TC-Action", "EdgeKVPatch", "InvalidAction"),
        ("X-TC-Version", "", "NoSuchVersion"),
        ("X-TC-Version", "2019-01-01", "NoSuchVersion"),
    ],
)
def test_a_header_that_is_missing_or_wrong_is_named(
    emulator: ServedEmulator, name: str, value: str, code: str
) -> None:
    """Each header that the API needs is refused with a code of its own kind."""
    headers = {**signed(emulator, "EdgeKVList", BODY), name: value}
    assert _code(emulator, headers) == code


def test_the_date_must_be_the_timestamps(emulator: ServedEmulator) -> None:
    """The date in the scope is the UTC date of X-TC-Timestamp, whatever the local one is."""
    headers = signed(emulator, "EdgeKVList", BODY)
    today = credential_date(int(headers["X-TC-Timestamp"]))
    headers["Authorization"] = headers["Authorization"].replace(today, "2001-01-01")
    assert _code(emulator, headers) == INVALID


@pytest.mark.parametrize(
    ("offset", "code"),
    [(0, ""), (300, ""), (-300, ""), (301, "EXPIRED"), (-301, "EXPIRED"), (3600, "EXPIRED")],
)
def test_the_clock_may_be_off_by_five_minutes(
    serve_emulator: Serve, offset: int, code: str
) -> None:
    """300 seconds either way pass; one more does not, and Date tells the service's time."""
    clock = Clock(2_000_000_000)
    server = serve_emulator(clock=clock)
    headers = signed(server, "EdgeKVList", BODY, at=clock.now + offset)
    reply = post(server, BODY, headers)
    expected = code and "AuthFailure.SignatureExpire"
    assert error_of(json.loads(reply.body)["Response"]) == expected
    assert reply.headers["Date"] == "Wed, 18 May 2033 03:33:20 GMT"


def test_every_byte_of_the_body_is_signed(serve_emulator: Serve) -> None:
    """A body changed on its way fails the HMAC; the same body passes."""
    server = serve_emulator(credential=KEYS[:2])
    headers = signed(server, "EdgeKVList", BODY)
    assert _code(server, headers) == ""
    assert _code(server, headers, BODY + b" ") == "AuthFailure.SignatureFailure"


def test_more_signed_headers_than_two_cannot_be_verified(serve_emulator: Serve) -> None:
    """The HMAC is checked over content-type;host only, and the message says so."""
    server = serve_emulator(credential=KEYS[:2])
    headers = signed(server, "EdgeKVList", BODY)
    wider = headers["Authorization"].replace("content-type;host", "content-type;host;x-tc-action")
    reply = post(server, BODY, {**headers, "Authorization": wider})
    error = json.loads(reply.body)["Response"]["Error"]
    assert error["Code"] == "AuthFailure.SignatureFailure"
    assert "content-type;host only" in error["Message"]


def test_a_session_token_passes(serve_emulator: Serve) -> None:
    """Temporary credentials are let in like permanent ones."""
    server = serve_emulator(credential=KEYS[:2])
    keys = Pair(*KEYS[:2], token="session")
    assert _code(server, signed(server, "EdgeKVList", BODY, keys=keys)) == ""


def test_a_refusal_repeats_no_secret(serve_emulator: Serve) -> None:
    """Neither the secret that was used nor the one that was expected is in an answer."""
    server = serve_emulator(credential=("known-id", "known-secret"))
    for keys in (KEYS, Pair("known-id", "wrong-secret")):
        reply = post(server, BODY, signed(server, "EdgeKVList", BODY, keys=keys))
        assert error_of(json.loads(reply.body)["Response"]).startswith("AuthFailure.")
        assert b"secret-of" not in reply.body
        assert b"-secret" not in reply.body


def test_a_refused_request_writes_nothing(serve_emulator: Serve) -> None:
    """A put with a wrong secret leaves no pair behind."""
    server = serve_emulator(credential=("known-id", "known-secret"))
    assert error_of(call(server, "EdgeKVPut", Key="k", Value="v")) == (
        "AuthFailure.SecretIdNotFound"
    )
    assert server.pairs(ZONE, "ns") == {}
