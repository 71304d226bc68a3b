"""Ignore files, include and exclude: git is the judge."""

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kvsync.sources.patterns import Rules, decide, parse_rules
from tests.sources.growing import keys, tree
from tests.sources.making import mistakes

FILES = [
    "a.json", "a.log", "keep.log", "logs/x.log", "logs/x.json", "logs/deep/x.log", "build/out.json",
    "build/build", "src/build/x", "src/a.json", "src/keep.log", "src/foo/bar/baz", "foo/bar/x",
    "foo/keep", "x.d/readme", "b[1].txt", "#hash", "!bang", "sp ace ", "sp", "deep/a/b/c/d.json",
]  # fmt: skip

IGNORES = [
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
]


@pytest.mark.slow
@pytest.mark.parametrize("ignores", IGNORES)
def test_ignore_files_work_as_gitignore_files_do(tmp_path: Path, ignores: dict[str, str]) -> None:
    """What git would list as untracked with these ignore files is what the tree has."""
    files = dict.fromkeys(FILES, "x") | {
        f"{place}/.kvsyncignore": text for place, text in ignores.items()
    }
    source = tree(tmp_path, files, charset="utf-8")
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--others", "--exclude-per-directory=.kvsyncignore"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\0")
    expected = sorted(name for name in listed if name and not name.endswith(".kvsyncignore"))
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


def test_a_broken_ignore_file_is_a_mistake(tmp_path: Path) -> None:
    """Each bad line is named; an ignore file that is none is named too."""
    source = tree(tmp_path, {".kvsyncignore": "*.log\nx\\\n[[:alpha:]]\n[z-a]\n", "a": "x"})
    (tmp_path / "d" / ".kvsyncignore").mkdir(parents=True)
    words = "not a pattern that .gitignore knows: check \\ and […] in it"
    assert mistakes(source) == [
        f".kvsyncignore:2:1: {words}",
        f".kvsyncignore:3:1: {words}",
        f".kvsyncignore:4:1: {words}",
        "d/.kvsyncignore: not a regular file: name a file, or leave it out",
    ]


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


WORDS = st.text("ab*?/", max_size=12) | st.lists(
    st.sampled_from(["a", "b", "ab", "*", "**", "a*", "*b", "?", "[!a]", "[ab]*", "a**b"]),
    min_size=1,
    max_size=5,
).map("/".join)
PLACES = ["a", "b", "ab", "ba", "a/a", "a/b", "ab/b", "a/b/ab", "b/a/ab", "a/b/a/b", "b/b/b/ab/a"]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty one."""
    folder = tmp_path_factory.mktemp("repository")
    subprocess.run(["git", "init", "-q", folder], check=True)
    return folder


@pytest.mark.slow
@settings(max_examples=150)
@given(pattern=WORDS, only_directories=st.booleans())
def test_whatever_the_pattern_git_is_the_judge(
    repository: Path, pattern: str, only_directories: bool
) -> None:
    """Wildcards beside, before and behind each other mean what they mean to git."""
    # Behind a literal beginning git takes such stars for a whole segment, against its own manual.
    assume(not re.search(r"[^/*]\*\*+(/|$)", pattern))
    line = pattern + "/" * only_directories
    (repository / ".gitignore").write_text(f"{line}\n")
    asked = subprocess.run(
        ["git", "check-ignore", "--no-index", "--stdin"],
        cwd=repository,
        input="\n".join(PLACES),
        capture_output=True,
        text=True,
        check=False,
    )
    rules, faults = parse_rules([line])
    assert (faults, asked.stderr) == ([], "")
    assert [place for place in PLACES if left_out(rules, place)] == asked.stdout.split()


def left_out(rules: Rules, path: str) -> bool:
    """Whether a file is ignored, or any directory that it is in."""
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
    ],
)
def test_no_pattern_is_slow(pattern: str) -> None:
    """Patterns that would have to be tried in more ways than there is time for are decided."""
    rules, _ = parse_rules([pattern])
    assert decide(rules, "a" * 255, is_directory=False) is None
    assert decide(rules, "a/" * 500 + "a", is_directory=False) is None


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
