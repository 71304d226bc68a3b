"""Each format of a file, written from its beginning and read back by others and by kvsync."""

import csv
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kvsync.formats import WRITTEN
from kvsync.formats.cloudflare import Cloudflare
from kvsync.formats.csv import Csv
from kvsync.formats.format import Codec
from kvsync.formats.jsonl import JsonLines
from kvsync.formats.manifest import Manifest
from kvsync.formats.output import open_new, open_output, refuse_taken
from kvsync.formats.output.onefile import read_kept
from kvsync.model.errors import LockedError, OutputError, UsageError
from kvsync.model.values import NEVER, Destination, Expiry
from kvsync.sources import open_source
from tests.formats.output.keeping import (
    HOSTILE,
    NAMESPACE,
    ORIGIN,
    contents,
    full_disk,
    mode,
    recorded,
    room,
    rows,
)


class Given(NamedTuple):
    """A pair with any kind of expiry."""

    key: str
    value: bytes
    expiry: Expiry = NEVER


NOWHERE = Destination()
CODECS: dict[str, Codec] = {
    "jsonl": JsonLines(),
    "cloudflare": Cloudflare(),
    "csv": Csv(),
    "manifest": Manifest(NOWHERE),
}
KINDS = pytest.mark.parametrize("kind", WRITTEN)

# Half of the text is what formats are made of, or what programs do not see or like to change.
_SPECIAL = (
    "\"'\\,;:#?-[]{}|\r\n\t \0\x01\x1a\x1b\x7f\x85\xa0"
    "\u200e\u200f\u2028\u202e\ufeff\ufffe\U0001f600"
)
_TEXT = st.text(
    st.one_of(st.sampled_from(_SPECIAL), st.characters(exclude_categories=["Cs"])), min_size=1
)
_SECONDS = st.integers(1, 10**12 - 1)
_PAIRS = st.lists(
    st.builds(
        Given,
        _TEXT,
        _TEXT.map(str.encode),
        st.one_of(
            st.just(NEVER),
            _SECONDS.map(lambda n: Expiry(ttl=n)),
            _SECONDS.map(lambda n: Expiry(at=n)),
        ),
    ),
    unique_by=lambda pair: pair.key,
    max_size=8,
)
ALL = [Given(pair.key, pair.value or b"", Expiry(at=pair.expires)) for pair in HOSTILE] + [
    Given(f"ttl {pair.key}"[:512], pair.value or b"", Expiry(ttl=60)) for pair in HOSTILE[:9]
]


def put(out: Path, kind: str, pairs: Iterable[Given], *, force: bool = False) -> None:
    """Write these pairs as a file that is whole."""
    with open_new(str(out), kind, NOWHERE, force=force) as stream:
        for pair in pairs:
            stream.add(*pair)


def by_lines(out: Path) -> Iterator[Given]:
    """The pairs of JSON Lines as Python's own json reads them."""
    return _items(json.loads(line) for line in out.read_bytes().split(b"\n")[:-1])


def by_array(out: Path) -> Iterator[Given]:
    """The pairs of an array as Python's own json reads it."""
    return _items(json.loads(out.read_bytes()))


def _items(found: Iterable[dict[str, object]]) -> Iterator[Given]:
    for item in found:
        ttl, at = item.pop("expiration_ttl", 0), item.pop("expiration", 0)
        yield Given(str(item.pop("key")), str(item.pop("value")).encode(), Expiry(ttl, at))
        assert not item


def by_rows(out: Path) -> Iterator[Given]:
    """The pairs of a table as the csv module reads it."""
    for key, value, at, ttl in rows(out)[1:]:
        yield Given(key, value.encode(), Expiry(int(ttl or 0), int(at or 0)))


def by_source(out: Path) -> Iterator[Given]:
    """The pairs of a manifest as a sync reads it."""
    source = open_source(str(out), environ={})
    for entry, value in source.values(source.entries(lambda _: None)):
        assert isinstance(value, bytes)
        yield Given(entry.key, value, entry.expiry)


READERS: dict[str, Callable[[Path], Iterator[Given]]] = {
    "jsonl": by_lines,
    "cloudflare": by_array,
    "csv": by_rows,
    "manifest": by_source,
}


