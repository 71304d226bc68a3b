"""How a client behaves: its time-outs, and the proxy that it goes through.

The user name and password of the proxy leave for the proxy alone: no message has them, and no
library that might put its URL into one.
"""

import base64
import os
import ssl
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

import aiohttp
from yarl import URL

from kvsync.edgekv.endpoint import is_host_name, is_loopback
from kvsync.model.errors import FatalError, PassingError, ServiceError, UsageError
from kvsync.model.text import printable

_SYSTEM = "the system's settings"
_PASSING = (408, 425, 429)
"""Of 400 to 499: what may be granted later, as anything from 500 on may."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where it is, without user name and password, and the variable that says so.

    ``headers`` go to the proxy, and to no one else.
    """

    url: URL
    said_by: str
    headers: dict[str, str] = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        return f"the proxy {self.url} ({self.said_by})"


def proxy_for(endpoint: str) -> Proxy | None:
    """Return the proxy that the environment names for an endpoint, or None.

    Raises `UsageError` for a proxy that is not reached over http or https, or that is no address.
    """
    # Pulls http.client and more; only a client that is opened needs it.
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(endpoint)
    proxies = getproxies()
    kind = parts.scheme if proxies.get(parts.scheme) else "all"
    # A file with the line ends of Windows leaves one in its variables.
    text = (proxies.get(kind) or "").strip()
    if not text or is_loopback(endpoint) or proxy_bypass(parts.netloc):
        return None
    said_by = _variable(f"{kind}_proxy")
    url, user = _address(text if "://" in text else f"http://{text}", said_by)
    return Proxy(url, said_by, {"Proxy-Authorization": f"Basic {user}"} if user else {})


def _variable(name: str) -> str:
    """Return the variable of this name that counts: as in `getproxies`, the one in lower case."""
    named = [other for other in os.environ if other.lower() == name and os.environ[other].strip()]
    return max(named, key=lambda other: other.endswith("_proxy"), default=_SYSTEM)


def _address(text: str, said_by: str) -> tuple[URL, str]:
    """Return the address alone, and what authorizes us there (Basic)."""
    unusable = f"; unset {said_by}, or put the endpoint's host into NO_PROXY"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        parts, port = SplitResult("", "", "", "", ""), None
    if parts.scheme not in ("http", "https", ""):
        raise UsageError(f"{said_by}: only http and https proxies are supported{unusable}")
    # What follows the host is, more likely than not, part of a password with a / in it.
    rest = parts.path.strip("/") or parts.query or parts.fragment
    try:
        url = URL.build(scheme=parts.scheme, host="" if rest else parts.hostname or "", port=port)
        url = url.origin()
        is_usable = ":" in (url.host or "") or is_host_name((url.raw_host or "").rstrip("."))
    except ValueError:
        is_usable = False
    if not is_usable:
        raise UsageError(
            f"{said_by}: not the address of a proxy: write http://HOST:PORT, or"
            " http://USER:PASSWORD@HOST:PORT with all but letters and digits of USER and PASSWORD"
            f" as %XX{unusable}"
        )
    if parts.username is None:
        return url, ""
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return url, base64.b64encode(pair.encode("utf-8", "surrogateescape")).decode()


def error_on_the_way(proxy: Proxy, error: BaseException, host: str) -> ServiceError | None:
    """Return the error for a connection through the proxy that was not made, so nothing was sent.

    None: the proxy has done its part, and what is at the endpoint has not.
    """
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return _refusal(proxy, error.status, host)
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return _untrusted(proxy, error) if _is_at(proxy, error) else None
    if isinstance(error, aiohttp.ClientConnectorError):
        if not _is_at(proxy, error):
            return None
        return PassingError(
            "ConnectionError", f"{_unreachable(proxy, error)}; {_look(proxy, host)}"
        )
    if isinstance(error, TimeoutError):
        text = f"no connection to {host} through {proxy} in time; {_look(proxy, host)}"
        return PassingError("Timeout", f"{text}, or give more --timeout")
    text = f"{proxy} did not connect to {host}: it closed the connection, or speaks no HTTP"
    return PassingError("ConnectionError", f"{text}; {_look(proxy, host)}")


def _is_at(proxy: Proxy, error: aiohttp.ClientConnectorError) -> bool:
    """Return whether a connection to the proxy itself is what failed, not one to who is behind
    it.
    """
    return (error.host, error.port) == (proxy.url.raw_host, proxy.url.port)


def _look(proxy: Proxy, host: str) -> str:
    return f"check {proxy.said_by}, or put {host} into NO_PROXY"


def _unreachable(proxy: Proxy, error: aiohttp.ClientConnectorError) -> str:
    match error:
        case aiohttp.ClientConnectorDNSError():
            return f"the host name of {proxy} was not found"
        case ssl.SSLError() | aiohttp.ClientConnectorSSLError():
            return f"TLS with {proxy} failed: most proxies are reached by http://"
    reason = error.os_error.strerror or type(error.os_error).__name__
    return f"no connection to {proxy}: {reason}"


def _untrusted(proxy: Proxy, error: aiohttp.ClientConnectorCertificateError) -> FatalError:
    reason = getattr(error.certificate_error, "verify_message", "")
    why = f" ({printable(reason)})" if reason else ""
    text = f"the certificate of {proxy} is not trusted{why}: check {proxy.said_by} and this"
    advice = "if a private CA has issued it, name that CA with --ca-file"
    return FatalError("CertificateError", f"{text} machine's clock; {advice}")


def _refusal(proxy: Proxy, status: int, host: str) -> ServiceError:
    if status == 407:
        what = "does not take the user name and password" if proxy.headers else "asks for a user"
        rest = "that are in it" if proxy.headers else "name and a password"
        form = "http://USER:PASSWORD@HOST:PORT"
        text = f"{proxy} {what} {rest} (HTTP 407): set {proxy.said_by} to {form}"
        return FatalError("ProxyRefused", text)
    text = f"{proxy} refused the way to {host} (HTTP {status}); {_look(proxy, host)}"
    if status >= 500 or status in _PASSING:
        return PassingError("ConnectionError", text)
    return FatalError("ProxyRefused", f"{text}, or have the proxy let it pass")


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """How patient a client is, and whom it trusts.

    ``timeout`` is in seconds of silence: a transfer that moves is not cut off, unless it crawls.
    ``retries`` counts the attempts after the first. ``ca_file`` is a file of certificates (PEM)
    that are trusted besides the system's; empty: none.

    Raises `ValueError` for a number out of range.
    """

    timeout: float = 30.0
    retries: int = 8
    ca_file: str = ""

    def __post_init__(self) -> None:
        if not 0 < self.timeout < float("inf"):
            raise ValueError(
                f"timeout: give a finite number of seconds above 0, not {self.timeout}"
            )
        if self.retries < 0:
            raise ValueError(f"retries: give 0 or more, not {self.retries}")


DEFAULTS = ClientOptions()
