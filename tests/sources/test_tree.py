"""What a directory tree means."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsync.model.errors import UsageError
from kvsync.model.keys import join_key
from kvsync.model.tally import NOTHING_TOLD
from kvsync.model.values import NEVER, Destination, Expiry
from kvsync.sources import open_source
from tests.sources.growing import keys, tree
from tests.sources.making import mistakes, nothing, pairs

TOO_LARGE = (
    "EdgeKV takes at most 1048576 (1 MiB): make it smaller, or set large: skip"
    " (folder: --large skip)"
)
EMPTY = (
    "the value is empty, and EdgeKV stores no empty value: "
    "fill it, or leave it out, or set empty: skip (folder: --empty skip)"
)


def test_each_file_is_a_pair_sorted_by_path(tmp_path: Path) -> None:
    """Keys are joined paths by default; the entry says where it comes from."""
    source = tree(tmp_path, {"b.txt": "2", "a/z.txt": "1", "a-b": "3"})
    assert pairs(source) == {"a-b": "3", "a_z_txt": "1", "b_txt": "2"}
    entry = source.entries(nothing)[1]
    assert (entry.origin, entry.size, entry.expiry) == (f"{tmp_path}/a/z.txt", 1, NEVER)
    assert (source.owner, source.destination, source.charset) == ("", Destination(), "strict")
    assert source.label == source.location == source.home == str(tmp_path)
    assert source.warnings == []


def test_flags_do_what_the_fields_do(tmp_path: Path) -> None:
    """Charset, prefix, key, extension, encoding, empty, ttl, patterns and name."""
    files = {"a/b.json": "1", "e.json": "", "c.txt": "2", "draft.json": "3"}
    source = tree(
        tmp_path,
        files,
        charset="utf-8",
        prefix="p/",
        extension="drop",
        encoding="base64",
        empty="skip",
        ttl="30",
        include=("*.json",),
        exclude=("draft*",),
        name="bundle",
    )
    assert pairs(source) == {"p/a/b": "MQ=="}
    assert source.entries(nothing)[0].expiry == Expiry(ttl=30)
    assert (source.owner, source.charset) == ("bundle", "utf-8")
    assert source.warnings == [
        "--ttl: a TTL under 60 s: the service refuses it since mid-2026"
        " (the documented page allows it)"
    ]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["a_b_c"]),
        ({"key": "escape"}, ["a_2fb_2ec"]),
        ({"charset": "utf-8"}, ["a/b.c"]),
        ({"charset": "utf-8", "key": "join"}, ["a_b.c"]),
    ],
)
def test_key_styles(tmp_path: Path, options: dict[str, str], expected: list[str]) -> None:
    """join is the default in strict, path in utf-8."""
    assert keys(tree(tmp_path, {"a/b.c": "x"}, **options)) == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ttl": "0"}, "--ttl: a TTL must be greater than 0: write never for a key that stays"),
        ({"key": "x"}, "--key must be join or escape or path"),
        ({"exclude": ("a\\",)}, ("--exclude: not a pattern that .gitignore knows: "
         "check \\ and […] in it")),
        ({"prefix": "a/"}, ("--prefix has other characters than letters, digits, - and _: "
         "change it, or allow every character, as the service does since mid-2026, "
         "with charset: utf-8 (or --charset utf-8)")),
    ],
)  # fmt: skip
def test_a_flag_that_makes_no_sense_is_named(
    tmp_path: Path, options: dict[str, object], message: str
) -> None:
    """A mistake in a flag is one of usage."""
    with pytest.raises(UsageError) as caught:
        tree(tmp_path, {}, **options)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("name", "content", "options", "message"),
    [
        (
            "a",
            b"\xff",
            {},
            "not UTF-8 text: leave it out, or set encoding: auto, which stores it in base64"
            " (folder: --encoding auto)",
        ),
        ("a", "", {}, EMPTY),
        (
            "a",
            "x" * (2**20 + 1),
            {},
            f"the value has 1048577 bytes: {TOO_LARGE}",
        ),
        (
            "a",
            "x" * 786433,
            {"encoding": "base64"},
            f"the value has 1048580 bytes in base64: {TOO_LARGE}",
        ),
        (
            "a.b",
            "x",
            {"key": "path"},
            (
                'the key "a.b" has other characters than letters, digits, '
                "- and _: change it, or allow every character, as the service does since mid-2026,"
                " with charset: utf-8 (or --charset utf-8)"
            ),
        ),
        ("a\x1b\u202e", "", {}, EMPTY),
        (os.fsdecode(b"a\xff"), "x", {}, "a name that is not UTF-8: rename it, or leave it out"),
    ],
)
def test_a_file_that_cannot_be_a_pair_is_a_mistake(
    tmp_path: Path, name: str, content: str | bytes, options: dict[str, object], message: str
) -> None:
    """Each is reported with its path, made safe for a terminal."""
    shown = {"a\x1b\u202e": "a\\x1b\\u202e", "a\udcff": "a\\udcff"}.get(name, name)
    assert mistakes(tree(tmp_path, {name: content, "ok": "x"}, **options)) == [
        f"{shown}: {message}"
    ]


def test_two_paths_in_one_key_are_a_mistake(tmp_path: Path) -> None:
    """Both paths are named, and escape keeps them apart."""
    files: dict[str, str | bytes] = {"a/b": "1", "a_b": "2", "c.x": "3", "c.y": "4"}
    source = tree(tmp_path, files)
    advice = "rename one, or keep them apart with key: escape (folder: --key escape)"
    assert mistakes(source) == [f'a_b: the key "a_b" is also that of a/b: {advice}']
    assert keys(tree(tmp_path, key="escape")) == ["a_2fb", "a__b", "c_2ex", "c_2ey"]
    assert mistakes(tree(tmp_path, key="escape", extension="drop", include=("c.*",))) == [
        'c.y: the key "c" is also that of c.x: rename one, or keep them apart with extension: keep'
        " (folder: --extension keep)"
    ]
    assert len(mistakes(tree(tmp_path, key="escape", extension="drop"))) == 1
    # What the advice says helps: of each pair that meets, both are there.
    both = mistakes(tree(tmp_path, extension="drop", charset="strict"))
    assert [line.partition("apart with ")[2] for line in both] == [
        "key: escape (folder: --key escape)",
        "extension: keep (folder: --extension keep)",
    ]


NAMES = st.text(st.sampled_from("ab_+/-é"), min_size=1, max_size=4)


@pytest.mark.slow
@given(st.sets(NAMES, max_size=6))
def test_join_never_hides_a_collision(names: set[str]) -> None:
    """Different paths have different keys, or each that meets another is reported."""
    with tempfile.TemporaryDirectory() as place:
        written = set()
        for name in names:
            path = Path(os.path.normpath(f"{place}/x{name}y"))
            with suppress(FileExistsError, NotADirectoryError):
                path.parent.mkdir(parents=True, exist_ok=True)
                if not path.is_dir():
                    path.write_text("v")
                    written.add(str(path.relative_to(place)))
        meeting = len(written) - len({join_key(path) for path in written})
        source = open_source(place)
        assert len(mistakes(source)) == meeting
        assert meeting or len(keys(source)) == len(written)


def test_what_is_left_out_always(tmp_path: Path) -> None:
    """Version control, the state, swap files, ignore files and names that begin with two dots."""
    out = [
        ".git/x", ".hg/x", ".svn/x", ".kvsync/x", ".DS_Store", "Thumbs.db", ".a.swp", "d/.b.swo",
        ".#lock", "#save#", ".~lock.x#", "..data/x", "..2024", ".kvsyncignore", "d/.git",
    ]  # fmt: skip
    files: dict[str, str | bytes] = dict.fromkeys(out, "# nothing\n")
    source = tree(tmp_path, {**files, "d/.htaccess": "x", "swp": "x"})
    assert keys(source) == ["d__htaccess", "swp"]
    assert source.tally == NOTHING_TOLD


def test_flags_from_the_environment_are_for_directories(tmp_path: Path) -> None:
    """A tree takes them as if they were flags; what is wrong with one names the variable."""
    source = tree(tmp_path, {"a": "x"}, ttl="30", from_environment=frozenset({"ttl"}))
    assert source.entries(nothing)[0].expiry == Expiry(ttl=30)
    assert source.warnings[0].startswith("KVSYNC_TTL: a TTL under 60 s")
    for name, value, message in [
        ("ttl", "0", "KVSYNC_TTL: a TTL must be"),
        ("key", "x", "KVSYNC_KEY must be join"),
        ("prefix", "a/", "KVSYNC_PREFIX has other characters"),
        ("exclude", ("a\\",), "KVSYNC_EXCLUDE: not a pattern"),
    ]:
        options = {name: value, "from_environment": frozenset({name})}
        with pytest.raises(UsageError, match=f"^{message}"):
            tree(tmp_path, **options)


def test_left_out_files_are_never_pairs(tmp_path: Path) -> None:
    """The state inside the tree is no pair, however it is reached; its namesakes are pairs."""
    names = ["state.db", "state.db.lock", "d/emulator.db"]
    out = tuple(f"{tmp_path.resolve()}/{name}" for name in names)
    files: dict[str, str | bytes] = dict.fromkeys([*names, "a", "d/state.db"], "x")
    source = tree(tmp_path, files, left_out=out)
    (tmp_path / "to-d").symlink_to("d", target_is_directory=True)
    (tmp_path / "d" / "to-state").symlink_to("../state.db")
    assert keys(source) == ["a", "d_state_db", "to-d_state_db"]


def test_a_link_to_a_left_out_file_elsewhere_is_left_out(tmp_path: Path) -> None:
    """A state that is a link out of the tree is no mistake, before the first run as after it."""
    source = tree(tmp_path / "t", {"a": "x"}, left_out=(f"{tmp_path.resolve()}/s.db",))
    (tmp_path / "t" / "state.db").symlink_to("../s.db")
    assert keys(source) == ["a"]
    (tmp_path / "s.db").write_text("x")
    assert keys(source) == ["a"]


def test_a_directory_at_the_place_of_a_left_out_file_is_read(tmp_path: Path) -> None:
    """Only files are left out: what lies in a directory does not vanish in silence."""
    out = (f"{tmp_path.resolve()}/emulator.db",)
    assert keys(tree(tmp_path, {"emulator.db/a": "x"}, left_out=out)) == ["emulator_db_a"]
