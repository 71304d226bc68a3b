"""Ignore files, include and exclude: git is the judge."""

import os
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kvsync.sources.tree.patterns import Rules, decide, parse_ignore_file, parse_rules
from tests.sources.growing import keys, tree
from tests.sources.making import mistakes

FILES = [
    "a.json", "a.log", "keep.log", "logs/x.log", "logs/x.json", "logs/deep/x.log", "build/out.json",
    "build/build", "src/build/x", "src/a.json", "src/keep.log", "src/foo/bar/baz", "foo/bar/x",
    "foo/keep", "x.d/readme", "b[1].txt", "#hash", "!bang", "sp ace ", "sp", "deep/a/b/c/d.json",
]  # fmt: skip

IGNORES: list[dict[str, str | bytes]] = [
    {".": "*.log\n!keep.log\n"},
    {".": "*\n!*/\n!*.json\n"},
    {".": "logs/\n"},
    {".": "logs\n!logs/x.json\n"},
    {".": "*.log\n!logs/\n"},
    {".": "/build\n"},
    {".": "build/\n"},
    {".": "src/build\n"},
    {".": "foo/**\n!foo/keep\n"},
    {".": "foo/*\n!foo/bar/\n"},
    {".": "**/bar\n"},
    {".": "src/**/baz\n"},
    {".": "deep/**/d.json\n"},
    {".": "a/**/c\n**/b/c/\n"},
    {".": "*.d\n!x.d\n"},
    {".": "\\#hash\n\\!bang\n# comment\n\n/\n!\n"},
    {".": "b\\[1\\].txt\n"},
    {".": "b[[]1].txt\n[a-c].json\n[!a]\n"},
    {".": "sp   \n"},
    {".": "sp\\ ace\\ \n"},
    {".": "*.json\r\n*.log\r\n"},
    {".": "\ufeff*.json\n"},
    {".": "*.log\n", "src": "!keep.log\n"},
    {".": "!x.log\n", "logs": "*\n!deep/\n"},
    {".": "logs/*\n!logs/deep\n", "logs": "!x.log\n/deep/x.log\n"},
    {"foo": "bar\n", "src": "/foo/bar/\n", "deep/a": "*.json\n!b/c/d.json\n"},
    {".": "*/\n!src/\n"},
    {".": "**\n!a.json\n"},
    {".": "**/\n"},
    {".": "a.???n\n?.log\n"},
    {".": "Icon[\r]\n"},
    {".": "Icon\r\r\nodd\x85\nodd\u2028\n"},
    {".": "odd\x0b\nodd\x0c\rx\n"},
    {".": "tab\t\n"},
    {".": "tab\t \n"},
    {".": "two \\  \n"},
    {".": "two\\ \\   \n"},
    {".": "two\\\\  \na\\.json\n"},
    {".": "[[:digit:]]*\n"},
    {".": "[![:digit:][:lower:]]*\n"},
    {".": "*[[:space:][:punct:]x]\n"},
    {".": "[[:blue:]]*\n[a[:digit:\nkeep.log\n"},
    {".": "[]-]x\n[z-a]*\n[^]]x\n"},
    {".": "sp\\\na.json\\\n"},
    {".": "foo**/bar\ns**/a.json\n"},
    {".": "src[/]a.json\nfoo\\/bar\n"},
    {".": b"\xff*\nkeep.log\n"},
    {".": b"[\x80-\xff]*\n??.txt\n"},
    {".": b"a.json\0x\n*.log\n"},
    {".": b"\xef\xbb\xbf#x\n\xef\xbb\xbf*.log\n"},
]
ODD = [
    "Icon\r", "Icon\r\r", "odd\x85", "odd\u2028", "odd\x0b", "odd\x0c\rx", "odd", "tab", "tab\t",
    "two  ", "two", "two \\", "2020", "X", "]x", "-x", "é.txt", "zz.txt", "sp\\", "foobar",
    "foo2/a/bar",
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("ignores", IGNORES)
def test_ignore_files_work_as_gitignore_files_do(
    tmp_path: Path, ignores: dict[str, str | bytes]
) -> None:
    """What git would list as untracked with these ignore files is what the tree has."""
    files: dict[str, str | bytes] = dict.fromkeys(FILES + ODD, "x")
    files |= {f"{place}/.kvsyncignore": text for place, text in ignores.items()}
    source = tree(tmp_path, files, charset="utf-8")
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--others", "--exclude-per-directory=.kvsyncignore"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    ).stdout.decode()
    expected = sorted(
        name for name in listed.split("\0") if name and not name.endswith(".kvsyncignore")
    )
    assert keys(source) == expected


def test_exclude_wins(tmp_path: Path) -> None:
    """Neither include nor an ignore file's ! brings back what exclude names."""
    files = {".kvsyncignore": "!a.json\n", "a.json": "x", "b.json": "x", "d/c.json": "x"}
    source = tree(tmp_path, files, include=("*.json",), exclude=("a.json", "d/"))
    assert keys(source) == ["b_json"]


@pytest.mark.parametrize(
    ("include", "expected"),
    [
        (("*.json",), ["a_json", "d_b_json", "d_e_c_json"]),
        (("/*.json",), ["a_json"]),
        (("d/",), ["d_b_json", "d_e_c_json", "d_x_txt"]),
        (("d/", "!*.txt"), ["d_b_json", "d_e_c_json"]),
        (("d/**/*.json",), ["d_b_json", "d_e_c_json"]),
        (("nothing",), []),
    ],
)
def test_include_names_files_or_directories(
    tmp_path: Path, include: tuple[str, ...], expected: list[str]
) -> None:
    """A file is in if a pattern names it or a directory above it, and no later one takes it out."""
    files = dict.fromkeys(["a.json", "x.txt", "d/b.json", "d/x.txt", "d/e/c.json"], "x")
    assert keys(tree(tmp_path, files, include=include)) == expected


def test_an_ignore_file_takes_every_line(tmp_path: Path) -> None:
    """What no name can match matches none, as in git; an ignore file that is none is a mistake."""
    text = "*.log\nx\\\n[[:blue:]]\na[/]b\n" + "#" * 5000
    source = tree(tmp_path, {".kvsyncignore": text, "a": "x", "b.log": "x"})
    assert keys(source) == ["a"]
    (tmp_path / "d" / ".kvsyncignore").mkdir(parents=True)
    assert mistakes(source) == [
        "d/.kvsyncignore: not a regular file: name a file, or leave it out",
    ]


@pytest.mark.parametrize("pattern", ["x\\", "[[:blue:]]", "a[/]b"])
def test_a_pattern_that_was_typed_can_match_something(pattern: str) -> None:
    """One that cannot is a slip of the pen."""
    words = "not a pattern that .gitignore knows: check \\ and […] in it"
    assert parse_rules(["*.log", pattern])[1] == [(2, words)]


def test_an_ignore_file_is_read_whole_or_not_at_all(tmp_path: Path) -> None:
    """Rules beyond the first mebibyte are not lost in silence."""
    source = tree(tmp_path, {".kvsyncignore": "#" * 2**20 + "\na\n", "a": "x"})
    assert mistakes(source) == [
        ".kvsyncignore: an ignore file over 1 MiB: write fewer or shorter lines"
    ]


def test_an_open_bracket_matches_nothing() -> None:
    """As in git, a range that never ends is a pattern that never matches."""
    rules, faults = parse_rules(["a[b"])
    assert (rules, faults) == ((), [])
    assert decide(rules, "a[b", is_directory=False) is None


PIECES = [
    b"a", b"b", b"1", b".", b"*", b"**", b"***", b"?", b"/", b"/", b"[ab]", b"[!a]", b"[^b]",
    b"[a-c]", b"[]-]", b"[a/b]", b"[[:digit:]]", b"[![:alpha:]]", b"[[:blue:]]", b"[[:alpha:]-z]",
    b"[z-a]", b"[a-", b"[a\\]b]", b"[:a]", b"[[:a]", b"[", b"]", b"-", b"!", b"#", b"\\", b"\\*",
    b"\\/", b"\\ ", b" ", b"\t", b"\r", b"\n", b"\n", b"\r\n", b"\0", b"\x0b", b"\x85", b"\xff",
    b"[\xff]", b"\xc3\xa9", b"\xe2\x80\xa8", b"\xef\xbb\xbf",
]  # fmt: skip
PLACES = [
    b"a", b"b", b"ab", b"ba", b"1", b".a", b"a.b", b"-", b"]", b"[a", b"a]", b"#", b"!a", b"a b",
    b"a ", b" ", b"a\r", b"\r", b"a\t", b"\\", b"*", b"\xff", b"\xc3\xa9", b"a/a", b"a/b",
    b"ab/b", b"a/1/b", b"a/b/ab", b"b/a/ab", b"a/b/a/b", b"b/b/b/ab/a", b"a /\xff", b"-/]",
    b"aa/b", b"a/1/1/b",
]  # fmt: skip


@pytest.mark.slow
@settings(max_examples=60)
@given(texts=st.lists(st.lists(st.sampled_from(PIECES), max_size=8).map(b"".join), max_size=20))
def test_whatever_the_bytes_git_is_the_judge(texts: list[bytes]) -> None:
    """Any ignore file leaves out what git leaves out, whatever its lines look like."""
    with TemporaryDirectory() as folder:
        subprocess.run(["git", "init", "-q", folder], check=True)
        for number, text in enumerate(texts):
            place = Path(folder, str(number))
            place.mkdir()
            (place / ".gitignore").write_bytes(text)
        asked = {
            (number, place): b"%d/%s" % (number, place)
            for number in range(len(texts))
            for place in PLACES
        }
        told = subprocess.run(
            ["git", "check-ignore", "--no-index", "-z", "--stdin"],
            cwd=folder,
            input=b"\0".join([*asked.values(), b"x"]),
            capture_output=True,
            check=False,
        ).stdout.split(b"\0")
    parsed = [parse_ignore_file(text) for text in texts]
    assert [faults for _, faults in parsed if faults] == []
    ours = [name for (number, place), name in asked.items() if left_out(parsed[number][0], place)]
    assert ours == told[:-1]


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
             "space", "upper", "xdigit"],
)  # fmt: skip
def test_classes(tmp_path: Path, name: str) -> None:
    """A class, and what is not of it, has the bytes that it has in git."""
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    for text in (f"x[[:{name}:]]", f"x[^[:{name}:]]"):
        (tmp_path / ".gitignore").write_text(text)
        names = [b"x%c" % byte for byte in range(1, 256) if byte not in b"./"]
        told = subprocess.run(
            ["git", "check-ignore", "--no-index", "-z", "--stdin"],
            cwd=tmp_path,
            input=b"\0".join(names),
            capture_output=True,
            check=True,
        ).stdout.split(b"\0")
        rules, _ = parse_rules([text])
        assert [one for one in names if left_out(rules, one)] == told[:-1]


