"""Where a Redis server is, as a URL says it."""

from typing import NamedTuple
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from kvsync.model.errors import UsageError

PASSWORDS = ("REDIS_PASSWORD", "REDISCLI_AUTH")
"""The environment variables that may hold the password; the first one that is set counts."""

_FORM = "redis://[USER@]HOST[:PORT][/DB], rediss://… or unix:///PATH[?db=DB]"


class Address(NamedTuple):
    """Where a server is, and which of its databases is meant.

    ``path`` is that of a Unix socket, empty for a server on the network; ``user`` is empty for the
    server's default one.
    """

    host: str = "localhost"
    port: int = 6379
    db: int = 0
    user: str = ""
    tls: bool = False
    path: str = ""

    def __str__(self) -> str:
        """Return the URL as it may be shown: a password may have been given as the user by
        mistake.
        """
        if self.path:
            return f"unix://{self.path}?db={self.db}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'rediss' if self.tls else 'redis'}://{host}:{self.port}/{self.db}"


def parse(url: str) -> Address:
    """Take a URL apart. Raises `UsageError`, which repeats nothing: any part may be a secret."""
    try:
        parts = urlsplit(url)
        port = parts.port or Address().port
    except ValueError:
        raise UsageError(f"not the address of a Redis server; expected {_FORM}") from None
    query = parse_qs(parts.query, keep_blank_values=True)
    if parts.password is not None or "password" in query:
        raise UsageError(
            "the address holds a password, which everybody on this machine can see: leave it out,"
            f" and put it into the environment variable {PASSWORDS[0]}"
        )
    user = unquote(parts.username or "")
    if parts.scheme == "unix" and parts.path and not parts.hostname and query.keys() <= {"db"}:
        return Address(
            path=unquote(parts.path), user=user, db=_database(query.get("db", ["0"])[-1])
        )
    if _is_plain(parts):
        return Address(
            host=unquote(parts.hostname or Address().host),
            port=port,
            db=_database(parts.path.removeprefix("/") or "0"),
            user=user,
            tls=parts.scheme == "rediss",
        )
    raise UsageError(f"not the address of a Redis server; expected {_FORM}")


def _is_plain(parts: SplitResult) -> bool:
    """Return whether nothing is asked for that would be passed over."""
    return parts.scheme in {"redis", "rediss"} and not parts.query and not parts.fragment


def _database(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise UsageError(f"the database of a Redis server is a number; expected {_FORM}")
    return int(text)
