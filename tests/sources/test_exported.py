"""A directory that kvsync export wrote, read as a tree."""

import os
import time
from pathlib import Path

import pytest

from kvsync.formats.filenames import file_name
from kvsync.formats.folder_index import Origin, index_lines
from kvsync.model.errors import UsageError
from kvsync.model.values import NEVER, Expiry
from kvsync.sources import SourceOptions, open_source
from kvsync.sources.interface import Source
from tests.nobody import as_nobody
from tests.sources.growing import LATER, keys, tree
from tests.sources.making import faults, manifest, mistakes, nothing, pairs, row_of

ORIGIN = Origin("https://edge.example", "zone-1", "ns")
INDEX = ".kvsync-index"
KEYS = {"a/b": 0, "A": 2000000000}
UNFINISHED = f"{INDEX}: the export did not finish: run the same kvsync export again"
UNKNOWN = (
    "not in the index of this exported directory: take the file away, "
    f"or remove {INDEX} to read this as an ordinary folder"
)
MISSING = (
    "no such file, although the index names it: run the same kvsync export again, "
    f"or remove {INDEX} to read this as an ordinary folder"
)


def exported(
    folder: Path, expires: dict[str, int] = KEYS, complete: bool = True, **options: object
) -> Source:
    """An exported directory; the value of each key is "x"."""
    index = b"".join(index_lines(ORIGIN, expires, complete))
    files: dict[str, str | bytes] = {file_name(key): "x" for key in expires}
    return tree(folder, {INDEX: index, **files}, **options)


def test_keys_and_expiries_are_those_of_the_index(tmp_path: Path) -> None:
    """Not those that the files' names would make; every character is legal."""
    source = exported(tmp_path)
    assert source.charset == "utf-8"
    assert pairs(source) == {"a/b": "x", "A": "x"}
    assert {entry.key: entry.expiry for entry in source.entries(nothing)} == {
        "a/b": NEVER,
        "A": Expiry(at=2000000000),
    }
    assert source.entries(nothing)[0].origin == f"{tmp_path}/_41"
    assert source.warnings == []


def test_a_prefix_stands_before_each_key(tmp_path: Path) -> None:
    """It may have any character, as the keys may."""
    assert keys(exported(tmp_path, prefix="p/")) == ["p/A", "p/a/b"]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"charset": "strict"}, "--charset"),
        ({"key": "path", "ttl": "1d"}, "--key, --ttl"),
        ({"key": "escape", "ttl": "never"}, "--key, --ttl"),
        ({"extension": "keep", "encoding": "base64", "charset": "utf-8"}, "--encoding"),
    ],
)
def test_flags_that_the_index_leaves_no_room_for(
    tmp_path: Path, options: dict[str, str], named: str
) -> None:
    """Typed beside an exported directory, they are one mistake of usage; from variables, none."""
    with pytest.raises(UsageError) as caught:
        exported(tmp_path, **options)
    assert str(caught.value) == (
        f"{named}: the index of an exported directory says this: leave it out, or remove "
        f"{tmp_path}/{INDEX} to read an ordinary folder"
    )
    assert keys(exported(tmp_path, from_environment=frozenset(options), **options)) == ["A", "a/b"]


@pytest.mark.parametrize(
    ("expires", "options"),
    [
        (KEYS, {"charset": "utf-8"}),
        (KEYS, {"charset": "utf-8", "encoding": "text", "extension": "keep"}),
        (KEYS, {"encoding": "auto"}),
        ({"a/b": 0}, {"ttl": "never"}),
        ({"a-b": 0, "c": 0}, {"charset": "strict", "key": "escape", "extension": "drop"}),
        ({"a-b": 0, "c": 0}, {"key": "join"}),
        ({"a-b": 0}, {"key": "path", "charset": "utf-8"}),
    ],
)
def test_flags_that_say_what_the_index_says(
    tmp_path: Path, expires: dict[str, int], options: dict[str, str]
) -> None:
    """They are taken, typed or in a manifest, and make no difference."""
    source = exported(tmp_path / "t", expires, **options)
    assert sorted(keys(source)) == sorted(expires)
    assert {entry.expiry.at for entry in source.entries(nothing)} == set(expires.values())
    fields = "".join(f"  {name}: {value}\n" for name, value in options.items() if name != "charset")
    text = f"version: 1\ncharset: utf-8\ntrees:\n- path: t\n{fields}"
    assert sorted(keys(manifest(tmp_path, text))) == sorted(expires)


