"""What a good manifest means."""

import base64
import time
from dataclasses import replace
from pathlib import Path

import pytest

from kvsync.model.errors import InputError, UsageError
from kvsync.model.values import NEVER, Destination, Expiry, Lost
from kvsync.sources import SourceOptions, open_source
from tests.sources.making import (
    HEAD,
    manifest,
    nothing,
    pairs,
    row_of,
    values_of,
)

EXAMPLE = Path(__file__).parents[2] / "manifests" / "example.yaml"


def test_the_example_is_sound_and_big_enough() -> None:
    """The manifest of the quickstart reads without a mistake or warning, 44 pairs or more."""
    source = open_source(str(EXAMPLE), environ={})
    assert len(pairs(source)) >= 44
    assert source.warnings == []
    assert source.destination[:2] == ("zone-local", "default")


def test_every_way_to_give_a_value(tmp_path: Path) -> None:
    """A plain string, value, json, file, file in base64 and env give these bytes."""
    (tmp_path / "t.txt").write_text("té")
    (tmp_path / "b.bin").write_bytes(b"\xff\x00")
    text = HEAD + (
        "keys:\n"
        "  a: world\n"
        "  b: {value: '1.0'}\n"
        "  c: {json: {beta: true, ratio: 0.250, n: null, l: [1, -2.5, x], e: {}, f: []}}\n"
        "  d: {file: t.txt}\n"
        "  e: {file: ./b.bin, encoding: base64}\n"
        "  f: {env: TOKEN}\n"
    )
    assert pairs(manifest(tmp_path, text, {"TOKEN": "s3cr3t"})) == {
        "a": "world",
        "b": "1.0",
        "c": '{"beta":true,"ratio":0.250,"n":null,"l":[1,-2.5,"x"],"e":{},"f":[]}',
        "d": "té",
        "e": base64.b64encode(b"\xff\x00").decode(),
        "f": "s3cr3t",
    }


def test_a_manifest_says_who_and_where(tmp_path: Path) -> None:
    """Name, zone, namespace and charset are the source's own, with the line of each."""
    text = (
        HEAD + "name: prod\nzone: ${Z}-1\nnamespace: ${N:-ns}$$\ncharset: utf-8\nkeys: {a/b: c}\n"
    )
    source = manifest(tmp_path, text, {"Z": "zone", "N": ""})
    path = str(tmp_path / "m.yaml")
    assert source.destination == Destination("zone-1", "ns$", f"{path}:3", f"{path}:4")
    assert (source.owner, source.charset, source.home) == ("prod", "utf-8", str(tmp_path))
    assert (source.label, source.location) == (path, path)
    assert pairs(source) == {"a/b": "c"}


def test_what_the_command_line_gives_is_not_read_here(tmp_path: Path) -> None:
    """With --zone and --namespace, unset or empty variables in these fields are no mistake."""
    options = SourceOptions(zone="z", namespace="n")
    for zone, namespace in (("${NO}", "5"), ("${EMPTY}", "''")):
        text = HEAD + f"zone: {zone}\nnamespace: {namespace}\nkeys: {{a: b}}\n"
        source = manifest(tmp_path, text, {"EMPTY": ""}, options)
        assert source.destination == Destination()
        assert pairs(source) == {"a": "b"}


def test_expiries(tmp_path: Path) -> None:
    """defaults.ttl holds for what says nothing; ttl: never and expires override it."""
    text = HEAD + (
        "defaults: {ttl: 7d}\n"
        "keys:\n"
        "  a: x\n"
        "  b: {value: x, ttl: never}\n"
        "  c: {value: x, ttl: 3600}\n"
        "  d: {value: x, expires: 2026-12-31T23:59:59Z}\n"
        "  e: {value: x, expires: 100}\n"
    )
    entries = manifest(tmp_path, text).entries(nothing)
    assert [entry.expiry for entry in entries] == [
        Expiry(ttl=604800),
        NEVER,
        Expiry(ttl=3600),
        Expiry(at=1798761599),
        Expiry(at=100),
    ]
    assert entries[0].origin == f"{tmp_path}/m.yaml:4"


