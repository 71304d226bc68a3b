"""Each format that convert writes gives back what was put in: keys, bytes and expiries."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kvsync.cli import run
from kvsync.formats import WRITTEN
from kvsync.model.values import Expiry
from kvsync.sources import SourceOptions, open_source
from kvsync.sources.options import DumpOptions

# All that text may hold, and more often what formats give a meaning.
TEXTS = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"]),
        st.sampled_from("\"',;\r\n\t\\{}[]:#&*!|>%@`$ \ufeff\u2028\x85\x00\x7f"),
    ),
    min_size=1,
    max_size=12,
)
KEYS = st.one_of(TEXTS, st.sampled_from(["values", "value", "key", "null", "1.0", "yes", "=a"]))
EXPIRIES = st.one_of(
    st.just(Expiry()),
    st.integers(60, 10**9).map(lambda ttl: Expiry(ttl=ttl)),
    st.integers(4_102_444_800, 10**11).map(lambda at: Expiry(at=at)),
)
PAIRS = st.dictionaries(KEYS, st.tuples(TEXTS, EXPIRIES), min_size=1, max_size=6)


def _options(form: str) -> SourceOptions:
    return SourceOptions(
        charset="utf-8", dump=DumpOptions(form=form, typed=("--format",))
    )  # fmt: skip


def _read(path: Path, form: str) -> dict[str, tuple[str, Expiry]]:
    options = SourceOptions() if form == "manifest" else _options(form)
    source = open_source(str(path), options)
    entries = source.entries(lambda _: None)
    found = {
        entry.key: (value.decode(), entry.expiry)
        for entry, value in source.values(entries)
        if isinstance(value, bytes)
    }
    assert [*found] == [entry.key for entry in entries]
    assert not source.losses.totals
    return found


def _write(path: Path, pairs: dict[str, tuple[str, Expiry]]) -> None:
    items = []
    for key, (value, expiry) in pairs.items():
        when = {"expiration_ttl": expiry.ttl, "expiration": expiry.at}
        items.append({"key": key, "value": value, **{k: v for k, v in when.items() if v}})
    path.write_text("".join(f"{json.dumps(item)}\n" for item in items))


@pytest.mark.slow
@pytest.mark.parametrize("form", WRITTEN)
@settings(max_examples=40)
@given(pairs=PAIRS)
def test_what_is_converted_comes_back(
    tmp_path_factory: pytest.TempPathFactory, form: str, pairs: dict[str, tuple[str, Expiry]]
) -> None:
    """Through each format, and from it back to JSON Lines, every pair is as it was, in order."""
    folder = tmp_path_factory.mktemp("trip")
    begun, there, back = folder / "in.jsonl", folder / f"there-{form}", folder / "back.jsonl"
    _write(begun, pairs)
    call = ["convert", "--charset", "utf-8", "-q", "--from"]
    assert run([*call, "jsonl", str(begun), "--to", form, "-o", str(there)]) == 0
    assert _read(there, form) == pairs
    assert list(_read(there, form)) == list(pairs)
    if form == "manifest":
        call = ["convert", "-q", "--from"]
    assert run([*call, form, str(there), "--to", "jsonl", "-o", str(back)]) == 0
    assert list(_read(back, "jsonl").items()) == list(pairs.items())
    for path in (begun, there, back):
        os.remove(path)


@pytest.mark.slow
@pytest.mark.parametrize("form", WRITTEN)
def test_the_largest_values(tmp_path: Path, form: str) -> None:
    """A value of exactly 1 MiB comes back, whatever it takes to write it."""
    for number, character in enumerate("\n\x01ü"):
        value = character * ((1 << 20) // len(character.encode()))
        begun, there = tmp_path / f"in-{number}", tmp_path / f"out-{number}"
        _write(begun, {"a": (value, Expiry())})
        call = ["convert", "-q", "--from", "jsonl", str(begun), "--to", form, "-o", str(there)]
        assert run(call) == 0
        assert _read(there, form) == {"a": (value, Expiry())}


@pytest.mark.parametrize("form", WRITTEN)
def test_what_convert_writes_is_guessed(tmp_path: Path, form: str) -> None:
    """Under the usual name, a file that convert wrote needs no --format."""
    name = {"cloudflare": "out.json", "manifest": "out.yaml"}.get(form, f"out.{form}")
    begun, there = tmp_path / "in", tmp_path / name
    # Not a value that may as well be base64: what fastly takes looks the same.
    pairs = {"a": ("some text", Expiry()), "b": ("x y", Expiry(ttl=60))}
    _write(begun, pairs)
    call = ["convert", "-q", "--from", "jsonl", str(begun), "--to", form, "-o", str(there)]
    assert run(call) == 0
    assert _read(there, "manifest") == pairs
