"""Whatever a server says: an answer, or an error of ours that repeats no value."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kvsync.edgekv.answers import GetAnswer, Reply, read_answer, unix_seconds
from kvsync.edgekv.reading import Patience, Room, read_body
from kvsync.edgekv.shapes import DoneAnswer, ListAnswer, NamespacesAnswer
from kvsync.edgekv.translate import Scene
from kvsync.model.errors import PassingError, ServiceError
from tests.effort import examples

VALUE, TOKEN = "hunter2-s3cr3t-value", "s3ss10n-t0ken/of+mine"
SCENE = Scene("https://example.com", "zone-1", "ns", VALUE, TOKEN)
KINDS = st.sampled_from([DoneAnswer, GetAnswer, ListAnswer, NamespacesAnswer])
STATUSES = st.sampled_from([100, 200, 200, 200, 204, 301, 400, 403, 413, 429, 500, 502, 599, 999])

WHOLE = [
    json.dumps({"Response": {"RequestId": "r-1", **content}}).encode()
    for content in (
        {},
        {"Error": {"Code": "InternalError", "Message": f"no {VALUE}"}},
        {"Error": {"Code": "AuthFailure", "Message": f"token {TOKEN} is wrong"}},
        {"Data": [{"Key": "k", "Value": "v\\n\u20ac", "Expiration": "2030-01-01T00:00:00Z"}]},
        {"Keys": ["a", "b"], "Cursor": "c"},
        {"TotalCount": 1, "KVNamespaces": [{"Namespace": "ns", "Capacity": 1, "Remark": "x"}]},
    )
]
PIECES = st.sampled_from(
    [
        b"null", b"true", b"-1", b"1e400", b"NaN", b"1" * 5000, b'"', b"\\", b"\\ud800", b"\\u0000",
        b"[", b"]", b"{", b"}", b",", b":", b"\xff", b"\xef\xbb\xbf", b"\x00", b"[" * 3000,
        b'{"a":' * 3000, b'"RequestId":7,', b'"Error":null,', b'"Error":{"Code":"","Message":""},',
        b'"Error":{"Code":null},', b'"Error":[],', b'"Data":{},', b'"Keys":"k",', VALUE.encode(),
        f'"Error":{{"Code":"{VALUE}","Message":"x {VALUE}"}},'.encode(), TOKEN.encode(),
    ]
)  # fmt: skip
MUTATIONS = st.lists(
    st.tuples(st.integers(0, 150), st.integers(0, 30), PIECES | st.binary(max_size=4)), max_size=3
)


def mutated(body: bytes, mutations: Sequence[tuple[int, int, bytes]]) -> bytes:
    """The body with these pieces in place of others."""
    for start, length, piece in mutations:
        body = body[:start] + piece + body[start + length :]
    return body


def ending(reply: Reply, kind: type[Any]) -> Any:
    """The answer, or the error that is told; anything else that is raised is a failure."""
    try:
        return read_answer(reply, kind, SCENE)
    except ServiceError as error:
        return error


@pytest.mark.slow
@settings(max_examples=examples(200))
@given(
    body=st.builds(mutated, st.sampled_from(WHOLE), MUTATIONS) | st.binary(max_size=60),
    kind=KINDS,
    status=STATUSES,
    date=st.sampled_from(["", "Mon, 13 Apr 2026 00:00:00 GMT", "x", "Mon, 99 Apr 0 0:0:0 +9999"]),
)
def test_a_mutated_answer_is_read_or_refused(
    body: bytes, kind: type[Any], status: int, date: str
) -> None:
    """Of every action, with every status; what is told has no value, and fits on a line."""
    end = ending(Reply.of(status, body, date), kind)
    if isinstance(end, ServiceError):
        told = f"{end} {end.code} {end.message} {end.request_id}"
        assert VALUE not in end.message
        assert TOKEN not in end.message
        assert told.isprintable()
        assert len(told) < 2000
        assert end.code
        return
    assert type(end) is kind
    assert (status, end.error) == (200, None)
    assert end.request_id


@pytest.mark.slow
@settings(max_examples=examples(100))
@given(
    st.text(max_size=40)
    | st.datetimes().map(str)
    | st.from_regex(r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]{0,9})?([-+][0-9:]{1,6}|Z)?\Z")
)
def test_any_expiration(text: str) -> None:
    """A time that makes no sense is a `ValueError`, and none is before 1970."""
    try:
        seconds = unix_seconds(text)
    except ValueError:
        return
    assert seconds > 0 or not text


class Response:
    """An answer that comes in these chunks; ``here``: all of them have come already."""

    def __init__(self, chunks: Sequence[bytes], *, here: bool) -> None:
        self.content = self
        self.closed = False
        self.total_bytes = sum(map(len, chunks)) if here else 0
        self._chunks = chunks
        self._here = here

    def is_eof(self) -> bool:
        return self._here

    def exception(self) -> None:
        return None

    def read_nowait(self) -> bytes:
        assert self._here
        return b"".join(self._chunks)

    async def iter_chunks(self) -> AsyncIterator[tuple[bytes, bool]]:
        for chunk in self._chunks:
            await asyncio.sleep(0)
            yield chunk, True

    def close(self) -> None:
        self.closed = True


async def _answers_at_once(answers: list[tuple[list[bytes], bool]], limit: int, most: int) -> None:
    room = Room(most)

    async def read(response: Response) -> bytes | PassingError:
        async with asyncio.timeout(None) as deadline:
            try:
                found = await read_body(response, limit, room, Patience(deadline, 60.0))  # type: ignore[arg-type]
            except PassingError as error:
                assert response.closed
                return error
            return bytes(found)

    responses = [Response(chunks, here=here) for chunks, here in answers]
    found = await asyncio.gather(*map(read, responses))
    for (chunks, _), body in zip(answers, found, strict=True):
        whole = b"".join(chunks)
        assert isinstance(body, PassingError) if len(whole) > limit else body == whole
    with room.reserve() as place:
        # All that they took is free again.
        assert await room.take(place, 1 << 40) >= 0


@pytest.mark.slow
@settings(max_examples=examples(60))
@given(
    answers=st.lists(
        st.tuples(st.lists(st.binary(max_size=40), max_size=6), st.booleans()),
        min_size=1,
        max_size=6,
    ),
    limit=st.integers(0, 120),
    most=st.integers(0, 100),
)
def test_answers_in_any_chunks(
    answers: list[tuple[list[bytes], bool]], limit: int, most: int
) -> None:
    """However answers come, at once and in a room too small for them: each whole, or refused."""
    asyncio.run(_answers_at_once(answers, limit, most))
