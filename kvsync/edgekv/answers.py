"""What the service answers: typed, and checked before anybody believes it."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from kvsync.edgekv.translate import Scene, bad_answer, error_from
from kvsync.errors import FatalError, PassingError, ServiceError, ThrottledError

__all__ = [
    "Answer",
    "DoneAnswer",
    "GetAnswer",
    "ListAnswer",
    "NamespaceInfo",
    "NamespacesAnswer",
    "Reply",
    "limit_of",
    "read_answer",
    "unix_seconds",
]


class _Fault(msgspec.Struct, frozen=True, rename="pascal"):
    code: str
    message: str = ""


class Answer(msgspec.Struct, frozen=True, rename="pascal"):
    """What every answer has."""

    request_id: str = ""
    error: _Fault | None = None


class DoneAnswer(Answer, frozen=True):
    """Nothing but the service's word: of writes and deletes."""


class _Utf8:
    """A text as the bytes that it is stored as.

    As a str it may take four times as many (one emoji is enough), and twenty are in an answer.
    """

    __slots__ = ("data",)

    def __init__(self, text: str) -> None:
        self.data = text.encode()


def _converted(_kind: type, value: Any) -> _Utf8:
    """What msgspec calls for each value as it comes to it: one at a time is a str."""
    if not isinstance(value, str):
        raise TypeError("a value must be a text")
    return _Utf8(value)


class _Item(msgspec.Struct, frozen=True, rename="pascal"):
    key: str
    value: _Utf8
    expiration: str = ""


class GetAnswer(Answer, frozen=True, rename="pascal"):
    """Of EdgeKVGet. A missing key comes with an empty value."""

    data: list[_Item] | None = None


class ListAnswer(Answer, frozen=True, rename="pascal"):
    """Of EdgeKVList. An empty cursor ends it."""

    keys: list[str] | None = None
    cursor: str = ""


class NamespaceInfo(msgspec.Struct, frozen=True):
    """A namespace as its zone's list has it; capacity and used are in bytes."""

    name: str = msgspec.field(name="Namespace")
    remark: str = msgspec.field(name="Remark", default="")
    capacity: int = msgspec.field(name="Capacity", default=0)
    used: int = msgspec.field(name="CapacityUsed", default=0)
    created: str = msgspec.field(name="CreatedOn", default="")
    modified: str = msgspec.field(name="ModifiedOn", default="")


class NamespacesAnswer(Answer, frozen=True, rename="pascal"):
    """Of DescribeEdgeKVNamespaces."""

    total_count: int = 0
    namespaces: list[NamespaceInfo] | None = msgspec.field(name="KVNamespaces", default=None)


class Reply(NamedTuple):
    """An HTTP answer, read to its end.

    ``service_time`` is its ``Date``; ``sent`` and ``arrived`` are when the request began to be
    written and when the answer's head was there, by this machine's clock. All are Unix seconds.
    """

    status: int
    body: bytes
    service_time: float | None
    sent: float = 0.0
    arrived: float = 0.0

    @classmethod
    def of(
        cls, status: int, body: bytes, date: str, *, sent: float = 0.0, arrived: float = 0.0
    ) -> "Reply":
        """From the parts of a response; a ``Date`` that cannot be read counts as none."""
        return cls(status, body, _moment(date), sent, arrived)


def _moment(date: str) -> float | None:
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()


A = TypeVar("A", bound=Answer)


class _Envelope(msgspec.Struct, Generic[A], frozen=True, rename="pascal"):
    response: A


_MIB = 1 << 20
_LIMITS: dict[type[Answer], int] = {
    DoneAnswer: 1 * _MIB,
    # 1000 keys of 512 characters, each escaped as two times six bytes.
    ListAnswer: 16 * _MIB,
    NamespacesAnswer: 16 * _MIB,
    # 20 values of 1 MiB, each byte escaped as six, and room for the rest.
    GetAnswer: 160 * _MIB,
}
_decoders: dict[type[Answer], msgspec.json.Decoder[Any]] = {
    kind: msgspec.json.Decoder(_Envelope[kind], dec_hook=_converted)  # type: ignore[valid-type]
    for kind in _LIMITS
}


def limit_of(kind: type[Answer]) -> int:
    """How many bytes an answer of this kind may have."""
    return _LIMITS[kind]


def read_answer(reply: Reply, kind: type[A], scene: Scene) -> A:
    """The answer in a reply, whatever its Content-Type.

    Raises the `ServiceError` that it speaks of, or `PassingError` (``BadAnswer``, ``HTTP502``) for
    what is no answer of this API: a gateway's page, half a body, another type.
    """
    try:
        answer: A = _decoders[kind].decode(reply.body).response
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _unreadable(reply, scene) from None
    if answer.error:
        raise _refusal(reply, answer, scene)
    if reply.status != 200 or not answer.request_id:
        raise _unreadable(reply, scene)
    return answer


def _refusal(reply: Reply, answer: Answer, scene: Scene) -> ServiceError:
    fault = answer.error or _Fault("")
    error = error_from(
        fault.code,
        fault.message,
        answer.request_id,
        scene=scene,
        service_time=reply.service_time,
    )
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

    Raises `ValueError`.
    """
    if not expiration:
        return 0
    moment = datetime.fromisoformat(expiration)
    return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp())
