"""Answers of the service, typed and checked before they are believed."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, Generic, NamedTuple, TypeVar, cast

import msgspec

from kvsync.edgekv.bulk import LARGEST_ITEM, GetAnswer, read_bulk
from kvsync.edgekv.dialogue import Doubts, contradicts
from kvsync.edgekv.shapes import (
    Answer,
    DoneAnswer,
    Fault,
    ListAnswer,
    NamespacesAnswer,
)
from kvsync.edgekv.translate import Scene, bad_answer, error_from
from kvsync.model.errors import FatalError, PassingError, ServiceError, ThrottledError
from kvsync.model.text import printable


class Reply(NamedTuple):
    """An HTTP answer, read to its end.

    ``service_time`` is its ``Date``; ``sent`` and ``arrived`` are when the request began to be
    written and when the answer's head was there, by this machine's clock. All are Unix seconds.
    ``early``: it came before the request was written. ``believed`` is to be called once it is known
    for the answer to this request: its connection is used again, and the doubts hear of the keys
    should it turn out to be another's. ``doubted`` is to be called if it is another's. ``steady``
    is when the head was there by the steady clock, ``took`` for how many seconds it was waited for,
    and ``signed`` the time that was signed, None if it is not known.
    """

    status: int
    body: bytes | bytearray
    service_time: float | None
    sent: float = 0.0
    arrived: float = 0.0
    early: bool = False
    believed: Callable[[Doubts, Sequence[str]], None] = lambda _doubts, _keys: None
    doubted: Callable[[], None] = lambda: None
    steady: float = 0.0
    took: float = 0.0
    signed: float | None = None

    @classmethod
    def of(
        cls,
        status: int,
        body: bytes | bytearray,
        date: str,
        *,
        sent: float = 0.0,
        arrived: float = 0.0,
    ) -> "Reply":
        """From the parts of a response; a ``Date`` that cannot be read counts as none."""
        return cls(status, body, _moment(date), sent, arrived)


@lru_cache(maxsize=8)
def _moment(date: str) -> float | None:
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()


A = TypeVar("A", bound=Answer)


class _Envelope(
    msgspec.Struct, Generic[A], frozen=True, rename="pascal", forbid_unknown_fields=True
):
    response: A


_LONGEST_ID = 100
_MIB = 1 << 20
_LIMITS: dict[type[Answer], int] = {
    DoneAnswer: 1 * _MIB,
    # 1000 keys of 512 characters, each escaped as two times six bytes, are 6 MiB.
    ListAnswer: 8 * _MIB,
    NamespacesAnswer: 8 * _MIB,
}
_decoders: dict[type[Answer], msgspec.json.Decoder[Any]] = {
    kind: msgspec.json.Decoder(_Envelope[kind])  # type: ignore[valid-type]
    for kind in _LIMITS
}


def limit_of(kind: type[Answer], keys: int) -> int:
    """Return how many bytes an answer of this kind may have, to a request that named so many
    keys.
    """
    return keys * LARGEST_ITEM + _MIB if kind is GetAnswer else _LIMITS[kind]


def _decoded(body: bytes | bytearray, kind: type[A]) -> A:
    answer: Any = read_bulk(body) if kind is GetAnswer else _decoders[kind].decode(body).response
    return cast("A", answer)


def read_answer(reply: Reply, kind: type[A], scene: Scene) -> A:
    """Return the answer in a reply, no matter what its Content-Type.

    Raises the `ServiceError` that it speaks of, or `PassingError` (``BadAnswer``, ``HTTP502``) for
    what is no answer of this API: a gateway's page, half a body, another type.
    """
    try:
        answer = _decoded(reply.body, kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _unreadable(reply, scene) from None
    if kind is DoneAnswer and contradicts(reply.body, refusal=answer.error is not None):
        raise _unreadable(reply, scene)
    if answer.request_id != (named := printable(answer.request_id)[:_LONGEST_ID]):
        # It is told, and kept in the state.
        answer = msgspec.structs.replace(answer, request_id=named)
    if answer.error:
        raise _refusal(reply, answer, scene)
    if reply.status != 200 or not answer.request_id:
        raise _unreadable(reply, scene)
    return answer


def _refusal(reply: Reply, answer: Answer, scene: Scene) -> ServiceError:
    fault = answer.error or Fault("")
    error = error_from(
        fault.code,
        fault.message,
        answer.request_id,
        scene=scene,
        service_time=reply.service_time,
    )
    # Without an id it may be anybody's word.
    error.in_doubt |= not answer.request_id
    if reply.status < 500 or isinstance(error, FatalError | ThrottledError):
        return error
    # Not the service itself is speaking, but something in front of it.
    return PassingError(error.code, error.message, error.request_id, in_doubt=True)


def _unreadable(reply: Reply, scene: Scene) -> ServiceError:
    host = scene.endpoint.partition("://")[2]
    if reply.status == 429:
        return ThrottledError("HTTP429", f"{host} asks for a slower pace")
    if reply.status >= 400:
        text = f"{host} answered HTTP {reply.status} and nothing of the API's: try again later"
        return PassingError(f"HTTP{reply.status}", text, in_doubt=True)
    return bad_answer(
        f"{host} answered (HTTP {reply.status}), but not as the API does: check --endpoint and any "
        "proxy in between"
    )


def unix_seconds(expiration: str) -> int:
    """Unix seconds of an ``Expiration``: ISO 8601 in UTC, or empty for never (0).

    Raises `ValueError`, for a time before 1970 too: 0 would mean never.
    """
    if not expiration:
        return 0
    moment = datetime.fromisoformat(expiration)
    seconds = int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp())
    if seconds <= 0:
        raise ValueError("a time before 1970")
    return seconds
