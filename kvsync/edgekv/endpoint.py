"""Where the API is: the two sites of the vendor, or another address."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from kvsync.model.errors import UsageError

if TYPE_CHECKING:
    import socket
    import ssl

INTL = "https://teo.intl.tencentcloudapi.com"
MAINLAND = "https://teo.tencentcloudapi.com"

_SITES = {"intl": INTL, "mainland": MAINLAND}
_DEFAULT_PORTS = {"http": 80, "https": 443}
_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*", re.ASCII)
"""What a resolver takes: it raises what no one expects for an empty or an endless label."""
_GREETING = b"kvsync emulator "
_ANSWER = re.compile(_GREETING + rb"([0-9A-Za-z-]{1,64})\s*", re.ASCII)
_PATIENCE_S = 1.0
_ONCE_BEGUN_S = 0.2
"""How long a probe waits for the first byte of an answer, and then for the rest.

On two busy cores an emulator took more than 200 ms to begin: known by its address, it would get
everything twice. What is no emulator says so with its first bytes, or costs a run no more than
this."""

_LONGEST_ANSWER = 4096
_ADVICE = "write intl, mainland, or a URL such as https://teo.tencentcloudapi.com"


def parse_endpoint(text: str) -> str:
    """``intl``, ``mainland`` or a URL as ``scheme://host[:port]``.

    The host is in lower case, the default port left out, an IPv6 address in brackets. Raises
    `UsageError` for anything else, and for plain http to a host that is not this machine.
    """
    text = text.strip()
    if text.lower() in _SITES:
        return _SITES[text.lower()]
    parts = _split(text)
    host = _host(parts)
    if parts.scheme == "http" and not _is_loopback_host(host):
        raise UsageError(
            f"endpoint: plain http to {host} would show every value on its way: write https://"
            " (http is for loopback addresses only)"
        )
    return f"{parts.scheme}://{_bracketed(host)}{_port(parts)}"


def is_loopback(endpoint: str) -> bool:
    """Return whether a normalised endpoint is on this machine."""
    return _is_loopback_host(urlsplit(endpoint).hostname or "")


def is_host_name(host: str) -> bool:
    """Return whether this, in lower case, is a name that can be looked up."""
    return len(host) <= 253 and _HOST.fullmatch(host) is not None


def identity(endpoint: str, timeout: float | None = None, *, ca_file: str = "") -> str:
    """Return what the state shall know a normalised endpoint by.

    An emulator on loopback is asked for its UUID over a socket of its own, and known as
    ``emulator:UUID``; everything else is its own endpoint. ``timeout``: how many seconds an answer
    may take to begin; then it may take 0.2 more.

    Over https too, since its address outlives its data; it must have a certificate that a run
    would trust, by the system's CAs and those in ``ca_file``. Raises `UsageError` for such a file
    that holds none.
    """
    parts = urlsplit(endpoint)
    if not is_loopback(endpoint):
        return endpoint
    trust = _trust(ca_file) if parts.scheme == "https" else None
    answer = b""
    with suppress(OSError):
        answer = _ask(parts, monotonic() + (_PATIENCE_S if timeout is None else timeout), trust)
    head, _, body = answer.partition(b"\r\n\r\n")
    match = _ANSWER.fullmatch(body)
    return f"emulator:{match[1].decode()}" if match and _is_well(head) else endpoint


def _split(text: str) -> SplitResult:
    # urlsplit drops line ends and tabs in silence.
    if not text.isprintable() or " " in text:
        raise UsageError(f"endpoint: not a URL: {_ADVICE}")
    try:
        parts = urlsplit(text)
    except ValueError:
        raise UsageError(f"endpoint: not a URL: {_ADVICE}") from None
    if parts.scheme not in _DEFAULT_PORTS or not parts.netloc:
        raise UsageError(f"endpoint: not a URL: {_ADVICE}")
    if "@" in parts.netloc:
        raise UsageError("endpoint: a user name or password has no place in it; leave it out")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise UsageError("endpoint: only scheme, host and port; leave out what follows the host")
    return parts


def _host(parts: SplitResult) -> str:
    host = (parts.hostname or "").lower()
    if parts.netloc.startswith("["):
        import ipaddress

        try:
            return ipaddress.IPv6Address(host).compressed
        except ValueError:
            raise UsageError("endpoint: what is in brackets is not an IPv6 address") from None
    if not is_host_name(host):
        raise UsageError(f"endpoint: not a host name: {_ADVICE}")
    return host


def _port(parts: SplitResult) -> str:
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise UsageError("endpoint: a port is a number from 1 to 65535")
    return "" if port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{port}"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _is_loopback_host(host: str) -> bool:
    if host == "localhost":
        return True
    import ipaddress

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _trust(ca_file: str) -> "ssl.SSLContext":
    import ssl

    from kvsync.edgekv.tls import trusting

    return trusting(ca_file) if ca_file else ssl.create_default_context()


def _ask(parts: SplitResult, deadline: float, trust: "ssl.SSLContext | None") -> bytes:
    """Return the raw answer to ``GET /``, as far as it came before the deadline."""
    with ExitStack() as stack:
        connection = stack.enter_context(_connected(parts, deadline))
        if trust:
            connection.settimeout(_left(deadline))
            secured = trust.wrap_socket(connection, server_hostname=parts.hostname)
            connection = stack.enter_context(secured)
        request = f"GET / HTTP/1.0\r\nHost: {parts.netloc}\r\n\r\n"
        connection.sendall(request.encode())
        answer = b""
        for chunk in _received(connection, deadline):
            answer += chunk
            # Many a server keeps the connection open, no matter what it was asked.
            if _says_enough(answer):
                break
        return answer


def _says_enough(answer: bytes) -> bool:
    """Return whether what follows makes no difference."""
    head, separator, body = answer.partition(b"\r\n\r\n")
    if not separator:
        return not answer.startswith(b"HTTP/"[: len(answer)])
    if not (_is_well(head) and body.startswith(_GREETING[: len(body)])):
        return True
    return body.endswith(b"\n")


def _is_well(head: bytes) -> bool:
    return b" 200 " in head.partition(b"\r\n")[0]


def _connected(parts: SplitResult, deadline: float) -> "socket.socket":
    import socket

    port = parts.port or _DEFAULT_PORTS[parts.scheme]
    refused = OSError("no address")
    for family, kind, protocol, _, address in socket.getaddrinfo(
        parts.hostname, port, type=socket.SOCK_STREAM
    ):
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(_left(deadline))
            connection.connect(address)
        except OSError as error:
            connection.close()
            refused = error
        else:
            return connection
    raise refused


def _received(connection: "socket.socket", deadline: float) -> Iterator[bytes]:
    total = 0
    while total <= _LONGEST_ANSWER:
        connection.settimeout(_left(deadline))
        chunk = connection.recv(_LONGEST_ANSWER)
        if not chunk:
            return
        if not total:
            deadline = monotonic() + _ONCE_BEGUN_S
        total += len(chunk)
        yield chunk


def _left(deadline: float) -> float:
    left = deadline - monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def is_refused(endpoint: str, timeout: float = 0.2) -> bool:
    """Return whether nobody listens at this endpoint; ``timeout`` is in seconds."""
    try:
        _connected(urlsplit(endpoint), monotonic() + timeout).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False
