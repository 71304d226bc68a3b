"""No message repeats a value, however the service quotes it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsync.edgekv.translate import Scene, error_from

LEFT_OUT = "the service's message repeats the value; it is left out"
LOGIN = '{"password":"hunter2","user":"ä😀"}'


def told(message: str, value: str) -> str:
    """What a person reads of the service's message about a value."""
    return error_from("InvalidParameterValue", message, "r-1", scene=Scene(hidden=value)).message


@pytest.mark.parametrize(
    ("message", "value"),
    [
        ("bad Value: hunter2-value!", "hunter2-value"),
        ("bad Value: hunter2-...", "hunter2-value"),
        ("bad Value near ...r2-value", "hunter2-value"),
        ("bad Value near ...nter2-va...", "hunter2-value"),
        ("bad Value: hunter2", "hunter2"),
        (f"bad Value: {LOGIN}", LOGIN),
        ('bad Value: {\\"password\\":\\"hunter2\\"}', '{"password":"hunter2"}'),
        (f"bad Value: {json.dumps(LOGIN)}", LOGIN),
        (f"bad Value: {json.dumps(LOGIN, ensure_ascii=False)}", LOGIN),
        ('bad Value: \\"a\\": 1, \\"b\\"', '"a": 1, "b"'),
        ("bad Value: \\u00E4\\u00e4\\u00e4\\u00e4", "ääää"),
        ("bad Value: \\ud83d\\ude00\\ud83d\\ude00\\ud83d\\ude00\\ud83d\\ude00", "😀😀😀😀"),
        ("bad Value: a\\/b\\/c\\/d\\/e", "a/b/c/d/e"),
        ("bad Value: one\\ntwo\\n", "one\ntwo\n"),
        ("bad Value: C:\\new\\table", "C:\\new\\table"),
        ("bad Value 'abc'", "abc"),
        ('bad Value "7"', "7"),
        ("bad Value [no]", "no"),
        ("bad Value=(é)", "é"),
        ("bad Value {}", "{}"),
        ('bad Value \\"no\\"', "no"),
        ("y" * 495 + "hunter2-value", "hunter2-value"),
    ],
)
def test_a_message_that_repeats_a_value_is_left_out(message: str, value: str) -> None:
    """Whole or in part, plain or escaped, long or short: the words go, code and id stay."""
    error = error_from("InvalidParameterValue", message, "r-1", scene=Scene(hidden=value))
    assert (error.code, error.request_id, error.message) == (
        "InvalidParameterValue",
        "r-1",
        LEFT_OUT,
    )


@pytest.mark.parametrize(
    ("message", "value"),
    [
        ("Value must have 10 to 20 characters", "1"),
        ("the namespace is full", "name"[:3]),
        ("bad Value.", "."),
        ("Value is too long", "hunter2-value"),
        ('bad \\"Value\\" at C:\\dir', "hunter2-value"),
        ("Value is too long", ""),
        ("y" * 600 + "hunter2-value", "hunter2-value"),
    ],
)
def test_another_message_is_told(message: str, value: str) -> None:
    """A message that has the value nowhere, or only as a part of its own words, stays."""
    assert told(message, value)[:400] == message[:400].rstrip(".")


def test_advice_stays() -> None:
    """What to do is ours to say, whatever the service repeats."""
    error = error_from("AuthFailure", "for hunter2-value", scene=Scene(hidden="hunter2-value"))
    assert error.message == f"{LEFT_OUT}; check the credentials"


@pytest.mark.slow
@given(st.data())
def test_no_eight_characters_of_a_value_are_told(data: st.DataObject) -> None:
    """Any part of a value, from 8 characters on, as it is or as JSON, is left out."""
    value = data.draw(st.text(st.characters(codec="utf-8"), min_size=8))
    start = data.draw(st.integers(0, len(value) - 8))
    part = value[start : data.draw(st.integers(start + 8, len(value)))]
    for quoted in (part, json.dumps(part), json.dumps(part, ensure_ascii=False)):
        assert told(f"bad Value {quoted}.", value) == LEFT_OUT


@pytest.mark.slow
@given(st.data())
def test_no_eight_characters_of_an_escaped_value_are_told(data: st.DataObject) -> None:
    """A part of a value's JSON form is left out even if the cut went through an escape."""
    value = data.draw(st.text('a"\\\n', min_size=8))
    quoted = json.dumps(value)[1:-1]
    start = data.draw(st.integers(0, len(quoted) - 8))
    part = quoted[start : data.draw(st.integers(start + 8, len(quoted)))]
    assert told(f"bad Value {part}.", value) == LEFT_OUT
