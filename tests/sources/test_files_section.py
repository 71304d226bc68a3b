"""``files:`` in a manifest: dumps of other stores beside keys and trees."""

from pathlib import Path

import pytest

from kvsync.formats.record import Loss
from kvsync.model.values import Expiry
from tests.sources.making import HEAD, faults, manifest, mistakes, nothing, pairs

BULK = '[{"key": "a", "value": "1", "expiration_ttl": 3600}, {"key": "b c", "value": "2"}]'


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with dumps, where the process stands."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bulk.json").write_text(BULK)
    (tmp_path / "table.csv").write_text("id,name\n7,seven\n8,eight\n")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "t.txt").write_text("from a tree")
    return tmp_path


def test_keys_trees_and_files(folder: Path) -> None:
    """All three stand side by side, in this order, and each value is found again."""
    text = """\
charset: utf-8
keys: {first: one}
trees: [{path: tree}]
files:
  - {path: bulk.json, format: cloudflare, prefix: cf-}
  - {path: table.csv, format: csv, key-column: id, value-column: name}
  - {path: table.csv, format: csv, key-column: name, value-json: true, ttl: 1d, prefix: row-}
"""
    source = manifest(folder, HEAD + text)
    entries = source.entries(nothing)
    assert [entry.key for entry in entries] == [
        "first", "t.txt", "cf-a", "cf-b c", "7", "8", "row-seven", "row-eight",
    ]  # fmt: skip
    loaded = {entry.key: value for entry, value in source.values(entries)}
    assert loaded["first"] == b"one"
    assert loaded["t.txt"] == b"from a tree"
    assert loaded["cf-a"] == b"1"
    assert loaded["8"] == b"eight"
    assert loaded["row-eight"] == b'{"id":"8","name":"eight"}'
    assert [entry.expiry for entry in entries][2:3] == [Expiry(ttl=3600)]
    assert [entry.expiry for entry in entries][-1:] == [Expiry(ttl=86400)]
    assert entries[2].origin == f"{folder}/bulk.json:1"


def test_some_values(folder: Path) -> None:
    """Only the wanted ones are loaded, whatever part of the manifest they are from."""
    text = "keys: {x: y}\nfiles: [{path: table.csv, key-column: id, value-column: name}]\n"
    source = manifest(folder, HEAD + text)
    entries = source.entries(nothing)
    for wanted in ([entries[2]], [entries[0], entries[2]], [entries[0]], []):
        assert [entry.key for entry, _ in source.values(wanted)] == [e.key for e in wanted]


def test_ways(folder: Path) -> None:
    """What is to become of a loss is a field, and the loss is told."""
    source = manifest(folder, HEAD + "files: [{path: bulk.json, key: escape}]\n")
    assert pairs(source) == {"a": "1", "b_20c": "2"}
    assert [(lost.key, lost.loss.kind) for lost in source.losses] == [("b_20c", Loss.KEYS)]
    assert dict(source.losses.totals) == {(Loss.KEYS, "escape"): 1}


def test_a_loss_that_nobody_allowed(folder: Path) -> None:
    """The mistake names the dump's line, and the field that allows it."""
    (told,) = mistakes(manifest(folder, HEAD + "files: [{path: bulk.json}]\n"))
    assert told.startswith('bulk.json:1:54: item 2: the key "b c" has other characters')
    assert told.endswith("or with key: escape, join or skip")


def test_a_key_from_two_origins(folder: Path) -> None:
    """A dump may not name what a key, or another dump, names already."""
    text = "keys: {a: x}\nfiles: [{path: bulk.json, key: join}, {path: bulk.json, key: escape}]\n"
    assert mistakes(manifest(folder, HEAD + text)) == [
        'bulk.json:1:2: item 1: the key "a" is also that of m.yaml:2',
    ]


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ("{format: csv}", "2:9: a file needs a path: write path: and the dump's file"),
        ("{path: none.json}", "2:16: no such file: check the path"),
        ("{path: tree}", "2:16: not a regular file: name a dump's file"),
        ("{path: bulk.json, format: bulk}", "2:35: format must be jsonl, csv, tsv, cloudflare, "),
        ("{path: bulk.json, key: path}", "2:32: key must be error, skip, escape or join"),
        ("{path: bulk.json, short-ttl: x}", "2:38: short-ttl must be keep, error, skip or extend"),
        ("{path: bulk.json, value-json: 1}", "2:39: "),
        ("{path: bulk.json, prefix: a b}", "2:35: the prefix has other characters "),
        (
            "{path: bulk.json, metdata: drop}",
            '2:27: unknown field "metdata": did you mean metadata?',
        ),
        ("{path: tree/t.txt}", "2:16: the format cannot be told from the file: write format: "),
        ("bulk.json", "2:9: a file must be a mapping (- path: …)"),
    ],
)
def test_mistakes(folder: Path, entry: str, fault: str) -> None:
    """Whatever is wrong with an entry is told with its place."""
    found = faults(folder, f"{HEAD}files: [{entry}]\n")
    assert any(told.startswith(f"m.yaml:{fault}") for told in found), found


def test_no_list(folder: Path) -> None:
    """``files`` is a list; nothing behind it is nothing."""
    assert faults(folder, HEAD + "files: {path: bulk.json}\n") == [
        "m.yaml:2:8: files must be a list (- path: …)"
    ]
    assert faults(folder, HEAD + "files:\nkeys: {a: b}\n") == []


def test_variables_in_paths(folder: Path) -> None:
    """A path may have variables, as a tree's."""
    text = HEAD + "files: [{path: '${WHERE}.csv', key-column: id, value-column: name}]\n"
    assert pairs(manifest(folder, text, {"WHERE": "table"})) == {"7": "seven", "8": "eight"}