def test_short_ttls_make_one_warning(tmp_path: Path) -> None:
    """A TTL under 60 s warns with its place; many make one line with a count."""
    text = HEAD + "keys:\n" + "".join(f"  k{n}: {{value: x, ttl: {n + 57}}}\n" for n in range(5))
    source = manifest(tmp_path, text)
    source.entries(nothing)
    (warning,) = source.warnings
    assert warning == (
        f"{tmp_path}/m.yaml:3: a TTL under 60 s: the service refuses it since mid-2026 "
        "(the documented page allows it) (2 more like it)"
    )


def test_aliases_and_merge_keys(tmp_path: Path) -> None:
    """An alias stands for its anchor; in a merge what is written out wins, then the first."""
    text = HEAD + (
        "keys:\n"
        "  a: {json: &a {x: 1, y: 2}}\n"
        "  b: {json: {<<: *a, y: 3}}\n"
        "  c: {json: {<<: [{y: 9}, *a], z: *a}}\n"
        "  d: &d {value: v, ttl: 1h}\n"
        "  e: {<<: *d, ttl: 2h}\n"
        "  f: *d\n"
    )
    source = manifest(tmp_path, text)
    assert pairs(source) == {
        "a": '{"x":1,"y":2}',
        "b": '{"x":1,"y":3}',
        "c": '{"y":9,"x":1,"z":{"x":1,"y":2}}',
        "d": "v",
        "e": "v",
        "f": "v",
    }
    assert [entry.expiry.ttl for entry in source.entries(nothing)][3:] == [3600, 7200, 3600]


def test_keys_first_then_trees(tmp_path: Path) -> None:
    """Keys come in the file's order, then each tree by path, with its own settings."""
    tree = tmp_path / "bundle"
    (tree / "sub").mkdir(parents=True)
    (tree / "z.json").write_text("1")
    (tree / "sub" / "a.json").write_text("2")
    (tree / "draft-x.json").write_text("3")
    (tree / "note.txt").write_text("4")
    text = HEAD + (
        "defaults: {ttl: 1h}\n"
        "trees:\n"
        "  - {path: './bundle/', prefix: cfg-, extension: drop, include: ['*.json'],\n"
        "     exclude: ['draft-*'], ttl: 1d, key: escape, empty: error, encoding: base64}\n"
        "  - {path: '${B}', include: [note.txt]}\n"
        "keys: {b: x, a: y}\n"
    )
    source = manifest(tmp_path, text, {"B": str(tree)})
    entries = source.entries(nothing)
    assert [(entry.key, entry.expiry.ttl) for entry in entries] == [
        ("b", 3600),
        ("a", 3600),
        ("cfg-sub_2fa", 86400),
        ("cfg-z", 86400),
        ("note_txt", 3600),
    ]
    assert entries[2].origin == f"{tmp_path}/bundle/sub/a.json"
    assert pairs(source)["cfg-z"] == "MQ=="


def test_an_empty_manifest_names_nothing(tmp_path: Path) -> None:
    """keys and trees may be there with nothing in them."""
    assert manifest(tmp_path, HEAD + "keys:\ntrees:\n").entries(nothing) == []


def test_origins_are_as_the_user_would_write_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Relative to where the user stands, without ./ in the middle."""
    (tmp_path / "conf" / "t").mkdir(parents=True)
    (tmp_path / "conf" / "t" / "f").write_text("1")
    (tmp_path / "conf" / "m.yaml").write_text(HEAD + "keys: {a: b}\ntrees: [{path: ./t}]\n")
    monkeypatch.chdir(tmp_path)
    entries = open_source("conf/m.yaml").entries(nothing)
    assert [entry.origin for entry in entries] == ["conf/m.yaml:2", "conf/t/f"]


def test_a_known_file_is_not_read_again(tmp_path: Path) -> None:
    """With the state's row for the same signature, its digest is taken as it is."""
    (tmp_path / "f.txt").write_text("old")
    (tmp_path / "m.yaml").write_text(HEAD + "keys: {k: {file: f.txt}}\n")

    def read(checksum: bool = False, **changes: object) -> bytes:
        options = SourceOptions(checksum=checksum)
        source = open_source(
            str(tmp_path / "m.yaml"), options, environ={}, clock=lambda: time.time() + 60
        )
        (first,) = source.entries(nothing)
        row = row_of(first, **{"digest": b"d" * 32, **changes})
        return source.entries(lambda _: row)[0].digest

    assert read() == b"d" * 32
    assert read(checksum=True) != b"d" * 32
    assert read(in_doubt=True) != b"d" * 32
    assert read(signature=b"other") != b"d" * 32


