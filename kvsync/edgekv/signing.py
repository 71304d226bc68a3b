"""TC3-HMAC-SHA256, the signature of the vendor's API version 3, for the service ``teo``.

Source of the scheme: https://www.tencentcloud.com/document/api/1145/42648. The vendor's own
``tencentcloud.common.sign`` derives the signing key of a day anew for each request, which takes
twice as long as all of this together; the tests hold the two equal.
"""

import hmac
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Protocol

ALGORITHM = "TC3-HMAC-SHA256"
CONTENT_TYPE = "application/json"
SERVICE = "teo"
SIGNED_HEADERS = "content-type;host"
VERSION = "2022-09-01"
_TERMINATOR = "tc3_request"
_DAY = 86_400


class KeyPair(Protocol):
    """A key pair that signs requests."""

    @property
    def secret_id(self) -> str:
        """The public half, sent with every request."""

    @property
    def secret_key(self) -> str:
        """The secret half, never sent."""

    @property
    def token(self) -> str:
        """The session token of temporary credentials; empty for permanent ones."""


def credential_date(timestamp: int) -> str:
    """Return the day in UTC (``2026-04-13``) of a time in Unix seconds, as the credential scope has
    it.
    """
    return _date(timestamp // _DAY)


@lru_cache(maxsize=2)
def _date(day: int) -> str:
    return datetime.fromtimestamp(day * _DAY, UTC).date().isoformat()


@lru_cache(maxsize=4)
def _signing_key(secret_key: str, date: str) -> bytes:
    key = f"TC3{secret_key}".encode()
    for part in (date, SERVICE, _TERMINATOR):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def signature(secret_key: str, *, host: str, content_type: str, body: bytes, timestamp: int) -> str:
    """Return the signature in lower-case hex of a POST to ``/``.

    ``host`` and ``content_type`` are the headers as they are sent (``host`` with its port, if the
    header has one); ``timestamp`` is in Unix seconds, the value of ``X-TC-Timestamp``.
    """
    payload = sha256(body).hexdigest()
    headers = f"content-type:{content_type}\nhost:{host}\n"
    request = f"POST\n/\n\n{headers}\n{SIGNED_HEADERS}\n{payload}"
    date = credential_date(timestamp)
    digest = sha256(request.encode()).hexdigest()
    text = f"{ALGORITHM}\n{timestamp}\n{date}/{SERVICE}/{_TERMINATOR}\n{digest}"
    return hmac.digest(_signing_key(secret_key, date), text.encode(), "sha256").hex()


def signed_headers(
    credential: KeyPair, action: str, *, host: str, body: bytes, timestamp: int
) -> dict[str, str]:
    """Return all headers of a request for ``action``, ``Authorization`` included.

    ``timestamp`` is in Unix seconds by the service's clock, from which it may differ by 300 s.
    """
    digest = signature(
        credential.secret_key,
        host=host,
        content_type=CONTENT_TYPE,
        body=body,
        timestamp=timestamp,
    )
    scope = f"{credential.secret_id}/{credential_date(timestamp)}/{SERVICE}/{_TERMINATOR}"
    headers = {
        "Host": host,
        "Content-Type": CONTENT_TYPE,
        "X-TC-Action": action,
        "X-TC-Version": VERSION,
        "X-TC-Timestamp": str(timestamp),
        "X-TC-Language": "en-US",
        "Authorization": (
            f"{ALGORITHM} Credential={scope}, SignedHeaders={SIGNED_HEADERS}, Signature={digest}"
        ),
    }
    if credential.token:
        headers["X-TC-Token"] = credential.token
    return headers
