"""From the service's codes, and from what its libraries raise, to kvsync's own errors.

Source of the codes: EdgeKVPut and the common error codes of the API,
https://www.tencentcloud.com/document/api/1145/42650, and ``errorcodes`` of the vendor's package.
"""

import asyncio
import errno
import json
import re
import ssl
from collections.abc import Collection, Mapping
from typing import NamedTuple, TypeVar

import aiohttp

from kvsync.edgekv.endpoint import INTL, MAINLAND
from kvsync.edgekv.options import Proxy, error_on_the_way
from kvsync.model.errors import (
    ClockError,
    FatalError,
    PassingError,
    RejectedError,
    ServiceError,
    ThrottledError,
)
from kvsync.model.machine import lack
from kvsync.model.text import printable

_TELLING = 8
"""Characters of a value that tell something of it."""
_SHORT = 4
"""A value with fewer stands in many words; it counts only where it stands for itself."""
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


def repeats(message: str, value: str) -> bool:
    """Return whether a part of the value that tells something of it stands in the message.

    The message should be short: each place in it is looked for in the whole value.
    """
    if not value:
        return False
    readings = {message, _unescaped(message)}
    if len(value) < _SHORT:
        token = re.compile(rf"(?<!\w){re.escape(value)}(?!\w)")
        return any(token.search(reading) for reading in readings)
    width = min(_TELLING, len(value))
    windows = {r[at : at + width] for r in readings for at in range(len(r) - width + 1)}
    return any(window in form for form in _forms(value, message) for window in windows)


def _forms(value: str, message: str) -> Collection[str]:
    if "\\" not in message:
        return {value}
    # A part that begins within an escape is read wrongly: it is found as it is.
    return {value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}


def _unescaped(message: str) -> str:
    plain = _ESCAPE.sub(_character, message)
    # JSON writes a character beyond U+FFFF as two, which become one here.
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _character(escape: re.Match[str]) -> str:
    code, char = escape.groups()
    return chr(int(code, 16)) if code else _CONTROLS.get(char, char)


FOREIGN = (aiohttp.ClientError, aiohttp.WSMessageTypeError, OSError, asyncio.TimeoutError)
"""What the network's libraries raise; `ssl.SSLError` and DNS failures are `OSError` too."""

_FATAL = (
    "AuthFailure",
    "UnauthorizedOperation",
    "ResourceUnavailable.NamespaceNotFound",
    "ResourceNotFound",
    "InvalidAction",
    "NoSuchVersion",
    "UnsupportedRegion",
    "ActionOffline",
    "IpInBlacklist",
    "IpNotInWhitelist",
    "InvalidParameter.ZoneNotFound",
    "InvalidParameterValue.ZoneNotFound",
    "InvalidParameterValue.ZonePaused",
    "ResourceUnavailable.ZoneNotFound",
    "OperationDenied.ZoneNotActive",
    "FailedOperation.InvalidZoneStatus",
    "FailedOperation.ProductNotActivated",
    "FailedOperation.InsufficientAccountBalance",
    "OperationDenied.PlanHasBeenExpired",
    "OperationDenied.PlanHasBeenIsolated",
    "LimitExceeded.DailyQuota",
    "LimitExceeded.NamespaceLimitExceeded",
    "InvalidParameter.BadNamespaceName",
    "InvalidParameter.NamespaceInUse",
)
_REJECTED = (
    "InvalidParameter",
    "InvalidParameterValue",
    "MissingParameter",
    "UnknownParameter",
    "LimitExceeded",
    "ResourceInsufficient",
    "OperationDenied",
    "UnsupportedOperation",
)
_KINDS: dict[str, type[ServiceError]] = {
    "RequestLimitExceeded": ThrottledError,
    "LimitExceeded.RateLimitExceeded": ThrottledError,
    "InternalError": PassingError,
    "ResourceLockedTemporary": PassingError,
    "FailedOperation": PassingError,
    "AuthFailure.SignatureExpire": ClockError,
    **dict.fromkeys(_FATAL, FatalError),
    **dict.fromkeys(_REJECTED, RejectedError),
}
_ADVICE = {
    "AuthFailure.SignatureFailure": "the secret key does not fit the secret id: check both",
    "AuthFailure.SignatureExpire": "set this machine's clock",
    "AuthFailure.TokenFailure": "the session token is wrong or has expired: log in again",
    "AuthFailure.SecretIdNotFound": "check the secret id",
    "AuthFailure.InvalidSecretId": "check the secret id",
    "AuthFailure": "check the credentials",
    "AuthFailure.UnauthorizedOperation": "let this account use EdgeOne (teo) on the zone, in CAM",
    "UnauthorizedOperation": "let this account use EdgeOne (teo) on the zone, in CAM",
    "RequestLimitExceeded": "all that signs as this sub-account, the console and tccli too, draws"
    " on the same 20 a second: give kvsync a user of its own, or a lower --rate",
    "OperationDenied.PlanHasBeenExpired": "renew the zone's plan",
    "OperationDenied.PlanHasBeenIsolated": "renew the zone's plan",
}
_NOT_SENT = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientHttpProxyError,
    aiohttp.ServerFingerprintMismatch,
    aiohttp.InvalidURL,
    aiohttp.NonHttpUrlClientError,
)
_UNTRUSTED = (aiohttp.ClientConnectorCertificateError, aiohttp.ServerFingerprintMismatch)
"""The server is not the one that it should be: no other try helps, and each is a risk."""
_CODE = re.compile(r"[A-Za-z0-9_.]{1,100}", re.ASCII)
_LONGEST_MESSAGE = 500
_BEYOND = 64
"""Characters after the cut that show whether what stands before it begins a value."""

