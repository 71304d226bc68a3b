"""Answers are checked before they are believed."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsync.edgekv.answers import GetAnswer, Reply, read_answer, unix_seconds
from kvsync.edgekv.shapes import DoneAnswer, ListAnswer
from kvsync.edgekv.translate import Scene
from kvsync.model.errors import (
    FatalError,
    PassingError,
    RejectedError,
    ServiceError,
    ThrottledError,
)

SCENE = Scene("https://example.com", "zone-1", "ns-1")


def reply(content: Any, status: int = 200) -> Reply:
    """A reply with these bytes, or with this as JSON."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return Reply(status, body, None)


def refusal(code: str, status: int) -> ServiceError:
    """What becomes of an error that comes with an HTTP status."""
    fault = {"Error": {"Code": code, "Message": "m"}, "RequestId": "r"}
    with pytest.raises(ServiceError) as caught:
        read_answer(reply({"Response": fault}, status), DoneAnswer, SCENE)
    return caught.value


def test_a_success_has_a_request_id() -> None:
    """A RequestId without an Error is the service's word."""
    answer = read_answer(reply({"Response": {"RequestId": "r", "New": [1]}}), DoneAnswer, SCENE)
    assert answer.request_id == "r"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        b'{"Response": {"RequestId": "r"',
        b'{"Response": {"RequestId": "\xff"}}',
        b'{"Response": {"RequestId": "\\ud800"}}',
        b'{"Response": {"RequestId": "r", "X": ' + b"[" * 100_000,
        {},
        [],
        {"Response": {}},
        {"Response": {"RequestId": 7}},
        {"Response": {"RequestId": "r", "Data": "x"}},
        {"Response": {"RequestId": "r", "Data": [{"Key": "k", "Value": 7}]}},
        {"Response": {"RequestId": "r", "Data": [{"Key": "k", "Value": None}]}},
        b'{"Response": {"RequestId": "r", "Data": [{"Key": "k", "Value": "\xff"}]}}',
        b'{"Response": {"RequestId": "r", "Data": [{"Key": "k", "Value": "\\ud800"}]}}',
    ],
)
def test_what_is_no_answer_is_tried_again(content: Any) -> None:
    """Pages, halves and wrong types leave the outcome open, and are tried again."""
    with pytest.raises(PassingError) as caught:
        read_answer(reply(content), GetAnswer, SCENE)
    assert (caught.value.code, caught.value.in_doubt) == ("BadAnswer", True)
    assert "example.com answered (HTTP 200)" in caught.value.message


@pytest.mark.slow
@given(st.binary())
def test_no_body_breaks_the_reader(body: bytes) -> None:
    """Whatever bytes come, the outcome is an error of ours."""
    with pytest.raises(PassingError):
        read_answer(reply(body), ListAnswer, SCENE)


@pytest.mark.parametrize("status", [201, 204, 302])
def test_a_success_comes_with_status_200(status: int) -> None:
    """A success with another status is not the API speaking."""
    with pytest.raises(PassingError, match="BadAnswer"):
        read_answer(reply({"Response": {"RequestId": "r"}}, status), DoneAnswer, SCENE)


@pytest.mark.parametrize("status", [403, 413, 500, 502, 504])
def test_a_gateways_page_is_named_by_its_status(status: int) -> None:
    """An unreadable answer with an error status has that status for a code, and is in doubt."""
    with pytest.raises(PassingError) as caught:
        read_answer(reply(b"<html>", status), DoneAnswer, SCENE)
    assert (caught.value.code, caught.value.in_doubt) == (f"HTTP{status}", True)


def test_too_many_requests_slow_down() -> None:
    """HTTP 429 is a request to slow down, and nothing was carried out."""
    with pytest.raises(ThrottledError) as caught:
        read_answer(reply(b"slow down", 429), DoneAnswer, SCENE)
    assert (caught.value.code, caught.value.in_doubt) == ("HTTP429", False)


@pytest.mark.parametrize(
    ("code", "status", "kind", "in_doubt"),
    [
        ("InvalidParameter", 200, RejectedError, False),
        ("InvalidParameter", 400, RejectedError, False),
        ("BadGateway", 502, PassingError, True),
        ("InternalError", 500, PassingError, True),
        ("AuthFailure", 500, FatalError, False),
        ("RequestLimitExceeded", 503, ThrottledError, False),
    ],
)
def test_an_error_is_read_whatever_the_status(
    code: str, status: int, kind: type[ServiceError], in_doubt: bool
) -> None:
    """The body decides, but for a refusal behind a 5xx, which something in front may have said."""
    error = refusal(code, status)
    assert type(error) is kind
    assert (error.code, error.request_id, error.in_doubt) == (code, "r", in_doubt)


@pytest.mark.parametrize(
    ("date", "moment"),
    [
        ("Mon, 13 Apr 2026 00:00:00 GMT", 1_776_038_400.0),
        ("Mon, 13 Apr 2026 00:00:00 -0000", 1_776_038_400.0),
        ("", None),
        ("yesterday", None),
    ],
)
def test_the_date_of_an_answer_is_optional(date: str, moment: float | None) -> None:
    """A Date that cannot be read counts as none."""
    assert Reply.of(200, b"", date).service_time == moment


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("", 0),
        ("2026-04-13T00:00:00Z", 1_776_038_400),
        ("2026-04-13T08:00:00+08:00", 1_776_038_400),
        ("2026-04-13T00:00:00", 1_776_038_400),
    ],
)
def test_an_expiration_is_iso_8601_in_utc(text: str, moment: int) -> None:
    """An Expiration becomes Unix seconds, empty is never, and without a zone it is UTC."""
    assert unix_seconds(text) == moment
