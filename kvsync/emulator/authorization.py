"""The sender and time of a request: the checks of TC3-HMAC-SHA256."""

import hmac
import re
from collections.abc import Mapping
from typing import NamedTuple

from kvsync.edgekv.signing import ALGORITHM, SERVICE, SIGNED_HEADERS, credential_date, signature
from kvsync.emulator.limits import Refusal

CLOCK_TOLERANCE = 300
"""Seconds that a signature's time may be off. Source: the vendor's page on signature v3."""

_AUTHORIZATION = re.compile(
    re.escape(ALGORITHM) + r"\s+Credential=(?P<id>[^/\s,]+)/(?P<date>\d{4}-\d\d-\d\d)"
    r"/(?P<scope>[^\s,]+),\s*SignedHeaders=(?P<headers>[a-z0-9;-]+),"
    r"\s*Signature=(?P<signature>[0-9a-f]{64})",
    re.ASCII,
)
_TIMESTAMP = re.compile(r"\d{1,12}", re.ASCII)


class _Signed(NamedTuple):
    """The parts of an ``Authorization`` header."""

    secret_id: str
    date: str
    scope: str
    headers: str
    signature: str


def secret_id(headers: Mapping[str, str]) -> str:
    """Return the secret id that a request names, before anything is checked; empty if there is
    none.
    """
    match = _AUTHORIZATION.fullmatch(headers.get("Authorization", ""))
    return match["id"] if match else ""


def check_authorization(
    headers: Mapping[str, str], body: bytes, now: float, credential: tuple[str, str] | None
) -> None:
    """Check form, scope, date and clock, and against ``credential`` also the HMAC.

    ``headers`` are the request's, ``now`` the service's time in Unix seconds. Raises `Refusal`.
    """
    signed = _parsed(headers)
    timestamp = _timestamp(headers)
    if abs(now - timestamp) > CLOCK_TOLERANCE:
        raise Refusal(
            "AuthFailure.SignatureExpire",
            "The signature has expired: X-TC-Timestamp differs from the server's time by more "
            f"than {CLOCK_TOLERANCE} seconds.",
        )
    if signed.date != credential_date(timestamp):
        raise _invalid("The date in Credential is not the UTC date of X-TC-Timestamp.")
    if credential is not None:
        _check_hmac(signed, headers, body, timestamp, credential)


def _parsed(headers: Mapping[str, str]) -> _Signed:
    match = _AUTHORIZATION.fullmatch(headers.get("Authorization", ""))
    if match is None:
        raise _invalid(
            f"The header Authorization must read {ALGORITHM} Credential=ID/DATE/{SERVICE}"
            "/tc3_request, SignedHeaders=..., Signature=..."
        )
    signed = _Signed(*match.groups())
    if signed.scope != f"{SERVICE}/tc3_request":
        raise _invalid(f"The scope in Credential must be DATE/{SERVICE}/tc3_request.")
    if not {"content-type", "host"} <= set(signed.headers.split(";")):
        raise _invalid("SignedHeaders must have content-type and host.")
    if not headers.get("Host") or not headers.get("Content-Type"):
        raise _invalid("The headers Host and Content-Type must be sent, since they are signed.")
    return signed


def _timestamp(headers: Mapping[str, str]) -> int:
    text = headers.get("X-TC-Timestamp", "")
    if not _TIMESTAMP.fullmatch(text):
        raise _invalid("The header X-TC-Timestamp must have the time in Unix seconds.")
    return int(text)


def _check_hmac(
    signed: _Signed,
    headers: Mapping[str, str],
    body: bytes,
    timestamp: int,
    credential: tuple[str, str],
) -> None:
    known_id, key = credential
    if not hmac.compare_digest(signed.secret_id.encode(), known_id.encode()):
        raise Refusal("AuthFailure.SecretIdNotFound", "The SecretId is not found.")
    if signed.headers != SIGNED_HEADERS:
        raise Refusal(
            "AuthFailure.SignatureFailure",
            f"The emulator checks signatures over {SIGNED_HEADERS} only; sign these headers alone.",
        )
    # The canonical form has header values in lower case, without blanks around them.
    expected = signature(
        key,
        host=headers["Host"].strip().lower(),
        content_type=headers["Content-Type"].strip().lower(),
        body=body,
        timestamp=timestamp,
    )
    if not hmac.compare_digest(signed.signature, expected):
        raise Refusal(
            "AuthFailure.SignatureFailure",
            "The provided credentials could not be validated: check the SecretKey and how the "
            "signature is computed.",
        )


def _invalid(message: str) -> Refusal:
    return Refusal("AuthFailure.InvalidAuthorization", message)
