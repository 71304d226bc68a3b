"""Roles that a key pair takes on at the vendor's STS: for two hours a pair of their own.

The vendor's ``STSAssumeRoleCredential`` has no time-out of ours, drops a session token, and does
not tell when what it got ends: the same question is put to its `CommonClient` here.
"""

import re
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from kvsync.edgekv.endpoint import INTL, is_loopback
from kvsync.edgekv.options import proxy_for
from kvsync.model.errors import FatalError

STS_SECONDS = 15.0
"""How long the STS may take for its answer, no matter what it does."""
_LIFETIME_S = 7200
"""Seconds that are asked for; the vendor's own default."""
_SESSION = "kvsync"

_CODE = re.compile(r"[A-Za-z]+(\.[A-Za-z]+)*", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?", re.ASCII)

T = TypeVar("T")


class Role(NamedTuple):
    """Whom a key pair is to act as, and the name that this is recorded under."""

    arn: str
    session: str


class Base(NamedTuple):
    """The key pair that takes the role on; ``place`` is where it was found."""

    place: str
    secret_id: str
    secret_key: str
    token: str


class Temporary(NamedTuple):
    """Credentials of the STS; ``expires`` is in Unix seconds."""

    secret_id: str
    secret_key: str
    token: str
    expires: float


def role_of(place: str, arn: tuple[str, Any], session: tuple[str, Any]) -> Role | None:
    """Return the role that a place holds under these names, or None if it holds none.

    Raises `FatalError` for what is none: what asks for a role must not go without it.
    """
    texts = []
    for name, value in (arn, session):
        if value is not None and not isinstance(value, str):
            raise _bad(f"{place}: {name} is not a string")
        texts.append((value or "").strip())
    if texts[1] and not texts[0]:
        raise _bad(f"{place}: {session[0]} is set but {arn[0]} is not: set both or neither")
    return Role(texts[0], texts[1] or _SESSION) if texts[0] else None


def sts_of(endpoint: str) -> str:
    """Return the STS of the site that an endpoint belongs to, as a host."""
    return "sts.intl.tencentcloudapi.com" if endpoint == INTL else "sts.tencentcloudapi.com"


def assumed(base: Base, role: Role, host: str) -> Temporary:
    """Return what the role signs with; blocks. Raises `FatalError`, whose words repeat no
    secret.
    """
    if not _HOST.fullmatch(host):
        raise _bad(f"{base.place}: the endpoint of sts is no host name")
    # Its answer says when it ends by the STS's clock; ours must not be taken for slower than it is.
    asked = time.time()
    try:
        response = _within(STS_SECONDS, lambda: _ask(base, role, host))["Response"]
        keys = response["Credentials"]
        ends = min(asked + _LIFETIME_S, float(response["ExpiredTime"]))
        return _checked((keys["TmpSecretId"], keys["TmpSecretKey"], keys["Token"]), ends)
    except Exception as error:  # noqa: BLE001 - all that the vendor's package lets out
        code = _vendor_code(error)
        advice = "check its ARN and session name, and that this key may assume it"
        raise _bad(
            f"{base.place}: {host} gave no credentials of the role ({code}):"
            f" {_network_advice(error, code, host) or advice}"
        ) from None


def pod_role(region: str, provider: str, token: str, role: str) -> Temporary:
    """Return what a pod's role in TKE signs with, for its OIDC token; blocks. As `assumed`."""
    from tencentcloud.common.credential import OIDCRoleArnCredential

    asked = time.time()
    session = f"kvsync-{int(asked * 1e6)}"
    source = OIDCRoleArnCredential(region, provider, token, role, session, _LIFETIME_S)
    try:
        texts = _within(STS_SECONDS, source.get_credential_info)
        return _checked(texts, asked + _LIFETIME_S)
    except Exception as error:  # noqa: BLE001 - as above
        raise _bad(
            f"the TKE OIDC role gave no credentials ({_vendor_code(error)}): check the role, its "
            "identity provider and the pod's service account"
        ) from None


def _checked(texts: Any, ends: float) -> Temporary:
    secret_id, secret_key, token = texts
    if not all(isinstance(text, str) and text for text in texts):
        raise TypeError
    return Temporary(secret_id, secret_key, token, ends)


def _vendor_code(error: Exception) -> str:
    """Return what may be told of an exception of the vendor's package.

    Its message may hold the request, and with it a token.
    """
    code = getattr(error, "code", None)
    if isinstance(code, str) and _CODE.fullmatch(code):
        return code
    return type(error).__name__


def _network_advice(error: Exception, code: str, host: str) -> str:
    """Return what to look at where no one answered; empty where someone did."""
    if code != "ClientNetworkError" and not isinstance(error, TimeoutError):
        return ""
    proxy = proxy_for(f"https://{host}")
    where = f"{proxy}; or put {host} into NO_PROXY" if proxy else "the network"
    return f"it was not reached, check {where}"


def _ask(base: Base, role: Role, host: str) -> Any:
    # Pulls `requests`: 0.2 s that only who has a role pays.
    from tencentcloud.common.common_client import CommonClient
    from tencentcloud.common.credential import Credential
    from tencentcloud.common.profile.client_profile import ClientProfile
    from tencentcloud.common.profile.http_profile import HttpProfile

    protocol = "http" if is_loopback(f"http://{host}") else "https"
    http = HttpProfile(protocol=protocol, endpoint=host, reqTimeout=STS_SECONDS)
    pair = Credential(base.secret_id, base.secret_key, base.token or None)
    profile = ClientProfile(httpProfile=http)
    client = CommonClient("sts", "2018-08-13", pair, "ap-guangzhou", profile)
    wanted = {
        "RoleArn": role.arn,
        "RoleSessionName": role.session,
        "DurationSeconds": _LIFETIME_S,
    }
    return client.call_json("AssumeRole", wanted)


def _within(seconds: float, ask: Callable[[], T]) -> T:
    """Return what ``ask`` returns or raises. Raises `TimeoutError`.

    A thread that is given up must not keep the process from ending.
    """
    answers: list[T] = []
    failures: list[Exception] = []

    def work() -> None:
        try:
            answers.append(ask())
        except Exception as error:  # noqa: BLE001 - raised again where it is waited for
            failures.append(error)

    thread = threading.Thread(target=work, name="kvsync-sts", daemon=True)
    thread.start()
    thread.join(seconds)
    if failures:
        raise failures[0]
    if not answers:
        raise TimeoutError
    return answers[0]


def _bad(message: str) -> FatalError:
    return FatalError("BadCredentials", message)