def test_a_known_file_that_is_gone_is_a_mistake(tmp_path: Path) -> None:
    """A signature in the state does not stand in for the file."""
    (tmp_path / "m.yaml").write_text(HEAD + "keys: {k: {file: f.txt}}\n")
    (tmp_path / "f.txt").write_text("x")
    source = open_source(str(tmp_path / "m.yaml"), clock=lambda: time.time() + 60)
    row = row_of(source.entries(nothing)[0])
    (tmp_path / "f.txt").unlink()
    with pytest.raises(InputError, match=r"m\.yaml:2:18: no such file: check the path$"):
        source.entries(lambda _: row)


def test_values_are_those_of_now(tmp_path: Path) -> None:
    """A file is read when its turn comes: its new digest, or why it cannot be had."""
    (tmp_path / "f").write_text("one")
    (tmp_path / "g").write_text("two")
    source = manifest(tmp_path, HEAD + "keys: {a: {file: f}, b: {file: g}, c: x}\n")
    entries = source.entries(nothing)
    (tmp_path / "f").write_text("three")
    (tmp_path / "g").unlink()
    (first, value), (second, lost) = values_of(source, entries[:2])
    assert (first.size, value) == (5, b"three")
    assert first.digest != entries[0].digest
    assert (second, lost) == (entries[1], Lost("no such file: check the path"))


def test_env_is_what_it_was_when_the_manifest_was_read(tmp_path: Path) -> None:
    """A variable that changes later changes nothing."""
    environ = {"T": "before"}
    source = manifest(tmp_path, HEAD + "keys: {a: {env: T}}\n", environ)
    entries = source.entries(nothing)
    environ["T"] = "after"
    assert values_of(source, entries) == [(entries[0], b"before")]


def test_tree_flags_beside_a_manifest_are_refused(tmp_path: Path) -> None:
    """Flags that only a directory understands are named."""
    with pytest.raises(UsageError) as caught:
        manifest(tmp_path, HEAD, {}, SourceOptions(ttl="1d", include=("x",), name="n"))
    assert str(caught.value) == (
        "--include, --name, --ttl: for directories and dumps only; "
        f"write this into {tmp_path}/m.yaml instead"
    )


def test_tree_flags_from_the_environment_are_not_for_manifests(tmp_path: Path) -> None:
    """KVSYNC_TTL=1d changes no manifest, and breaks none; a flag beside it is still named."""
    options = SourceOptions(ttl="1x", name="n", from_environment=frozenset({"ttl", "name"}))
    source = manifest(tmp_path, HEAD + "keys: {a: b}\n", {}, options)
    assert source.owner == ""
    assert source.entries(nothing)[0].expiry == NEVER
    with pytest.raises(UsageError, match=r"^--key: for directories and dumps only; "):
        manifest(tmp_path, HEAD, {}, replace(options, key="escape"))


def test_left_out_files_are_no_part_of_a_manifests_tree(tmp_path: Path) -> None:
    """A state file in the tree of a manifest is not pushed."""
    (tmp_path / "t").mkdir()
    for name in ("a", "state.db"):
        (tmp_path / "t" / name).write_text("x")
    options = SourceOptions(left_out=(f"{tmp_path.resolve()}/t/state.db",))
    source = manifest(tmp_path, HEAD + "trees: [{path: t}]\n", {}, options)
    assert pairs(source) == {"a": "x"}