def left_out(rules: Rules, place: bytes) -> bool:
    """Whether a file is ignored, or any directory that it is in."""
    path = os.fsdecode(place)
    above = [str(folder) for folder in Path(path).parents][:-1]
    return bool(decide(rules, path, is_directory=False)) or any(
        decide(rules, folder, is_directory=True) for folder in above
    )


@pytest.mark.parametrize(
    "pattern",
    [
        "*a" * 20 + "b",
        "*?" * 20 + "b",
        "[a-z]*" * 20 + "!",
        "**/" + "a/**/" * 20 + "b",
        "a*" * 2000,
        "[[:" * 1300 + "z]",
        "[!" + "a-" * 2000 + "]",
        "a" + "\\ " * 1000 + " " * 2000,
    ],
)
def test_no_pattern_is_slow(pattern: str) -> None:
    """Patterns that would have to be tried in more ways than there is time for are decided."""
    rules, _ = parse_rules([pattern])
    assert decide(rules, "a" * 255, is_directory=False) is None
    assert decide(rules, "a/" * 500 + "a", is_directory=False) is None


@pytest.mark.slow
def test_patterns_beyond_reason_are_mistakes() -> None:
    """A pattern is no longer than a path, and a list has ten thousand at most."""
    assert [number for number, _ in parse_rules(["a", "b" * 4097])[1]] == [2]
    assert parse_rules(["a"] * 10_001)[1] == [
        (10_001, "more than 10,000 patterns: write fewer"),
    ]


def test_a_name_with_a_line_feed() -> None:
    """A line feed is a character like any other."""
    rules, _ = parse_rules(["*.log", "a/**/b"])
    assert decide(rules, "x\n.log", is_directory=False)
    assert decide(rules, "a/\n/b", is_directory=False)
    assert decide(rules, "x.log\n", is_directory=False) is None