T = TypeVar("T")
D = TypeVar("D")


class Scene(NamedTuple):
    """The subject of a request, for messages.

    No message may repeat ``hidden``, the value, or ``token``, that of the credentials.
    """

    endpoint: str = ""
    zone: str = ""
    namespace: str = ""
    hidden: str = ""
    token: str = ""


def error_from(
    code: str,
    message: str,
    request_id: str = "",
    *,
    scene: Scene = Scene(),  # noqa: B008 - frozen
    service_time: float | None = None,
) -> ServiceError:
    """Return the error for a code of the service; the longest known beginning of the code decides.

    ``service_time`` is the answer's ``Date`` in Unix seconds. A code that no one knows rejects
    this request alone, and leaves it in doubt: what it means may have come after the write.
    """
    if code and not _CODE.fullmatch(code):
        # It is told, counted and compared wherever it comes to.
        code = "UnknownCode"
    known: type[ServiceError] | None = _longest(_KINDS, code, None)
    kind = known or RejectedError
    words = [_harmless(message, scene), _advice(code, scene)]
    text = "; ".join(part.rstrip(". ") for part in words if part.rstrip(". "))
    if kind is ClockError:
        return ClockError(code, text, request_id, service_time=service_time)
    return kind(code, text, request_id, in_doubt=known is None or kind is PassingError)


def error_from_exception(
    error: BaseException, scene: Scene, *, sent: bool = True, proxy: Proxy | None = None
) -> ServiceError:
    """Return the error for one of `FOREIGN`: a connection that failed before, at or after the
    request.

    In doubt unless it is certain that nothing was ``sent``. ``proxy``: the one on whose way it
    failed, before the request.
    """
    in_doubt = sent and not proxy and not isinstance(error, _NOT_SENT)
    host = scene.endpoint.partition("://")[2]
    if proxy:
        if told := error_on_the_way(proxy, error, host):
            return told
        host = f"{host} behind {proxy}"
    if isinstance(error, _UNTRUSTED):
        return FatalError("CertificateError", _certificate_words(error, host))
    if isinstance(error, aiohttp.ClientResponseError | aiohttp.ClientPayloadError):
        return bad_answer(f"the answer of {host} is cut off or broken", in_doubt=in_doubt)
    if isinstance(error, TimeoutError):
        what = "no answer" if in_doubt else "no connection"
        text = f"{what} from {host} in time: check the network, or give more --timeout"
        return PassingError("Timeout", text, in_doubt=in_doubt)
    return PassingError("ConnectionError", _connection_words(error, host), in_doubt=in_doubt)


def bad_answer(message: str, request_id: str = "", *, in_doubt: bool = True) -> PassingError:
    """Return the error for an answer that cannot be read: the request may have been carried out."""
    return PassingError("BadAnswer", message, request_id, in_doubt=in_doubt)


def _connection_words(error: BaseException, host: str) -> str:
    if getattr(error, "errno", None) in (errno.EMFILE, errno.ENFILE):
        return f"no connection to {host}: {lack(error)}"
    match error:
        case ssl.SSLError():
            return f"TLS with {host} failed: check --endpoint and any proxy in between"
        case aiohttp.ClientConnectorDNSError():
            return f"the name in {host} was not found: check --endpoint and this machine's DNS"
        case aiohttp.ClientConnectorError():
            reason = error.os_error.strerror or type(error.os_error).__name__
            return f"no connection to {host} ({reason}): check --endpoint and the network"
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            return f"{host} is no address that can be used: check --endpoint"
    return f"the connection to {host} was cut"


def _certificate_words(error: BaseException, host: str) -> str:
    reason = ""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        reason = getattr(error.certificate_error, "verify_message", "")
    why = f" ({printable(reason)})" if reason else ""
    return (
        f"the certificate of {host} is not trusted{why}: check --endpoint and this machine's clock;"
        " if a private CA or a proxy that opens TLS has issued it, name that CA with --ca-file"
    )


def _longest(table: Mapping[str, T], code: str, default: D) -> T | D:
    while code:
        if code in table:
            return table[code]
        code = code.rpartition(".")[0]
    return default


def _advice(code: str, scene: Scene) -> str:
    leaf = code.rpartition(".")[2]
    if leaf == "NamespaceNotFound":
        return (
            f"namespace {scene.namespace!r} does not exist in zone {scene.zone!r}: check "
            "--namespace and --zone, or create it (sync: --create-namespace)"
        )
    if "Zone" in leaf:
        return f"zone {scene.zone!r}: check --zone, the zone's state and --endpoint"
    advice = _longest(_ADVICE, code, "")
    if leaf == "SecretIdNotFound" and scene.endpoint == INTL:
        advice += f"; accounts of the mainland site need --endpoint {MAINLAND}"
    return advice


def _harmless(message: str, scene: Scene) -> str:
    """Return the service's words without control characters, at a bearable length, and without a
    value.
    """
    if repeated := _repeated(message[: _LONGEST_MESSAGE + _BEYOND], scene):
        return f"the service's message repeats the {repeated}; it is left out"
    if len(message) > _LONGEST_MESSAGE:
        message = f"{message[:_LONGEST_MESSAGE]}…"
    return printable(message)


def _repeated(text: str, scene: Scene) -> str:
    """Return what must not be told and stands in the text; empty for nothing."""
    if repeats(text, scene.hidden):
        return "value"
    return "session token" if repeats(text, scene.token) else ""
