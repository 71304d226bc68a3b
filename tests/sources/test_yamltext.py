"""Characters that YAML 1.1 reads otherwise than people and editors do: as written, or an error."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsync.model.errors import InputError
from kvsync.sources import SourceOptions, open_source
from kvsync.sources.manifest.manifest import Manifest
from kvsync.sources.manifest.nodes import read_yaml
from kvsync.sources.manifest.scalars import render_json
from kvsync.sources.mistakes import Mistakes
from tests.sources.making import HEAD, SECRET, faults, manifest, pairs

NO_BREAKS = {"NEL": "\x85", "LS": "\u2028", "PS": "\u2029"}
LONE = "half of a surrogate pair: write both halves, or the character itself"


def _values(text: str, name: str = "m.yaml") -> dict[str, str]:
    source = Manifest(name, text.encode(), SourceOptions(), {}, time.time)
    return pairs(source)


@pytest.fixture(params=[True, False], ids=["libyaml", "Python"])
def parser(request, monkeypatch) -> None:
    """With libyaml, and without."""
    monkeypatch.setattr("yaml.__with_libyaml__", request.param)


@pytest.mark.parametrize("each", NO_BREAKS.values(), ids=NO_BREAKS)
@pytest.mark.parametrize(
    "line",
    [
        "a: x{}y", "a: 'x{}y'", 'a: "x{}y"', "a: x{}y # {}", "'a': {{value: x{}y}}",
        "a: |-\n  x{}y", "a: >-\n  x{}y", "a: &b x{}y", "a: {{value: 'x{}y'}}",
    ],
)  # fmt: skip
def test_what_ends_a_line_in_yaml_alone(parser, each: str, line: str):
    """It arrives as it was written, and ends no line, in any kind of scalar."""
    text = f"{HEAD}keys:\n {line.format(each, each)}\n"
    assert _values(text) == {"a": f"x{each}y"}


@pytest.mark.parametrize("each", NO_BREAKS.values(), ids=NO_BREAKS)
def test_it_may_stand_anywhere(parser, each: str):
    """At either end of a value, alone, beside others, in a key and in JSON."""
    written = {
        "a": each,
        "b": f"{each}x",
        "c": f"x{each}",
        "d": "\x85\u2028\u2029",
        f"k{each}": "v",
    }
    text = f"{HEAD}charset: utf-8\nkeys: {{json: {{json: {{'x{each}y': z{each}z}}}},"
    text += ", ".join(f"'{key}': '{value}'" for key, value in written.items()) + "}"
    assert _values(text) == written | {"json": f'{{"x{each}y":"z{each}z"}}'}


def test_what_was_written_as_an_escape_stays():
    """Escapes mean what they meant, also those of the characters that stand in meanwhile."""
    text = 'keys: {a: "\\N\\L\\P\\x85\\u2028", b: "\\ue000\ue001\\U0000e002\x85"}'
    assert _values(f"{HEAD}{text}") == {
        "a": "\x85\u2028\u2029\x85\u2028",
        "b": "\ue000\ue001\ue002\x85",
    }


def test_no_character_is_left_to_stand_in(tmp_path: Path):
    """Then it is an error with its place, and never another character."""
    private = "".join(map(chr, range(0xE000, 0xF900)))
    assert faults(tmp_path, f"{HEAD}# {private}\nkeys: {{a: 'x\u2028y'}}\n") == [
        'm.yaml:3:13: U+2028 cannot stand here as it is: take it away, or write it as "\\u2028",'
        " in double quotes"
    ]


@pytest.mark.parametrize("each", NO_BREAKS.values(), ids=NO_BREAKS)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_counted_as_editors_do(parser, tmp_path: Path, each: str, end: str):
    """LF, CRLF and CR end a line, and nothing else; columns are characters."""
    lines = ["version: 1", f"# {each}", "keys:", f"  a: 'é{each}x'", "  b: no", f"  é{each}: 1"]
    (tmp_path / "m.yaml").write_bytes(end.join(lines).encode())
    with pytest.raises(InputError) as caught:
        open_source(str(tmp_path / "m.yaml")).entries(lambda _: None)
    places = [(each.line, each.column) for each in caught.value.mistakes]
    assert places == [(5, 6), (6, 3), (6, 7)]


@pytest.mark.parametrize("each", NO_BREAKS.values(), ids=NO_BREAKS)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_of_what_is_no_yaml(each: str, end: str):
    """So it is where the parser itself gives up, or the text is none."""
    for wrong, column in (("b: [}", 5), ("é\x1b", 2), ('"\\ud83d": x', 2), ("é", 2)):
        data = end.join(["version: 1", f"# {each}", wrong]).encode()
        with pytest.raises(InputError) as caught:
            read_yaml(data, "m.yaml")
        told = caught.value.mistakes[0]
        assert (told.line, told.column) == (3, column)


JSON_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@pytest.mark.slow
@given(st.dictionaries(JSON_TEXT, JSON_TEXT, max_size=5), st.sampled_from([None, 1, "\t"]))
def test_what_json_dumps_writes(value: dict[str, str], indent: str | int | None):
    """Any text is what it was, emoji and control characters too."""
    found = Mistakes("m")
    rendered = render_json(read_yaml(json.dumps({"a": value}, indent=indent).encode(), "m"), found)
    found.raise_all()
    assert json.loads(rendered) == {"a": value}


def test_a_manifest_that_json_dumps_wrote(parser):
    """Pairs of escapes are one character: in keys, values and JSON, on one line and on several."""
    keys = {"😀": "😀", "a": "x😀\\ud83d\\ude00y😀", "b": {"json": {"😀": ["😀"]}}, "c": "é中"}
    wanted = keys | {"b": '{"😀":["😀"]}'}
    for indent in (None, 2):
        text = json.dumps({"version": 1, "charset": "utf-8", "keys": keys}, indent=indent)
        assert "\\ud83d\\ude00" in text
        assert _values(text, "m.json") == wanted
    assert _values(text.replace("ud83d", "uD83D").replace("ude00", "uDE00"), "m.json") == wanted | {
        "a": "x😀\\uD83D\\uDE00y😀"
    }


def test_only_double_quotes_have_escapes():
    """Elsewhere a backslash is one, and what follows it stays as it is."""
    half = "\\ud83d\\ude00\\ud83d"
    lines = f"# {half}\nkeys:\n a: {half}\n b: '{half}'\n c: |-\n  {half}\n d: \"\\ud83d\\ude00\"\n"
    assert _values(HEAD + lines) == {"a": half, "b": half, "c": half, "d": "😀"}
    assert _values(f'{HEAD}keys: {{a: "\\\\ud83d\\\\\\ud83d\\ude00"}}') == {"a": "\\ud83d\\😀"}


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("\\ud83d", 13), ("x\\ude00", 14), ("\\ud83dx\\ude00", 13), ("\\ude00\\ud83d", 13),
        ("\\ud83d\\ude00\\uD83D", 25), ("é\\ud83d\\u0041", 14), ("\\ud83d\\ud83d\\ude00", 13),
    ],
)  # fmt: skip
def test_half_of_a_pair(parser, tmp_path: Path, text: str, column: int):
    """It is an error at its own place."""
    found = faults(tmp_path, f'{HEAD}# \\ud83d\nkeys: {{ab: "{text}"}}\n')
    assert found[0] == f"m.yaml:3:{column}: {LONE}"


def test_all_halves_are_told(tmp_path: Path):
    """Ten of them by their places, and then how many more."""
    lines = "".join(f' k{number}: "{SECRET}\\ud83d"\n' for number in range(13))
    with pytest.raises(InputError) as caught:
        manifest(tmp_path, f"{HEAD}keys:\n{lines}")
    assert [each.line for each in caught.value.mistakes] == list(range(3, 13))
    assert caught.value.more == 3
    assert SECRET not in str(caught.value)


def test_what_follows_a_pair_keeps_its_place(tmp_path: Path):
    """A mistake behind an emoji has the column that an editor shows."""
    text = 'version: 1\nkeys: {a: "\\ud83d\\ude00", b: "x\n \\ud83d\\ude00" , c: no}\n'
    assert [each.split(" ")[0] for each in faults(tmp_path, text)] == ["m.yaml:3:21:"]


def test_an_escape_beyond_unicode(tmp_path: Path):
    """It is said what it is, at its place."""
    for escape in ("\\U00110000", "\\U0000d83d"):
        assert faults(tmp_path, f'{HEAD}keys: {{a: "x{escape}"}}\n') == [
            "m.yaml:2:13: an escape that stands for no character (half of a surrogate pair, or"
            " beyond U+10FFFF): write the character itself"
        ]


FOREIGN = {
    "\x1b": ("U+001B (ESC)", "\\x1b"), "\x7f": ("U+007F (DEL)", "\\x7f"),
    "\x00": ("U+0000 (NUL)", "\\x00"), "\x9b": ("U+009B", "\\x9b"), "\x08": ("U+0008", "\\x08"),
    "\ufeff": ("U+FEFF (a byte order mark)", "\\ufeff"), "\uffff": ("U+FFFF", "\\uffff"),
    "\ufffe": ("U+FFFE", "\\ufffe"), "\x0c": ("U+000C", "\\x0c"),
}  # fmt: skip


@pytest.mark.parametrize("each", FOREIGN, ids=[called for called, _ in FOREIGN.values()])
@pytest.mark.parametrize(
    "line", ["a: {}{}", "a: '{}{}'", 'a: "{}{}"', "a: |\n {}{}", "'{}{}': x", "# {}{}", "{}{}"]
)
def test_a_character_that_yaml_does_not_take(parser, tmp_path: Path, each: str, line: str):
    """Its name, its place and how to write it; never what stands around it."""
    text = f"{HEAD}# é\n{line.format('é' + SECRET, each)}\n"
    before = text[: text.index(each)]
    row, column = before.count("\n") + 1, len(before) - before.rindex("\n")
    called, escape = FOREIGN[each]
    assert faults(tmp_path, text) == [
        f"m.yaml:{row}:{column}: {called} cannot stand here as it is: take it away, or write it as"
        f' "{escape}", in double quotes'
    ]
    assert _values(f'{HEAD}keys: {{a: "{escape}"}}') == {"a": each}


def test_in_json_its_escape_is_one_of_json():
    """What is advised can be read by everybody who reads the file."""
    with pytest.raises(InputError, match=r'm.json:1:18: U\+001B .* write it as "\\u001b"'):
        _values('{"version": 1, "x\x1b": "y"}', "m.json")


def test_a_byte_order_mark_at_the_start_is_none_of_these(tmp_path: Path):
    """Windows writes it, and it counts for no column."""
    assert _values("\ufeffversion: 1\nkeys: {a: b}") == {"a": "b"}
    assert faults(tmp_path, "\ufeffkeys: {a: no}\n")[0].startswith("m.yaml:1:1: no version")
    assert faults(tmp_path, "\ufeff\ufeffversion: 1\n")[0].startswith("m.yaml:1:1: U+FEFF")


def test_utf_16_that_says_so_is_read():
    """Windows PowerShell writes that."""
    data = "version: 1\nkeys: {a: 'x\u2028😀'}\n"
    for encoding in ("utf-16", "utf-8-sig"):
        source = Manifest("m.yaml", data.encode(encoding), SourceOptions(), {}, time.time)
        assert pairs(source) == {"a": "x\u2028😀"}
    with pytest.raises(InputError, match="not a text file in UTF-8"):
        read_yaml(b"\xff\xfea\x00\x00\xd8b\x00", "m.yaml")
