"""Long texts in JSON, read piece by piece."""

import io
import json
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kvsync.formats.decoder import Json
from kvsync.formats.jsontext import MAX_ITEM, BrokenError, Found, JsonText
from kvsync.formats.record import Fault
from tests.effort import examples
from tests.formats.feeding import TEXTS, Drops, Pouring, bare, read

_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**16), 10**16) | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=20,
)
_LAYOUTS: st.SearchStrategy[dict[str, Any]] = st.builds(
    dict,
    indent=st.sampled_from([None, 0, 3, "\t"]),
    ensure_ascii=st.booleans(),
    separators=st.sampled_from([None, (",", ":"), (" ,\r\n", " :\n ")]),
)


def _broken(content: bytes, walk: Callable[[JsonText], Iterator[object]]) -> Fault:
    with pytest.raises(BrokenError) as caught:
        list(walk(JsonText(io.BytesIO(content))))
    return caught.value.fault


def _members(text: JsonText) -> Iterator[tuple[str, Json]]:
    return ((name, text.item().value) for _, name in text.names())


@pytest.mark.slow
@settings(max_examples=examples(40))
@given(st.lists(_VALUES), _LAYOUTS, st.integers(1, 99), st.integers(1, 9))
def test_the_elements_of_an_array_come_one_by_one(
    values: list[Json], layout: dict[str, Any], chunk: int, drop: int
) -> None:
    """In any layout, and however the bytes arrive; the place is then behind the array."""
    text = JsonText(Drops(json.dumps(values, **layout).encode() + b"\n rest", drop), chunk)
    assert [found.value for found in text.elements()] == values
    assert text.peek() == "r"


@pytest.mark.slow
@settings(max_examples=examples(40))
@given(st.dictionaries(TEXTS, _VALUES), _LAYOUTS, st.integers(1, 99), st.integers(1, 9))
def test_the_members_of_an_object_come_one_by_one(
    values: dict[str, Json], layout: dict[str, Any], chunk: int, drop: int
) -> None:
    """Each name, and then what it names."""
    text = JsonText(Drops(json.dumps(values, **layout).encode(), drop), chunk)
    assert dict(_members(text)) == values
    assert text.peek() == ""


@pytest.mark.slow
@settings(max_examples=examples(40))
@given(st.lists(_VALUES), _LAYOUTS, st.integers(1, 99))
def test_texts_may_stand_one_after_the_other(
    values: list[Json], layout: dict[str, Any], chunk: int
) -> None:
    """With a line end between them."""
    content = "\n".join(json.dumps(value, **layout) for value in values)
    text = JsonText(io.BytesIO(content.encode()), chunk)
    assert [found.value for found in text.texts()] == values


@pytest.mark.parametrize("width", range(20))
@pytest.mark.parametrize(
    ("word", "meaning"),
    [
        ("123456", 123456),
        ("-1.5e+10", b"-1.5e+10"),
        ("true", True),
        ("null", None),
        ('"\\ud83d\\ude00"', "😀"),
        ('"é€😀"', "é€😀"),
    ],
)
def test_a_word_may_lie_across_the_end_of_what_was_read(
    word: str, meaning: object, width: int
) -> None:
    """It is not taken for whole before its end was seen."""
    content = f"[{' ' * width}{word},{word}]".encode()
    text = JsonText(io.BytesIO(content), chunk=24)
    values = [each.value for each in text.elements()]
    assert [bytes(v) if isinstance(v, msgspec.Raw) else v for v in values] == [meaning] * 2


@pytest.mark.parametrize("width", range(9))
def test_a_word_can_be_skipped(width: int) -> None:
    """Wherever what was read ends; any other is left."""
    text = JsonText(io.BytesIO(b" " * width + b"Success! Succ"), chunk=4)
    text.skip("Success!")
    text.skip("Success!")
    assert text.peek() == "S"


def test_lines_are_counted_across_everything() -> None:
    """In strings there are none."""
    content = b'\xef\xbb\xbf\n[\n"a\\n", \r\n{"b":\n1},\n\n [\n]\n,7]'
    found = list(JsonText(io.BytesIO(content)).elements())
    assert [each.place for each in found] == [(3, 1), (4, 1), (7, 2), (9, 2)]
    assert [each.number for each in found] == [1, 2, 3, 4]


@pytest.mark.slow
@given(st.lists(st.integers(0, 5), min_size=1, max_size=200), st.integers(1, 500))
@settings(max_examples=examples(30))
def test_the_place_does_not_depend_on_how_much_is_read(gaps: list[int], chunk: int) -> None:
    """Nor on how often what was read is forgotten."""
    content = (
        "[" + ",".join("\n" * gap + f'"{number:€>97}"' for number, gap in enumerate(gaps)) + "]"
    )
    for found in JsonText(io.BytesIO(content.encode()), chunk).elements():
        line, column = found.place
        assert content.split("\n")[line - 1][column - 1 :].startswith(f'"{found.value}"')
        assert int(str(found.value).strip("€")) == found.number - 1


def test_what_is_wrong_with_a_part_is_no_end() -> None:
    """The text is well-formed."""
    text = JsonText(io.BytesIO(b'[{"a":1,"a":2}, NaN, {"a": [Infinity]}, 1]'))
    twice = "a field twice in one object: leave one of the two out"
    assert [found.fault for found in text.elements()] == [
        twice,
        "NaN is not JSON: write a string, a number or null",
        "Infinity is not JSON: write a string, a number or null",
        "",
    ]


