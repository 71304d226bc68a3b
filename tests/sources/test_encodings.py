"""Files that are stored as what they are, and files that are too large."""

import base64
import itertools
from pathlib import Path

import pytest

from kvsync.model.entries import names_of
from kvsync.model.values import Row
from kvsync.sources.interface import Source
from tests.sources.growing import keys, tree
from tests.sources.making import manifest, mistakes, nothing, pairs, row_of

PICTURE = b"\x89PNG\xff"
CODED = base64.b64encode(PICTURE).decode()
FILES: dict[str, str | bytes] = {"a.png": PICTURE, "b.txt": "é", "c": "iVBOR"}


def test_text_where_it_is_text(tmp_path: Path) -> None:
    """Every other file goes in base64; how many of which is counted."""
    source = tree(tmp_path, FILES, encoding="auto")
    assert pairs(source) == {"a_png": CODED, "b_txt": "é", "c": "iVBOR"}
    assert source.tally.encodings == {"text": 2, "base64": 1}
    assert source.tally.examples["base64"] == [f"{tmp_path}/a.png"]


def test_an_empty_file_is_neither(tmp_path: Path) -> None:
    """It is what it is under any encoding: a mistake, or left out."""
    assert len(mistakes(tree(tmp_path, {"a": "", "b": "x"}, encoding="auto"))) == 1
    source = tree(tmp_path, encoding="auto", empty="skip")
    assert keys(source) == ["b"]
    assert source.tally.left_out == {"empty": 1}
    assert source.tally.encodings == {"text": 1}


ENCODINGS = ["text", "base64", "auto"]


@pytest.mark.parametrize(("before", "after"), [*itertools.product(ENCODINGS, ENCODINGS)])
def test_another_encoding_sends_again_what_it_changes(
    tmp_path: Path, before: str, after: str
) -> None:
    """What the state knows of a file holds just where the new encoding makes the same of it."""
    files = {
        name: FILES[name] for name in FILES if "text" not in {before, after} or name != "a.png"
    }
    entries = tree(tmp_path, files, encoding=before).entries(nothing)
    rows = {entry.key: row_of(entry) for entry in entries}
    looked_up = tree(tmp_path, encoding=after).entries(rows.get)
    read = tree(tmp_path, encoding=after).entries(nothing)
    assert [entry[:5] for entry in looked_up] == [entry[:5] for entry in read]
    same = {entry.key for entry in looked_up if entry.digest == rows[entry.key].digest}
    assert same == {
        key for key in rows if (before == "base64") == (after == "base64") or key == "a_png"
    }


def test_known_files_are_not_read_under_auto(tmp_path: Path) -> None:
    """Neither text nor picture, and both are still counted as what they are."""
    source = tree(tmp_path, FILES, encoding="auto")
    known = {entry.key: row_of(entry, digest=b"d" * 32) for entry in source.entries(nothing)}
    assert {entry.digest for entry in source.entries(known.get)} == {b"d" * 32}
    assert source.tally.encodings == {"text": 2, "base64": 1}


def test_a_file_that_becomes_a_picture(tmp_path: Path) -> None:
    """Between the plan and its turn, too, a file goes as what it is."""
    source = tree(tmp_path, {"a": "x"}, encoding="auto")
    entries = source.entries(nothing)
    (tmp_path / "a").write_bytes(PICTURE)
    ((entry, value),) = source.values(entries)
    assert value == CODED.encode()
    assert entry.size == len(CODED)


def sized(tmp_path: Path, **options: object) -> Source:
    """A tree with a file below the limit, one at it, one over it, and one that is in base64."""
    files: dict[str, str | bytes] = {
        "a": "x", "full": "x" * 2**20, "more": "x" * (2**20 + 1), "raw": b"\xff" * 786433,
    }  # fmt: skip
    return tree(tmp_path, files, **options)


@pytest.mark.parametrize(("encoding", "sent"), [("auto", ["a", "full"]), ("base64", ["a"])])
def test_what_is_too_large_as_it_is_sent(tmp_path: Path, encoding: str, sent: list[str]) -> None:
    """It is left out and counted, and the source still names its key."""
    source = sized(tmp_path, encoding=encoding, large="skip")
    assert keys(source) == sent
    assert source.tally.left_out == {"large": 4 - len(sent)}
    assert "more" in names_of(source.entries(nothing))
    assert len(mistakes(sized(tmp_path, encoding=encoding))) == 4 - len(sent)


def test_large_leaves_no_other_mistake_out(tmp_path: Path) -> None:
    """A file that is no text, or empty, is one still."""
    found = mistakes(tree(tmp_path, {"a": b"\xff", "b": "", "c": "x" * 2**21}, large="skip"))
    assert [text[0] for text in found] == ["a", "b"]


def test_fields_of_a_manifest(tmp_path: Path) -> None:
    """Trees have both, and a key's file has neither."""
    for name, content in (("a", PICTURE), ("b", b"x" * 2**21), ("c", b"x")):
        (tmp_path / "t").mkdir(exist_ok=True)
        (tmp_path / "t" / name).write_bytes(content)
    text = "version: 1\ntrees:\n- {path: t, encoding: auto, large: skip}\n"
    source = manifest(tmp_path, text)
    assert pairs(source) == {"a": CODED, "c": "x"}
    assert source.tally.left_out == {"large": 1}
    assert source.tally.encodings == {"text": 1, "base64": 1}
    keyed = manifest(tmp_path, "version: 1\nkeys:\n  k: {file: t/a, encoding: auto}\n")
    assert mistakes(keyed) == ["m.yaml:3:28: encoding must be text (valid UTF-8) or base64"]


def test_rows_of_earlier_versions(tmp_path: Path) -> None:
    """What they sent in base64 may be text: auto reads the file, and base64 need not."""
    source = tree(tmp_path, {"a": "x"}, encoding="base64")
    (entry,) = source.entries(nothing)
    assert entry.signature[-1] == 1
    row: Row = row_of(entry, digest=b"d" * 32)
    assert source.entries(lambda _: row)[0].digest == row.digest
    assert tree(tmp_path, encoding="auto").entries(lambda _: row)[0].digest != row.digest
