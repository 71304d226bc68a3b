"""The service's codes, and what its libraries raise, as kvsync's own errors."""

import errno
import inspect
import ssl
from collections.abc import Iterator
from typing import Any
from unittest.mock import Mock

import aiohttp
import pytest
from aiohttp import client_exceptions
from aiohttp.client_reqrep import ConnectionKey

from kvsync.edgekv.endpoint import INTL, MAINLAND
from kvsync.edgekv.translate import FOREIGN, Scene, error_from, error_from_exception
from kvsync.model.errors import (
    ClockError,
    FatalError,
    PassingError,
    RejectedError,
    ServiceError,
    ThrottledError,
)

SCENE = Scene(INTL, "zone-1", "ns-1", "hunter2-value")
KEY = ConnectionKey("example.com", 443, True, True, None, None, None)


@pytest.mark.parametrize(
    ("code", "kind", "in_doubt"),
    [
        ("RequestLimitExceeded", ThrottledError, False),
        ("RequestLimitExceeded.UinLimitExceeded", ThrottledError, False),
        ("InternalError", PassingError, True),
        ("InternalError.Backend.Shard", PassingError, True),
        ("FailedOperation", PassingError, True),
        ("FailedOperation.Other", PassingError, True),
        ("FailedOperation.InvalidZoneStatus", FatalError, False),
        ("FailedOperation.ProductNotActivated", FatalError, False),
        ("AuthFailure", FatalError, False),
        ("AuthFailure.SignatureFailure", FatalError, False),
        ("AuthFailure.SignatureExpire", ClockError, False),
        ("UnauthorizedOperation.CamNoAuth", FatalError, False),
        ("ResourceUnavailable.NamespaceNotFound", FatalError, False),
        ("ResourceUnavailable", RejectedError, True),
        ("ResourceUnavailable.Other", RejectedError, True),
        ("ResourceInUse.Zone", RejectedError, True),
        ("ResourceNotFound", FatalError, False),
        ("InvalidParameter", RejectedError, False),
        ("InvalidParameter.ZoneNotFound", FatalError, False),
        ("InvalidParameterValue.ZonePaused", FatalError, False),
        ("InvalidParameterValue", RejectedError, False),
        ("LimitExceeded", RejectedError, False),
        ("LimitExceeded.DailyQuota", FatalError, False),
        ("LimitExceeded.RateLimitExceeded", ThrottledError, False),
        ("LimitExceeded.RateLimitExceeded.Zone", ThrottledError, False),
        ("LimitExceeded.NamespaceLimitExceeded", FatalError, False),
        ("InvalidParameter.BadNamespaceName", FatalError, False),
        ("InvalidParameter.NamespaceInUse", FatalError, False),
        ("ResourceLockedTemporary", PassingError, True),
        ("OperationDenied.PlanHasBeenExpired", FatalError, False),
        ("OperationDenied.PlanHasBeenIsolated.Long", FatalError, False),
        ("MissingParameter", RejectedError, False),
        ("UnknownParameter", RejectedError, False),
        ("ResourceInsufficient", RejectedError, False),
        ("UnsupportedOperation", RejectedError, False),
        ("OperationDenied.ZoneNotActive", FatalError, False),
        ("OperationDenied", RejectedError, False),
        ("NobodyKnows.This", RejectedError, True),
        ("InternalErrorButLonger", RejectedError, True),
        ("invalidparameter", RejectedError, True),
        ("", RejectedError, True),
    ],
)
def test_a_code_decides_the_kind(code: str, kind: type[ServiceError], in_doubt: bool) -> None:
    """The longest known beginning of a code, dot by dot, decides; the unknown reject one key, which
    they leave in doubt."""
    error = error_from(code, "words", "r-1", scene=SCENE)
    assert type(error) is kind
    assert (error.code, error.request_id, error.in_doubt) == (code, "r-1", in_doubt)
    assert error.message.startswith("words")


def test_a_clock_error_carries_the_services_time() -> None:
    """From SignatureExpire the caller learns the time of the answer."""
    error = error_from("AuthFailure.SignatureExpire", "old", service_time=17.0)
    assert isinstance(error, ClockError)
    assert error.service_time == 17.0
    assert "set this machine's clock" in error.message


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("ResourceUnavailable.NamespaceNotFound", ["'ns-1'", "'zone-1'", "--namespace"]),
        ("InvalidParameter.ZoneNotFound", ["'zone-1'", "--zone"]),
        ("OperationDenied.ZoneNotActive", ["'zone-1'"]),
        ("AuthFailure.SecretIdNotFound", [f"--endpoint {MAINLAND}", "secret id"]),
        ("AuthFailure.SignatureFailure", ["secret key"]),
        ("AuthFailure.TokenFailure", ["session token"]),
        ("AuthFailure.SomethingNew", ["check the credentials"]),
        ("UnauthorizedOperation", ["CAM"]),
    ],
)
def test_a_fatal_message_says_what_to_do(code: str, words: list[str]) -> None:
    """The service's words are followed by what to check, and where."""
    message = error_from(code, "The words.", scene=SCENE).message
    assert message.startswith("The words; ")
    for word in words:
        assert word in message


def test_the_mainland_is_no_advice_elsewhere() -> None:
    """An account that is unknown at another endpoint is not sent to the mainland site."""
    scene = SCENE._replace(endpoint="https://example.com")
    assert MAINLAND not in error_from("AuthFailure.SecretIdNotFound", "no", scene=scene).message


