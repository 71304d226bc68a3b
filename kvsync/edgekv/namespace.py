"""The pairs of one namespace."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import msgspec

from kvsync.edgekv.answers import unix_seconds
from kvsync.edgekv.bulk import GetAnswer
from kvsync.edgekv.calls import Caller, Settled
from kvsync.edgekv.shapes import DoneAnswer, ListAnswer
from kvsync.edgekv.translate import Scene, bad_answer
from kvsync.edgekv.wire import Request
from kvsync.model.api import (
    DELETE,
    GET,
    KEYS_PER_PAGE,
    KEYS_PER_REQUEST,
    LIST,
    NAMESPACE_CAPACITY,
    PUT,
)
from kvsync.model.errors import PassingError
from kvsync.model.text import printable
from kvsync.model.values import Ack, Expiry, Pair

_MOST_EMPTY = 100
"""Pages in a row without a key, after which a list ends, no matter what its cursor says."""
_MOST_KEYS = 10_000_000
_MOST_NAMES = NAMESPACE_CAPACITY
"""Characters that all names have together: these are beyond what a namespace has, without any
value. How many keys it may have is not documented: the number above is ours. At 20 writes a second
they take six days."""


class Namespace:
    """One namespace, and the traffic of one run against it; made by `EdgeKVClient.namespace`.

    Every method raises `ServiceError` or `Interrupted`, whose ``attempts`` and ``in_doubt`` speak
    of all attempts of the call.
    """

    def __init__(self, caller: Caller, scene: Scene) -> None:
        self._caller = caller
        self._scene = scene

    @property
    def requests(self) -> Counter[str]:
        """Every attempt, by action."""
        return self._caller.traffic.requests

    @property
    def last_failure(self) -> str:
        """The code of the last attempt that failed."""
        return self._caller.traffic.last_failure

    @property
    def retries(self) -> int:
        """Attempts after the first."""
        return self._caller.traffic.retries

    @property
    def clock_offset(self) -> float:
        """Seconds by which the service's clock is ahead of this machine's, as last seen.

        0.0 if the difference is not notable (5 s or less) or unknown.
        """
        return self._caller.wire.clock.offset

    @property
    def is_clock_sure(self) -> bool:
        """True if that is more than one answer's word."""
        return self._caller.wire.clock.is_sure

    def stop(self) -> None:
        """Send nothing more: calls that wait for their turn raise `Interrupted`."""
        self._caller.throttle.stop()

    def on_doubt(self, heard: Callable[[Sequence[str]], None]) -> None:
        """Let this hear of keys whose answers, no matter what they said, are not believed any
        more.
        """
        self._caller.traffic.doubts.heard = heard

    async def look(self) -> None:
        """Wait for what would throw doubt on the last answers; it takes as long as one, about.

        Those before are then certain.
        """
        await self._caller.wire.look()

    async def put(self, key: str, value: bytes, expiry: Expiry) -> Ack:
        """Create or overwrites a pair. ``value`` is UTF-8, not empty, 1 MiB at most."""
        text = value.decode()
        fields: dict[str, Any] = {"Key": key, "Value": text}
        if expiry.at:
            fields["Expiration"] = expiry.at
        if expiry.ttl:
            fields["ExpirationTTL"] = expiry.ttl
        request = self._request(PUT, fields, printable(key), hidden=text)
        return await self._write(request, (key,))

    async def get(self, keys: Sequence[str]) -> list[Pair]:
        """Return the pairs of these keys, in this order.

        Raises `ValueError` for none or more than 20 keys.
        """
        request = self._request(GET, {"Keys": _bounded(keys)}, f"{len(keys)} keys")
        settled = await self._caller.call(request._replace(keys=len(keys)), GetAnswer)
        found = _pairs(settled)
        if found.keys() != set(keys):
            raise _misfit(settled, "the answer speaks of other keys than those asked for")
        return [found[key] for key in keys]

    async def keys(self, prefix: str = "", page: int = KEYS_PER_PAGE) -> AsyncIterator[str]:
        """Yield all keys that begin with ``prefix``, ``page`` of them (1000 at most) per
        request.
        """
        fields: dict[str, Any] = {"Limit": page}
        if prefix:
            # The service refuses an empty one.
            fields["Prefix"] = prefix
        empty = count = size = 0
        while True:
            settled = await self._caller.call(
                self._request(LIST, fields, printable(prefix)), ListAnswer
            )
            answer = settled.answer
            empty = 0 if answer.keys else empty + 1
            stuck = answer.cursor == fields.get("Cursor") or empty > _MOST_EMPTY
            if answer.keys is None or stuck:
                raise _misfit(settled, "the list of keys does not go on")
            if len(answer.keys) > page:
                raise _misfit(settled, f"more keys than the {page:,} that were asked for")
            count += len(answer.keys)
            size += sum(map(len, answer.keys))
            if count > _MOST_KEYS or size > _MOST_NAMES:
                raise _misfit(
                    settled, f"the list of keys has no end: {count:,} are more than a namespace has"
                )
            for key in answer.keys:
                yield key
            if not answer.cursor:
                return
            fields["Cursor"] = answer.cursor

    async def delete(self, keys: Sequence[str]) -> Ack:
        """Delete these keys for good; one that is not there is no error.

        Raises `ValueError` for none or more than 20 keys.
        """
        request = self._request(DELETE, {"Keys": _bounded(keys)}, f"{len(keys)} keys")
        return await self._write(request, keys)

    async def _write(self, request: Request, keys: Sequence[str]) -> Ack:
        return (await self._caller.call(request._replace(writes=keys), DoneAnswer)).ack

    def _request(
        self, action: str, fields: dict[str, Any], subject: str, *, hidden: str = ""
    ) -> Request:
        place = {"ZoneId": self._scene.zone, "Namespace": self._scene.namespace}
        scene = self._scene._replace(hidden=hidden)
        return Request(action, msgspec.json.encode(place | fields), scene, subject)


def _bounded(keys: Sequence[str]) -> list[str]:
    if not 1 <= len(keys) <= KEYS_PER_REQUEST:
        raise ValueError(f"from 1 to {KEYS_PER_REQUEST} keys a request")
    return list(keys)


def _pairs(settled: Settled[GetAnswer]) -> dict[str, Pair]:
    pairs = {}
    for item in settled.answer.data or ():
        try:
            expires = unix_seconds(item.expiration)
        except ValueError:
            raise _misfit(settled, f"the Expiration of {printable(item.key)} is no time") from None
        # The API stores no empty value: it stands for a key that is not there.
        value = item.value or None
        pairs[item.key] = Pair(item.key, value, expires if value else 0)
    return pairs


def _misfit(settled: Settled[Any], message: str) -> PassingError:
    error = bad_answer(message, settled.answer.request_id, in_doubt=False)
    error.attempts = settled.attempts
    return error
