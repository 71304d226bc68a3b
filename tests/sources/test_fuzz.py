"""No manifest, however broken, does more than be refused, and no refusal repeats a value."""

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kvsync.model.errors import InputError, Mistake
from kvsync.sources import SourceOptions
from kvsync.sources.manifest.manifest import Manifest
from tests.effort import examples
from tests.sources.making import HEAD, SECRET, nothing

PATH = Path(__file__).parents[2] / "manifests" / "example.yaml"
EXAMPLE = PATH.read_bytes()
NUMBER = "7355608735560873"

SECRETS = st.sampled_from(
    [
        SECRET, f"'{SECRET}'", f'"{SECRET}"', f"'{SECRET}", f'"{SECRET}', f'"\\q{SECRET}"',
        NUMBER, f"{NUMBER}.5", f"0x{NUMBER}", f"!t {SECRET}", f"!{SECRET} x", f"&{SECRET} x",
        f"*{SECRET}", f"& {SECRET}", f"%{SECRET}", f"@{SECRET}", f"`{SECRET}", f"? {SECRET}",
        f"{SECRET}: {SECRET}", f"- {SECRET}", f"<<: {SECRET}", f"${{{SECRET}}}", f"$ {SECRET}",
        f"{SECRET}\x00", f"\t{SECRET}", f"|\n   {SECRET}", f">-\n   {SECRET}\n  {SECRET}",
        f"|9{SECRET}", f"# {SECRET}", f"{SECRET} #",
    ]
)  # fmt: skip
WORDS = st.sampled_from(
    [
        "value", "json", "ttl", "expires", "encoding", "charset", "x", "1d", "no", "~", "1e3",
        "2026-01-01", "true", "7", "''", "<<",
    ]
)  # fmt: skip
NODES = st.recursive(
    SECRETS | WORDS,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.lists(st.tuples(WORDS | SECRETS, inner), max_size=3).map(
            lambda items: f"{{{', '.join(f'{key}: {value}' for key, value in items)}}}"
        )
    ),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    ["zone", "namespace", "name", "charset", "defaults", "trees", "version", "files"]
)


def read(data: bytes) -> tuple[Mistake, ...]:
    """What is wrong with a manifest; whatever else it raises is a failure."""
    try:
        manifest = Manifest(str(PATH), data, SourceOptions(), {}, time.time)
        entries = manifest.entries(nothing)
    except InputError as error:
        return error.mistakes or pytest.fail("refused, and nothing is wrong")
    assert all(entry.size for entry in entries)
    assert [loaded for loaded, _ in manifest.values(entries)] == list(entries)
    return ()


def check(mistakes: tuple[Mistake, ...]) -> None:
    """Each has a place, and words of bearable length on one line."""
    for mistake in mistakes:
        assert mistake.origin
        assert mistake.line >= 0 <= mistake.column
        assert 0 < len(mistake.message) < 1000
        assert "\n" not in mistake.message


@pytest.mark.slow
@settings(max_examples=examples(120))
@given(nodes=st.lists(NODES, min_size=1, max_size=3))
def test_no_message_repeats_a_value(nodes: list[str]) -> None:
    """Whatever stands where a value belongs, and however little of it is YAML."""
    text = "keys:\n" + "".join(f"  k{number}: {node}\n" for number, node in enumerate(nodes))
    mistakes = read((HEAD + text).encode())
    check(mistakes)
    told = "\n".join(map(str, mistakes))
    assert SECRET not in told, text
    assert NUMBER not in told, text


@pytest.mark.slow
@settings(max_examples=examples(60))
@given(field=FIELDS, node=NODES, keys=NODES)
def test_no_message_repeats_what_a_field_holds(field: str, node: str, keys: str) -> None:
    """Also of the manifest's own fields."""
    mistakes = read(f"{HEAD}{field}: {node}\nkeys: {{a: {keys}}}\n".encode())
    check(mistakes)
    told = "\n".join(map(str, mistakes))
    assert SECRET not in told
    assert NUMBER not in told


PIECES = st.sampled_from(
    [
        b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\t", b"\r", b"\n", b"---\n",
        b"...", b"%YAML 1.2\n", b"%TAG ! x\n", b"&a ", b"*a", b"<<: *pool", b"? ", b"- ",
        b": ", b"[", b"{", b"}", b"]", b"'", b'"', b"|", b">", b"!!binary ", b"${", b"$",
        b"\xe2\x80\xa8", b"\xc2\x85",
        b"[" * 100, b"{a: " * 100, b"- " * 100, b"9" * 5000, b"1_000", b"12:30:45", b".inf", b"=",
    ]
)  # fmt: skip
PARTS = st.integers(0, len(EXAMPLE)).map(lambda at: EXAMPLE[at : at + 50])
MUTATIONS = st.lists(
    st.tuples(
        st.integers(0, len(EXAMPLE)),
        st.integers(0, 40),
        PIECES
        | st.binary(max_size=4)
        | st.integers(0, len(EXAMPLE)).map(lambda at: EXAMPLE[at:][:50]),
    ),
    min_size=1,
    max_size=4,
)


@pytest.mark.slow
@settings(max_examples=examples(40))
@given(mutations=MUTATIONS)
def test_a_mutated_manifest_is_read_or_refused(mutations: list[tuple[int, int, bytes]]) -> None:
    """Wherever something is put in, left out, or repeated."""
    data = EXAMPLE
    for start, length, piece in mutations:
        data = data[:start] + piece + data[start + length :]
    check(read(data))