def test_numbers_stay_as_they_are() -> None:
    """Whatever Python would make of them."""
    words = [b"1.10", b"1e400", b"123456789012345678901234567890", b"9" * 5000]
    found = JsonText(io.BytesIO(b"[" + b",".join(words) + b"]")).elements()
    assert [bytes(each.value) for each in found] == words  # type: ignore[arg-type]


_CUT = "the file ends in the middle of what begins at line {}: get the whole file"


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (b"[\n1,\n2", 3, _CUT.format(1)),
        (b"[\n1,\n2,\n", 4, _CUT.format(4)),
        (b'[\n1,\n"a', 3, _CUT.format(3)),
        (b'[\n1,\n{"a":\n[1,\n', 5, _CUT.format(3)),
        (b"[\n1 2]", 2, "not JSON: expected , or ]"),
        (b"[\n1,\n]", 3, "not JSON: expecting value"),
        (b"[\n{'a': 1}]", 2, None),
        (b"[\n\xff]", 2, "not valid UTF-8: save the file as UTF-8"),
        (b'[\n"a\n', 2, "not JSON: invalid control character"),
        (b'["\\x"]', 1, "not JSON: invalid \\escape"),
        (b"[tru" + b" " * 99, 1, "not JSON: expecting value"),
        (b"[" * 10**6, 1, "nested too deeply: write the value as a string"),
        (b"{}", 1, "not JSON: expected ["),
    ],
    ids=lambda value: value[:20] if isinstance(value, bytes) else "",
)
def test_a_broken_array_has_a_line(content: bytes, line: int, message: str | None) -> None:
    """And says what was expected, or where what is cut off begins."""
    fault = _broken(content, JsonText.elements)
    assert fault.line == line
    assert message is None or fault.message == message


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (b'{"a": 1,\n b: 2}', 2, 'not JSON: expected a name in double quotes (")'),
        (b'{"a": 1,\n "b" 2}', 2, "not JSON: expected :"),
        (b'{"a": 1\n "b": 2}', 2, "not JSON: expected , or }"),
        (b'{"a": 1,\n "b":', 2, _CUT.format("2, column 6")),
    ],
)
def test_a_broken_object_has_a_line(content: bytes, line: int, message: str) -> None:
    """And says what was expected, or where what is cut off begins."""
    assert bare(_broken(content, _members)) == Fault(line, message)


@pytest.mark.slow
@pytest.mark.parametrize("inside", [b'"%s"', b'{"a":"%s"}', b'[1,"%s"]'])
def test_one_item_has_a_limit(inside: bytes) -> None:
    """So that memory does not grow with a file that never ends an item."""
    fits = inside % (b"x" * (MAX_ITEM - 99))
    assert len(list(JsonText(io.BytesIO(b"[1,\n" + fits + b"]")).elements())) == 2
    endless = b"[1,\n" + inside.split(b"%s")[0] + b"x" * 4 * MAX_ITEM
    fault = _broken(endless, JsonText.elements)
    assert bare(fault) == Fault(2, "more than 16 MiB: EdgeKV cannot hold that, leave it out")


@pytest.mark.slow
def test_a_number_has_a_limit_too() -> None:
    """Though every beginning of one is whole."""
    fault = _broken(b"[1,\n" + b"9" * 4 * MAX_ITEM, JsonText.elements)
    assert bare(fault) == Fault(2, "more than 16 MiB: EdgeKV cannot hold that, leave it out")


def test_a_syntax_error_is_found_at_once() -> None:
    """Not after 16 MiB more."""
    file = io.BytesIO(b'[{"a" 1}' + b"x" * 2**23)
    with pytest.raises(BrokenError):
        list(JsonText(file).elements())
    assert file.tell() < 2**20


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file() -> None:
    """40 MB of pairs need a few MiB."""
    pair = json.dumps({"key": "a", "value": 'é\n"x' * 500}).encode()
    pieces = (b",\n".join([pair] * 50) + b",\n" for _ in range(200))
    file = io.BufferedReader(Pouring(iter([b"[", *pieces, pair, b"]"])))
    tracemalloc.start()
    try:
        count = 0
        for found in JsonText(file).elements():
            assert type(found) is Found
            count += 1
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 10001
    assert peak < 8 * 2**20


def test_all_of_a_dump_is_read_in_drops() -> None:
    """One byte at a time is slow, but right."""
    content = b'\xef\xbb\xbf[{"key": "\xc3\xa9", "value": "\xe2\x82\xac"}]'
    assert read("cloudflare", content, drop=1) == read("cloudflare", content)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["cloudflare", "fastly", "consul", "jsonl"])
@pytest.mark.parametrize("piece", [b"[],", b"{},", b'"a",'])
def test_an_item_of_very_many_parts(form: str, piece: bytes) -> None:
    """What Python would make many times as large is refused before it is."""
    content = b'[{"key":"k","value":[' + piece * 1_000_000 + b"0]}]"
    found = read(form, content[1:-1] if form in {"fastly", "jsonl"} else content)
    assert [str(item.message) for item in found if isinstance(item, Fault)] == [
        "more than 250,000 parts in one object: write the value as a string"
    ]


@pytest.mark.parametrize("form", ["cloudflare", "jsonl"])
def test_a_value_of_brackets(form: str) -> None:
    """Characters within a string are no parts."""
    value = '[{,"\\' * 200_000
    pair = json.dumps({"key": "k", "value": value}).encode()
    (found,) = read(form, pair if form == "jsonl" else b"[" + pair + b"]")
    assert not isinstance(found, Fault)
    assert found.value == value.encode()
