"""A word of failure anywhere in an acknowledgement makes it none."""

from typing import Any

import pytest

from kvsync.edgekv.answers import GetAnswer, read_answer
from kvsync.edgekv.shapes import DoneAnswer, ListAnswer, NamespacesAnswer
from kvsync.model.errors import PassingError, RejectedError
from tests.edgekv.test_answers import SCENE, reply

FAULT = '{"Code": "InternalError", "Message": "no"}'


@pytest.mark.parametrize(
    "body",
    [
        f'{{"Response": {{"error": {FAULT}, "RequestId": "r"}}}}',
        f'{{"Response": {{"ERROR": {FAULT}, "RequestId": "r"}}}}',
        f'{{"Response": {{"\\u0065rror": {FAULT}, "RequestId": "r"}}}}',
        f'{{"Response": {{" Error": {FAULT}, "RequestId": "r"}}}}',
        f'{{"Response": {{"Errors": [{FAULT}], "RequestId": "r"}}}}',
        f'{{"Response": {{"Detail": [{{"Error": {FAULT}}}], "RequestId": "r"}}}}',
        '{"Response": {"ErrorCode": 5, "RequestId": "r"}}',
        '{"Response": {"Code": "InternalError", "Message": "no", "RequestId": "r"}}',
        '{"Response": {"FailedKeys": ["k"], "RequestId": "r"}}',
        '{"Response": {"Success": false, "RequestId": "r"}}',
        '{"Response": {"Status": "failed", "RequestId": "r"}}',
        '{"Response": {"Data": [], "RequestId": "r"}}',
        f'{{"Response": {{"RequestId": "r"}}, "Error": {FAULT}}}',
        f'{{"Error": {FAULT}, "Response": {{"RequestId": "r"}}}}',
        f'{{"Response": {{"RequestId": "r"}}, "response": {{"Error": {FAULT}}}}}',
        f'{{"Response": {{"Error": {FAULT}, "RequestId": "a"}}, "Response": {{"RequestId": "b"}}}}',
        f'{{"Response": {{"Error": {FAULT}, "Error": null, "RequestId": "r"}}}}',
        f'{{"Response": {{"Error": null, "error": {FAULT}, "RequestId": "r"}}}}',
        '{"Response": {"RequestId": "a", "RequestId": "b"}}',
        '{"Response": {"RequestId": "a", "New": {"x": 1, "X": 2}}}',
        '{"Response": {"RequestId": "a", "New": "' + "x" * (1 << 16) + '"}}',
        '{"Response": {"RequestId": "a", "New": ' + "[" * 5000 + "]" * 5000 + "}}",
    ],
)
def test_what_speaks_of_a_failure_acknowledges_nothing(body: str) -> None:
    """In any letters, at any depth, or twice: the outcome is open."""
    with pytest.raises(PassingError) as caught:
        read_answer(reply(body.encode()), DoneAnswer, SCENE)
    assert (caught.value.code, caught.value.in_doubt) == ("BadAnswer", True)


@pytest.mark.parametrize(
    "body",
    [
        f'{{"Response": {{"Error": {FAULT}, "Error": {{"Code": "InvalidParameter"}},'
        ' "RequestId": "r"}}',
        f'{{"Response": {{"Error": {{"Code": "InvalidParameter"}}, "error": {FAULT},'
        ' "RequestId": "r"}}',
        f'{{"Response": {{"Error": {{"Code": "InvalidParameter"}}, "RequestId": "r"}},'
        f' "Error": {FAULT}}}',
        '{"Response": {"Error": {"Code": "InternalError", "Code": "InvalidParameter"},'
        ' "RequestId": "r"}}',
    ],
)
def test_a_refusal_that_contradicts_itself_is_none(body: str) -> None:
    """What it says second may be what is so: the key is not as it was before."""
    with pytest.raises(PassingError) as caught:
        read_answer(reply(body.encode()), DoneAnswer, SCENE)
    assert (caught.value.code, caught.value.in_doubt) == ("BadAnswer", True)


@pytest.mark.parametrize(
    "response",
    [
        {},
        {"Error": None},
        {"New": [1], "Added": {"Key": "errors/404.html", "Region": 'a"b'}},
        {"FailedCount": 0, "Errors": []},
        {"Success": True, "Status": "ok"},
    ],
)
def test_what_is_new_in_an_acknowledgement_is_no_failure(response: dict[str, Any]) -> None:
    """The service may say more one day."""
    body = reply({"Response": response | {"RequestId": "r"}})
    assert read_answer(body, DoneAnswer, SCENE).request_id == "r"


def test_a_refusal_may_say_more() -> None:
    """What stands within the Error is the refusal's own."""
    fault = {"Code": "InvalidParameter", "Message": "no", "ErrorDetail": {"Reason": "x"}}
    with pytest.raises(RejectedError, match="InvalidParameter"):
        read_answer(reply({"Response": {"Error": fault, "RequestId": "r"}}), DoneAnswer, SCENE)


@pytest.mark.parametrize("kind", [GetAnswer, ListAnswer, NamespacesAnswer])
def test_what_stands_beside_the_response_makes_it_no_answer(kind: Any) -> None:
    """Of reads, too: the envelope has one thing in it."""
    content = {"Response": {"RequestId": "r"}, "Error": {"Code": "InternalError"}}
    with pytest.raises(PassingError, match="BadAnswer"):
        read_answer(reply(content), kind, SCENE)