def test_binary_files_where_the_index_speaks_of_text(tmp_path: Path) -> None:
    """With auto a value that somebody has replaced by a picture is stored as other pictures are."""
    exported(tmp_path)
    (tmp_path / "_41").write_bytes(b"\x89PNG\xff")
    assert pairs(tree(tmp_path, encoding="auto")) == {"A": "iVBOR/8=", "a/b": "x"}


def test_flags_beside_an_index_that_is_none(tmp_path: Path) -> None:
    """What it would say cannot be known: such flags are refused, the others let it be read."""
    tree(tmp_path, {INDEX: "x\n"})
    with pytest.raises(UsageError, match=r"^--key: the index"):
        tree(tmp_path, key="join")
    assert len(mistakes(tree(tmp_path, charset="utf-8"))) == 1


def test_an_export_that_did_not_finish_is_no_source(tmp_path: Path) -> None:
    """What is missing in it, or too much, is not told on top."""
    assert mistakes(exported(tmp_path, {"a": 0, "b": 0}, complete=False)) == [UNFINISHED]
    (tmp_path / "a").unlink()
    (tmp_path / INDEX).write_bytes(b"")
    assert mistakes(tree(tmp_path, {"more": "x"})) == [UNFINISHED]


def test_index_and_files_must_agree(tmp_path: Path) -> None:
    """A file that somebody put there, and one that somebody took away, are mistakes."""
    source = exported(tmp_path)
    tree(tmp_path, {"mine.txt": "x", "deep/er": "x", ".kvsync-new.half": "x"})
    (tmp_path / "_41").unlink()
    assert mistakes(source) == [
        f"_41: {MISSING}",
        f"deep/er: {UNKNOWN}",
        f"mine.txt: {UNKNOWN}",
    ]


def test_without_its_index_it_is_an_ordinary_folder(tmp_path: Path) -> None:
    """The names of the files are keys then."""
    exported(tmp_path)
    (tmp_path / INDEX).unlink()
    assert keys(tree(tmp_path)) == ["_41", "a_2fb"]


def test_the_index_of_a_directory_further_down_is_no_pair(tmp_path: Path) -> None:
    """Only that of the tree's root says keys."""
    exported(tmp_path / "below")
    assert keys(tree(tmp_path)) == ["below__41", "below_a_2fb"]


def test_patterns_leave_out_files_without_a_mistake(tmp_path: Path) -> None:
    """On the command line, in a .kvsyncignore file, and of files that nobody exported."""
    source = exported(tmp_path, exclude=("_41", "*.txt"))
    tree(tmp_path, {"mine.txt": "x"})
    assert keys(source) == ["a/b"]
    assert keys(tree(tmp_path, include=("_41",))) == ["A"]
    assert keys(tree(tmp_path, {".kvsyncignore": "a_2fb\n*.txt\n"})) == ["A"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"garbage\n", ":1:1: not a line that kvsync export writes"),
        (b"\xff" * 2**17, ":1:1: not a line that kvsync export writes"),
    ],
)
def test_a_mistake_in_the_index_has_its_line(tmp_path: Path, content: bytes, message: str) -> None:
    """It is one of the source's mistakes."""
    (found,) = mistakes(tree(tmp_path, {INDEX: content, "a": "x"}))
    assert found.startswith(INDEX + message)


def test_an_index_is_a_file_in_the_tree(tmp_path: Path) -> None:
    """As a mounted ConfigMap has it, it may be a link; one that leads out is a mistake."""
    source = exported(tmp_path / "t")
    index = tmp_path / "t" / INDEX
    (tmp_path / "t" / "..data").mkdir()
    index.rename(tmp_path / "t" / "..data" / INDEX)
    index.symlink_to(f"..data/{INDEX}")
    assert keys(source) == ["A", "a/b"]
    (tmp_path / "t" / "..data" / INDEX).rename(tmp_path / INDEX)
    index.unlink()
    index.symlink_to(f"../{INDEX}")
    assert mistakes(source) == [
        f"{INDEX}: a link out of the tree: copy the file into it, or remove it"
    ]
    index.unlink()
    os.mkfifo(index)
    assert mistakes(source) == [UNFINISHED]
    index.unlink()
    index.mkdir()
    assert mistakes(source) == [f"{INDEX}: cannot be read: is a directory"]