@pytest.mark.slow
@KINDS
@given(pairs=_PAIRS)
@example(pairs=ALL)
def test_others_read_what_was_written(kind: str, pairs: list[Given]) -> None:
    """Whatever keys and values are made of, nothing is added, lost or changed, nor an expiry."""
    pairs = [pair for pair in pairs if len(pair.key) <= 512]
    with room() as folder:
        put(folder / "out", kind, pairs)
        assert list(READERS[kind](folder / "out")) == pairs


@pytest.mark.slow
@KINDS
@given(pairs=_PAIRS)
@example(pairs=ALL)
def test_kvsync_reads_what_it_wrote(kind: str, pairs: list[Given]) -> None:
    """Each record is found again, and gives its pair back."""
    codec = CODECS[kind]
    records = [codec.encode(*pair) for pair in pairs]
    assert [tuple(codec.decode(record)) for record in records] == [tuple(pair) for pair in pairs]
    whole = codec.head + codec.between.join(records) + codec.foot
    kept = read_kept(io.BytesIO(whole), codec, "")
    assert list(kept.pairs) == [pair.key for pair in pairs]
    assert kept.finished
    assert kept.end == len(whole) - len(codec.foot)


@KINDS
def test_a_file_with_a_ttl_is_taken_up(tmp_path: Path, kind: str) -> None:
    """An export goes on with what a conversion wrote, whichever way its pairs expire."""
    destination = Destination(ORIGIN.zone, ORIGIN.namespace)
    out = tmp_path / "out"
    with open_new(str(out), kind, destination) as stream:
        stream.add("ttl", b"1", Expiry(ttl=60))
        stream.add("at", b"2", Expiry(at=60))
    with open_output(str(out), kind, ORIGIN) as place:
        assert place.has("ttl")
        place.write(NAMESPACE)
        place.finish()
    found = list(READERS[kind](out))
    assert found[:2] == [Given("ttl", b"1", Expiry(ttl=60)), Given("at", b"2", Expiry(at=60))]
    assert [pair.key for pair in found[2:]] == [pair.key for pair in NAMESPACE]


def test_a_lone_cr_needs_quotes() -> None:
    """Without them no reader gives it back, and some versions of the csv module set none."""
    assert Csv().encode("a\rb", b"\r", NEVER) == b'"a\rb","\r",,\n'
    text = Csv().encode("a\rb", b"\r", NEVER).decode()
    assert next(csv.reader(io.StringIO(text, newline=""))) == ["a\rb", "\r", "", ""]


def test_a_manifest_names_what_is_known(tmp_path: Path) -> None:
    """A zone or namespace that nobody gave has no line."""
    for destination in (NOWHERE, Destination("z"), Destination("", "n$")):
        with open_new(str(tmp_path / "out"), "manifest", destination, force=True):
            pass
        found = open_source(str(tmp_path / "out"), environ={}).destination
        assert (found.zone, found.namespace) == (destination.zone, destination.namespace)
        assert (b"zone" in (tmp_path / "out").read_bytes()) == bool(destination.zone)


@KINDS
def test_a_new_file_is_private_and_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """It is 0600 from its first byte, is on the disk before it has its name, and has no part."""
    calls = recorded(monkeypatch, "fsync", "rename")
    with open_new(str(tmp_path / "out"), kind, NOWHERE) as stream:
        stream.add("a", b"1", NEVER)
        assert list(contents(tmp_path)) == ["out.part"]
        assert mode(tmp_path / "out.part") == 0o600
    assert calls == ["fsync", "rename"]
    assert list(contents(tmp_path)) == ["out"]
    assert mode(tmp_path / "out") == 0o600


@KINDS
def test_an_error_leaves_the_old_file(tmp_path: Path, kind: str) -> None:
    """Whatever ends the writing, be it Ctrl-C: what was there is there, and nothing else."""
    (tmp_path / "out").write_bytes(b"old")

    def stopped() -> Iterator[Given]:
        yield Given("a", b"1")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        put(tmp_path / "out", kind, stopped(), force=True)
    assert contents(tmp_path) == {"out": b"old"}


