"""A live Redis server, or one that speaks like it: its pairs are read, and nothing is written.

The package ``redis`` is an extra: it is imported where a connection is made, and nowhere else.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from kvsync.formats.format import Format
from kvsync.formats.record import Record
from kvsync.formats.redisurl import PASSWORDS, Address, parse
from kvsync.model.errors import InputError, KvsyncError, Mistake, UsageError
from kvsync.model.values import NEVER, Expiry

if TYPE_CHECKING:
    from redis import Redis

_CONNECT_SECONDS = 10
_SILENCE_SECONDS = 30

_SCANNED_AT_ONCE = 1000
_READ_AT_ONCE = 100
_BYTES_AT_ONCE = 8 << 20

# Tries to read a clock twice in one millisecond; a hundred keys take a tenth of one.
_CLOCK_TRIES = 16

_ESCAPE = "surrogateescape"
"""How keys stand in text that may be any bytes: they can be turned back."""

_COMMANDS = "INFO, SCAN, TYPE, STRLEN, MGET, PEXPIRETIME, PTTL, TIME, MULTI and EXEC"

_Command: TypeAlias = tuple[str | bytes | int, ...]


class _UnknownCommandError(UsageError):
    """The server is older than the command."""


class RedisDump:
    """One database of a server; nothing is sent before something is asked for.

    ``url`` is `redis://`, `rediss://` or `unix://`, without a password: that comes from
    ``environ``. Raises `UsageError` for a wrong address and where the package is missing.
    All that asks the server raises `InputError` where it cannot be read, and `UsageError` where it
    will not be read like this: a wrong password, a cluster.
    """

    def __init__(self, url: str, environ: Mapping[str, str] = os.environ) -> None:
        self.address = parse(url)
        self._password_from = next((name for name in PASSWORDS if environ.get(name)), "")
        self._client = _client(self.address, environ.get(self._password_from))
        self._tells_dates = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the server."""
        self._client.close()

    def records(self, match: str = "*") -> Iterator[Record]:
        """Read all pairs whose key matches a pattern of the server's kind, each of them once.

        Strings come with their value, all else as records without one that name the ``kind``. Keys
        that come and go meanwhile may be missing. Memory grows by about 100 bytes for each key.
        """
        self._refuse_clusters()
        seen: set[bytes] = set()
        for names in self._scan(match.encode()):
            # The server may name a key twice while it rearranges its table.
            fresh = {blake2b(name, digest_size=16).digest(): name for name in names}
            yield from self._items([name for digest, name in fresh.items() if digest not in seen])
            seen |= fresh.keys()

    def values(self, keys: Sequence[str]) -> Iterator[tuple[str, bytes | None]]:
        """Read these keys' values again, in this order; None for what is no string any more."""
        for start in range(0, len(keys), _READ_AT_ONCE):
            names = [key.encode(errors=_ESCAPE) for key in keys[start : start + _READ_AT_ONCE]]
            sizes = self._ask([("STRLEN", name) for name in names])
            for some in _portions(zip(names, map(_size, sizes), strict=True)):
                (values,) = self._ask([("MGET", *some)])
                yield from zip(map(_decoded, some), values, strict=True)

    def _refuse_clusters(self) -> None:
        # A node of a cluster answers SCAN with its own keys, as if there were no others.
        (info,) = self._ask([("INFO", "cluster")])
        if info.get("cluster_enabled"):
            raise _clustered(self.address)

    def _scan(self, match: bytes) -> Iterator[list[bytes]]:
        cursor = 0
        while True:
            ask = ("SCAN", cursor, "MATCH", match, "COUNT", _SCANNED_AT_ONCE)
            ((cursor, names),) = self._ask([ask])
            yield names
            if not cursor:
                return

    def _items(self, names: Sequence[bytes]) -> Iterator[Record]:
        answers = self._ask([(word, name) for name in names for word in ("TYPE", "STRLEN")])
        strings: list[tuple[bytes, int]] = []
        for name, kind, size in zip(names, answers[::2], answers[1::2], strict=True):
            if kind == b"string":
                strings.append((name, _size(size)))
            elif kind != b"none":
                yield Record(_decoded(name), None, 0, kind=kind.decode(errors="replace"))
        for some in _portions(strings):
            yield from self._pairs(some)

    def _pairs(self, names: Sequence[bytes]) -> Iterator[Record]:
        values, ends = self._read(names)
        for name, value, end in zip(names, values, ends, strict=True):
            if value is not None:
                # Rounded down: a copy must not outlive what it was made from.
                expiry = Expiry(at=end // 1000) if end >= 0 else NEVER
                yield Record(_decoded(name), value, 0, expiry)

    def _read(self, names: Sequence[bytes]) -> tuple[list[bytes | None], list[int]]:
        """Return the values, and when each runs out in Unix milliseconds (below 0: never).

        Both are of one moment: a key that is written meanwhile has the old ones or the new.
        """
        if self._tells_dates:
            try:
                values, *ends = self._ask(
                    [("MGET", *names), *(("PEXPIRETIME", name) for name in names)], atomic=True
                )
            except _UnknownCommandError:
                self._tells_dates = False
            else:
                return values, ends
        return self._read_by_the_clock(names)

    def _read_by_the_clock(self, names: Sequence[bytes]) -> tuple[list[bytes | None], list[int]]:
        """Do as `_read`, from a server before Redis 7, which tells only how much time is left.

        A date that is a millisecond off would at times be another second than in the last run, and
        the pair be sent again: so the clock must not have moved between the first key and the last.
        """
        left = [("PTTL", name) for name in names]
        for _ in range(_CLOCK_TRIES):
            values, before, *spans, after = self._ask(
                [("MGET", *names), ("TIME",), *left, ("TIME",)], atomic=True
            )
            if _milliseconds(before) == _milliseconds(after):
                break
        now = _milliseconds(before)
        return values, [now + span if span >= 0 else span for span in spans]

    def _ask(self, commands: Iterable[_Command], *, atomic: bool = False) -> list[Any]:
        """Send all, then take all answers; a value that is no string may answer with an error."""
        from redis.exceptions import RedisError

        pipeline: Any = self._client.pipeline(transaction=atomic)
        for command in commands:
            pipeline.execute_command(*command)
        try:
            answers: list[Any] = pipeline.execute(raise_on_error=False)
            for answer in answers:
                if isinstance(answer, RedisError) and not str(answer).startswith("WRONGTYPE"):
                    raise answer
        except RedisError as error:
            raise self._explained(error) from error
        return answers

    def _explained(self, error: Exception) -> KvsyncError:
        from redis import exceptions

        if isinstance(error, exceptions.AuthenticationError):
            return UsageError(f"{self.address}: {self._about_the_password(error)}")
        if isinstance(error, (exceptions.AskError, exceptions.ClusterError)):
            return _clustered(self.address)
        if isinstance(error, exceptions.NoPermissionError):
            return UsageError(f"{self.address}: {error}; kvsync needs {_COMMANDS}")
        if isinstance(error, exceptions.ResponseError):
            if "unknown command" in str(error):
                return _UnknownCommandError(f"{self.address}: {error}")
            return UsageError(f"{self.address}: {error}")
        if isinstance(error, exceptions.TimeoutError):
            words = f"no answer within {_SILENCE_SECONDS} seconds, or no connection within"
            return InputError([Mistake(f"{words} {_CONNECT_SECONDS}", str(self.address))])
        hint = "is the server running, and is this its address?"
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            hint = "SSL_CERT_FILE can name a file of authorities to trust"
        return InputError([Mistake(f"{error} ({hint})", str(self.address))])

    def _about_the_password(self, error: Exception) -> str:
        if not self._password_from:
            return f"{error} (put the password into the environment variable {PASSWORDS[0]})"
        return f"the server does not take the password in {self._password_from}: {error}"


def _client(address: Address, password: str | None) -> "Redis":
    try:
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry
    except ImportError:
        raise UsageError("redis is not installed: pip install 'kvsync[redis]'") from None
    return redis.Redis(
        host=address.host,
        port=address.port,
        db=address.db,
        username=address.user or None,
        password=password,
        unix_socket_path=address.path or None,
        ssl=address.tls,
        socket_connect_timeout=_CONNECT_SECONDS,
        socket_timeout=_SILENCE_SECONDS,
        # Servers close connections that were idle, as between a plan and its push. Silence is not
        # waited for twice.
        retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
        # The older protocol: servers before Redis 6 know no other.
        protocol=2,
    )


def _clustered(address: Address) -> UsageError:
    return UsageError(
        f"{address} belongs to a cluster, and one server of a cluster has only a part of the keys;"
        " kvsync cannot read clusters: write the pairs to a file by other means, and sync that"
    )


def _portions(sized: Iterable[tuple[bytes, int]]) -> Iterator[list[bytes]]:
    """Names to read together: no more at once than the bounds allow, but one at least."""
    names: list[bytes] = []
    total = 0
    for name, size in sized:
        if names and (len(names) == _READ_AT_ONCE or total + size > _BYTES_AT_ONCE):
            yield names
            names, total = [], 0
        names.append(name)
        total += size
    if names:
        yield names


def _decoded(name: bytes) -> str:
    return name.decode(errors=_ESCAPE)


def _size(answer: int | Exception) -> int:
    """Return what STRLEN answered: an error if the value is no string."""
    return answer if isinstance(answer, int) else 0


def _milliseconds(time: tuple[int, int]) -> int:
    """Return what TIME answered: seconds and microseconds."""
    seconds, microseconds = time
    return seconds * 1000 + microseconds // 1000


def _named(name: str) -> bool:
    return name.startswith(("redis://", "rediss://", "unix://"))


FORMAT = Format("redis", named=_named)
