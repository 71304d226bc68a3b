"""When a file of a tree is read, and what is remembered of it."""

import os
from pathlib import Path

import pytest

from kvsync.model.values import Lost, Row
from kvsync.sources import open_source
from tests.sources.growing import tree
from tests.sources.making import mistakes, nothing, row_of, values_of


def test_a_known_file_is_not_read_again(tmp_path: Path) -> None:
    """The state's digest is taken for a file whose signature it knows, in this encoding only."""
    source = tree(tmp_path, {"a": "x"})
    (entry,) = source.entries(nothing)
    row = row_of(entry, digest=b"d" * 32, size=7)
    assert len(entry.signature) == 41
    (known,) = source.entries(lambda _: row)
    assert (known.digest, known.size, known.signature) == (b"d" * 32, 7, entry.signature)
    again: list[Row] = [
        row._replace(in_doubt=True),
        row._replace(digest=b""),
        row._replace(signature=b""),
    ]
    assert all(source.entries(lambda _, row=row: row)[0].digest == entry.digest for row in again)
    for options in ({"checksum": True}, {"encoding": "base64"}):
        assert tree(tmp_path, **options).entries(lambda _: row)[0].digest != b"d" * 32


def test_a_young_file_has_no_signature(tmp_path: Path) -> None:
    """What was changed in the tick of the scan is read again the next time."""
    tree(tmp_path, {"a": "x"})
    (young,) = open_source(str(tmp_path)).entries(nothing)
    assert young.signature == b""
    os.utime(tmp_path / "a", (1, 1))
    (touched,) = open_source(str(tmp_path)).entries(nothing)
    assert touched.signature == b""


def test_a_known_file_keeps_no_signature_that_is_young(tmp_path: Path) -> None:
    """A clock that was set back makes a known signature untrusted again."""
    (entry,) = tree(tmp_path, {"a": "x"}).entries(nothing)
    row = row_of(entry)
    (now,) = open_source(str(tmp_path)).entries(lambda _: row)
    assert (now.digest, now.signature) == (entry.digest, b"")


def test_values_are_those_of_now(tmp_path: Path) -> None:
    """Each file is read when its turn comes; what went wrong since is said."""
    source = tree(tmp_path / "t", dict.fromkeys("abcdefg", "old"))
    entries = source.entries(nothing)
    files = tmp_path / "t"
    (tmp_path / "outside").write_text("secret")
    (files / "a").write_text("new value")
    (files / "b").unlink()
    (files / "c").write_bytes(b"")
    (files / "d").write_bytes(b"\xff")
    (files / "e").unlink()
    os.mkfifo(files / "e")
    (files / "f").unlink()
    (files / "f").symlink_to("../outside")
    loaded = values_of(source, entries[:6])
    assert [entry.key for entry, _ in loaded] == list("abcdef")
    assert loaded[0][0].size == 9
    assert [value for _, value in loaded] == [
        b"new value",
        Lost("no such file: check the path"),
        Lost("the value is empty, and EdgeKV stores no empty value: fill it, or leave it out"),
        Lost("not UTF-8 text: leave it out, or set encoding: base64 (folder: --encoding base64)"),
        Lost("not a regular file: name a file, or leave it out"),
        Lost("the file has become a link out of the tree"),
    ]


def test_a_file_that_became_a_link_to_a_left_out_one_is_lost(tmp_path: Path) -> None:
    """Between the scan and its turn, too, the state does not become a value."""
    out = (f"{tmp_path.resolve()}/state.db",)
    source = tree(tmp_path, {"a": "x", "state.db": "x"}, left_out=out)
    entries = source.entries(nothing)
    (tmp_path / "a").unlink()
    (tmp_path / "a").symlink_to("state.db")
    lost = Lost("the file has become a link to a file of kvsync's own")
    assert values_of(source, entries) == [(entries[0], lost)]


def test_a_file_that_changes_while_it_is_read_gets_no_signature(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What grows between the two looks at it is sent as read, and read again next time."""
    source = tree(tmp_path, {"a": "x"})
    read = os.read

    def growing(descriptor: int, size: int) -> bytes:
        data = read(descriptor, size)
        with (tmp_path / "a").open("a") as file:
            file.write("y")
        return data

    monkeypatch.setattr(os, "read", growing)
    (entry,) = source.entries(nothing)
    assert entry.signature == b""
    monkeypatch.setattr(os, "read", read)
    (entry,) = source.entries(nothing)
    assert entry.signature != b""


def test_a_file_longer_than_its_status_said_is_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that grew before the first byte was read is taken to its end."""
    source = tree(tmp_path, {"a": "x"})
    entries = source.entries(nothing)
    status = os.fstat

    def small(descriptor: int) -> os.stat_result:
        found = status(descriptor)
        with (tmp_path / "a").open("w") as file:
            file.write("much longer")
        return found

    monkeypatch.setattr(os, "fstat", small)
    (_, value), *_ = values_of(source, entries)
    assert value == b"much longer"


def test_a_read_that_fails_is_a_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the disk is told as the system tells it."""
    source = tree(tmp_path, {"a": "x"})

    def broken(descriptor: int, size: int) -> bytes:
        raise OSError(5, "EIO")

    monkeypatch.setattr(os, "read", broken)
    assert mistakes(source) == ["a: cannot be read: input/output error"]