@KINDS
def test_a_full_disk_leaves_the_old_file(tmp_path: Path, kind: str) -> None:
    """Wherever it is found out, the error names the place and promises nothing."""
    (tmp_path / "out").write_bytes(b"old")
    for left in range(30):
        with full_disk(left), pytest.raises(OutputError) as caught:
            put(tmp_path / "out", kind, [Given("key", b"x" * 30)], force=True)
        assert str(caught.value) == f"cannot write {tmp_path}/out: No space left on device"
        assert contents(tmp_path) == {"out": b"old"}


@pytest.mark.parametrize("name", ["out", "out.part"])
@pytest.mark.parametrize("dangling", [False, True])
def test_what_is_there_is_replaced_with_force_only(
    tmp_path: Path, name: str, dangling: bool
) -> None:
    """Be it the file, a part that an interrupted export would go on with, or a link."""
    if dangling:
        (tmp_path / name).symlink_to("nowhere")
    else:
        (tmp_path / name).write_bytes(b"old")
    with pytest.raises(UsageError) as caught:
        put(tmp_path / "out", "csv", [])
    assert str(caught.value) == (
        f"{tmp_path}/{name} is there already: name another place with -o, or replace it with "
        "--force"
    )
    if (dangling, name) != (True, "out.part"):
        put(tmp_path / "out", "csv", [], force=True)
        assert contents(tmp_path) == {"out": Csv.head}


def test_a_link_in_the_place_of_the_part_is_not_followed(tmp_path: Path) -> None:
    """Not even with force."""
    (tmp_path / "outside").write_bytes(b"precious")
    (tmp_path / "out.part").symlink_to("outside")
    with pytest.raises(OutputError, match="Too many levels of symbolic links"):
        put(tmp_path / "out", "csv", [], force=True)
    assert (tmp_path / "outside").read_bytes() == b"precious"


def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    """Not even with force."""
    os.mkfifo(tmp_path / "out")
    with pytest.raises(UsageError, match="is no regular file"):
        put(tmp_path / "out", "csv", [], force=True)
    refuse_taken("-", force=False)


def test_a_file_that_came_meanwhile_is_kept(tmp_path: Path) -> None:
    """Whoever wrote it did not know of this run."""
    out = tmp_path / "out"
    with (
        pytest.raises(UsageError, match="out is there already"),
        open_new(str(out), "csv", NOWHERE),
    ):
        out.write_bytes(b"theirs")
    assert contents(tmp_path) == {"out": b"theirs"}


def test_two_runs_do_not_write_one_file(tmp_path: Path) -> None:
    """The second is told so at once, with force too, and the first goes on."""
    with open_new(str(tmp_path / "out"), "csv", NOWHERE) as stream:
        with pytest.raises(LockedError, match="another kvsync is writing"):
            put(tmp_path / "out", "csv", [], force=True)
        stream.add("a", b"1", NEVER)
    assert contents(tmp_path) == {"out": Csv.head + b"a,1,,\n"}


@pytest.mark.parametrize("moved", [False, True])
def test_a_part_that_got_its_name_is_not_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moved: bool
) -> None:
    """Between opening and holding it, the other run may have ended, and a third begun."""
    (tmp_path / "out.part").write_bytes(b"all of it")

    def held(_: int, path: str, *__: object) -> None:
        os.rename(path, tmp_path / "out")
        if moved:
            (tmp_path / "out.part").write_bytes(b"third")

    monkeypatch.setattr("kvsync.formats.output.files.hold", held)
    with pytest.raises(LockedError, match="has just written"):
        put(tmp_path / "out", "csv", [], force=True)
    assert (tmp_path / "out").read_bytes() == b"all of it"


def test_a_manifest_that_nobody_could_read_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says what to do instead."""
    monkeypatch.setattr("kvsync.formats.manifest.Manifest.max_size", 100)
    with pytest.raises(UsageError) as caught:
        put(tmp_path / "out", "manifest", [Given("a", b"x" * 100)])
    assert str(caught.value) == (
        "more than a manifest may have (100 B): convert with --to jsonl, or less"
    )
    assert contents(tmp_path) == {}