def test_a_known_file_is_not_read_again(tmp_path: Path) -> None:
    """The state's digest is taken, and the expiry is still that of the index."""
    source = exported(tmp_path, {"A": 2000000000})
    (entry,) = source.entries(nothing)
    row = row_of(entry, digest=b"d" * 32, size=7)
    assert source.entries(lambda _: row) == [entry._replace(digest=b"d" * 32, size=7)]


def test_values_are_text(tmp_path: Path) -> None:
    """Whatever was put into a file, it is judged as that of any tree."""
    source = exported(tmp_path, {"a": 0, "b": 0}, empty="skip")
    tree(tmp_path, {"a": b"\xff", "b": ""})
    assert [text.split(":")[:2] for text in mistakes(source)] == [["a", " not UTF-8 text"]]


def in_manifest(folder: Path, fields: str = "", head: str = "charset: utf-8") -> str:
    """A manifest beside an exported directory named t."""
    exported(folder / "t")
    return f"version: 1\n{head}\ndefaults: {{ttl: 1d}}\ntrees:\n- path: t\n{fields}"


def test_a_manifest_may_have_it_as_a_tree(tmp_path: Path) -> None:
    """Prefix and patterns are the manifest's, expiries the index's; its defaults do not count."""
    text = in_manifest(tmp_path, '  prefix: "p/"\n')
    source = manifest(tmp_path, text)
    assert pairs(source) == {"p/A": "x", "p/a/b": "x"}
    assert [entry.expiry for entry in source.entries(nothing)] == [Expiry(at=2000000000), NEVER]
    assert keys(manifest(tmp_path, text + "  exclude: [_41]\n")) == ["p/a/b"]


def test_a_strict_manifest_judges_its_keys(tmp_path: Path) -> None:
    """They are not changed to be legal."""
    (found,) = faults(tmp_path, in_manifest(tmp_path, head="charset: strict"))
    assert found.startswith('t/a_2fb: the key "a/b" has other characters than letters')


def test_fields_of_a_tree_that_the_index_leaves_no_room_for(tmp_path: Path) -> None:
    """Each is a mistake with its place."""
    fields = "  key: path\n  ttl: 1d\n  encoding: base64\n"
    told = faults(tmp_path, in_manifest(tmp_path, fields))
    assert told == [
        f"m.yaml:{line}: {name}: the index of this exported directory says it: "
        f"take the field away, or remove {INDEX} from there to read an ordinary folder"
        for line, name in [("6:8", "key"), ("7:8", "ttl"), ("8:13", "encoding")]
    ]


def test_a_key_of_two_places_is_named(tmp_path: Path) -> None:
    """There is no key style that could keep them apart."""
    text = in_manifest(tmp_path).replace("trees", 'keys: {"A": "y"}\ntrees')
    assert faults(tmp_path, text) == ['t/_41: the key "A" is also that of m.yaml:4: rename one']


ENTRIES = """
from kvsync.sources import open_source
try:
    print(open_source("t").entries(lambda key: None))
except Exception as error:
    print(error)
"""


@pytest.mark.slow
def test_an_index_that_may_not_be_read_is_a_mistake(shared: Path) -> None:
    """The directory is not taken for an ordinary one."""
    exported(shared / "t")
    (shared / "t" / INDEX).chmod(0)
    assert as_nobody("-c", ENTRIES, cwd=shared).stdout == (
        f"t/{INDEX}: permission denied: let this user read it, or leave it out\n"
    )


def test_the_index_is_read_anew_each_time(tmp_path: Path) -> None:
    """A source that is asked twice says what is there."""
    exported(tmp_path, {"a": 0})
    source = open_source(str(tmp_path), SourceOptions(), clock=lambda: time.time() + LATER)
    assert keys(source) == ["a"]
    exported(tmp_path, {"a": 0, "b": 0})
    assert keys(source) == ["a", "b"]