def test_a_message_is_fit_for_a_terminal() -> None:
    """Control characters are escaped, endless words cut, and no words are no colon."""
    assert error_from("X", "a\x1b[31m\nb").message == "a\\x1b[31m\\x0ab"
    assert len(error_from("X", "y" * 10_000).message) == 501
    assert str(error_from("X", "")) == "X"


def response_error(kind: type[Exception]) -> Exception:
    """One of aiohttp's errors that hold the request, headers and all."""
    info = Mock(real_url="https://example.com", headers={"Authorization": "hunter2"})
    return kind(info, (), status=407, message="hunter2", headers=None)  # type: ignore[call-arg]


def defined() -> list[Any]:
    """All exceptions of aiohttp's client, exported or not."""
    return [
        kind
        for _, kind in inspect.getmembers(client_exceptions, inspect.isclass)
        if issubclass(kind, Exception) and kind.__module__ == client_exceptions.__name__
    ]


def samples() -> Iterator[Exception]:
    """One of each exception that aiohttp's client defines."""
    refused = ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
    for kind in defined():
        if issubclass(kind, client_exceptions.UnixClientConnectorError):
            yield kind("/socket", KEY, refused)
        elif issubclass(kind, aiohttp.ClientResponseError):
            yield response_error(kind)
        elif issubclass(kind, aiohttp.ClientConnectorCertificateError):
            yield kind(KEY, ssl.SSLCertVerificationError(1, "self-signed"))
        elif issubclass(kind, aiohttp.ClientConnectorError):
            yield kind(KEY, refused)
        elif issubclass(kind, aiohttp.ServerFingerprintMismatch):
            yield kind(b"", b"", "example.com", 443)
        elif issubclass(kind, aiohttp.InvalidURL):
            yield kind("https://example.com")
        else:
            yield kind()


def test_none_of_aiohttps_exceptions_is_left_out() -> None:
    """Every exception that aiohttp's client defines is caught at the seam, and translated."""
    seen = set()
    for sample in samples():
        seen.add(type(sample))
        assert isinstance(sample, FOREIGN)
        error = error_from_exception(sample, SCENE)
        assert isinstance(error, PassingError | FatalError)
        assert error.code in {"Timeout", "ConnectionError", "CertificateError", "BadAnswer"}
        assert "hunter2" not in str(error)
    assert seen == set(defined())
    assert len(seen) > 25


REFUSED = ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
CERTIFICATE = ssl.SSLCertVerificationError(1, "self-signed")


@pytest.mark.parametrize(
    ("foreign", "code", "in_doubt", "words"),
    [
        (
            aiohttp.ClientConnectorError(KEY, REFUSED),
            "ConnectionError",
            False,
            "(Connection refused): check --endpoint",
        ),
        (
            aiohttp.ClientConnectorError(KEY, OSError()),
            "ConnectionError",
            False,
            "(OSError)",
        ),
        (
            aiohttp.ClientConnectorDNSError(KEY, OSError(-2, "unknown")),
            "ConnectionError",
            False,
            "was not found: check --endpoint and this machine's DNS",
        ),
        (
            aiohttp.ClientProxyConnectionError(KEY, REFUSED),
            "ConnectionError",
            False,
            "(Connection refused)",
        ),
        (
            aiohttp.ClientConnectorCertificateError(KEY, CERTIFICATE),
            "CertificateError",
            False,
            "not trusted: check",
        ),
        (
            aiohttp.ServerFingerprintMismatch(b"", b"", "example.com", 443),
            "CertificateError",
            False,
            "--ca-file",
        ),
        (
            aiohttp.ClientConnectorSSLError(KEY, ssl.SSLError(1, "bad")),
            "ConnectionError",
            False,
            "TLS with teo.intl",
        ),
        (aiohttp.ConnectionTimeoutError(), "Timeout", False, "no connection"),
        (aiohttp.SocketTimeoutError(), "Timeout", True, "no answer"),
        (TimeoutError(), "Timeout", True, "--timeout"),
        (aiohttp.ServerDisconnectedError(), "ConnectionError", True, "was cut"),
        (aiohttp.ClientOSError(errno.EPIPE, "pipe"), "ConnectionError", True, "was cut"),
        (ConnectionResetError(), "ConnectionError", True, "was cut"),
        (ssl.SSLError(1, "bad record"), "ConnectionError", True, "TLS"),
        (aiohttp.ClientPayloadError("x"), "BadAnswer", True, "cut off or broken"),
        (aiohttp.UploadAbortedError(), "ConnectionError", True, "was cut"),
        (aiohttp.InvalidURL("x"), "ConnectionError", False, "check --endpoint"),
        (response_error(aiohttp.ClientHttpProxyError), "BadAnswer", False, "cut off or broken"),
        (response_error(aiohttp.ClientResponseError), "BadAnswer", True, "cut off or broken"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_doubt_begins_when_something_was_sent(
    foreign: Exception, code: str, in_doubt: bool, words: str
) -> None:
    """Before the request a failure is certain, later the outcome is open; all name the host."""
    error = error_from_exception(foreign, SCENE)
    assert (error.code, error.in_doubt) == (code, in_doubt)
    assert words in error.message
    assert "teo.intl.tencentcloudapi.com" in error.message
