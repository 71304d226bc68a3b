"""Whatever the bytes, the reader reads them or says what is wrong."""

import json
import os
import string
import threading
import time
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsync.model.errors import InputError
from kvsync.model.values import Entry
from kvsync.sources import SourceOptions, open_source
from kvsync.sources.manifest.manifest import Manifest
from kvsync.sources.manifest.nodes import read_yaml
from kvsync.sources.manifest.scalars import render_json
from kvsync.sources.mistakes import Mistakes
from tests.sources.making import (
    HEAD,
    faults,
    mistakes,
    nothing,
    pairs,
)

EXAMPLE = Path(__file__).parents[2] / "manifests" / "example.yaml"


JSON_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
# YAML takes at most 1024 characters before a colon, and `_yaml` writes up to ten for one.
JSON_KEY = st.text(st.characters(exclude_categories=["Cs"]), max_size=100)
# YAML 1.1 knows no number like 1e16, which is an error of its own.
NUMBERS = st.integers() | st.floats(-1e15, 1e15).filter(lambda number: "e" not in repr(number))
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | JSON_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(JSON_KEY, inner, max_size=4),
    max_leaves=20,
)
SAFE = frozenset(string.ascii_letters + string.digits + " :{}[],#&*!|>'%@`-?é你")


def _yaml(value: object) -> str:
    """JSON as YAML takes it: characters that YAML wants escaped in the way YAML escapes them."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_yaml(k)}: {_yaml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_yaml, value)) + "]"
    if isinstance(value, str):
        return '"' + "".join(c if c in SAFE else f"\\U{ord(c):08x}" for c in value) + '"'
    return json.dumps(value)


@pytest.mark.slow
@given(JSON)
def test_json_arrives_as_it_was_meant(value: object) -> None:
    """What json.loads makes of the stored value is what was written, whatever it is."""
    found = Mistakes("m")
    rendered = render_json(read_yaml(_yaml(value).encode(), "m"), found)
    found.raise_all()
    assert rendered == json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    assert json.loads(rendered) == value


def _read(data: bytes) -> list[Entry]:
    """The entries, or none if the reader finds a mistake; anything else it raises is a failure."""
    try:
        return Manifest("m.yaml", data, SourceOptions(), {}, time.time).entries(nothing)
    except InputError:
        return []


@pytest.mark.slow
@given(st.binary(max_size=200) | JSON_TEXT.map(str.encode))
def test_no_bytes_can_break_the_reader(data: bytes) -> None:
    """Whatever a manifest holds, it is read or refused with an InputError."""
    assert _read(data) == []


PIECES = (
    "version: 1\n|keys:\n|  a: |b|{|}|[|]|: |- |&x |*x|<<: |'|\"|\n|  |json: |value: |ttl: |1d|no|"
    "trees:\n|path: |!t |---\n|#|file: |env: |,|? |>\n|expires: |2026-01-01|${A|$|key: |include: "
)
YAMLISH = st.lists(st.sampled_from(PIECES.split("|")), max_size=25).map("".join)


@pytest.mark.slow
@pytest.mark.parametrize("libyaml", [True, False])
@given(text=YAMLISH)
def test_nothing_like_a_manifest_can_break_the_reader(libyaml: bool, text: str) -> None:
    """Also the Python parser, and also near misses, give entries or an InputError."""
    with patch("yaml.__with_libyaml__", libyaml):
        assert all(entry.size for entry in _read(text.encode()))


def test_the_python_parser_reads_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without libyaml the example reads the same, and mistakes have the same places."""
    fast = pairs(open_source(str(EXAMPLE), environ={}))
    places = faults(tmp_path, HEAD + "keys:\n  a: no\n  b: |\n   x\n  c: 1\n")
    monkeypatch.setattr("yaml.__with_libyaml__", False)
    assert pairs(open_source(str(EXAMPLE), environ={})) == fast
    assert faults(tmp_path, HEAD + "keys:\n  a: no\n  b: |\n   x\n  c: 1\n") == places
    assert faults(tmp_path, "a: 'secret\n") == [
        "m.yaml:2:1: not valid YAML: check the indentation and the quotes here"
    ]


def test_a_manifest_may_come_through_a_pipe(tmp_path: Path) -> None:
    """What has no size beforehand (process substitution) is read to its end, and not once more."""
    os.mkfifo(tmp_path / "pipe")
    text = HEAD + "name: prod\nkeys: {a: b}"
    writer = threading.Thread(target=(tmp_path / "pipe").write_text, args=(text,))
    writer.start()
    source = open_source(str(tmp_path / "pipe"))
    writer.join()
    assert mistakes(source) == []
    assert pairs(source) == {"a": "b"}
    assert not source.stale
