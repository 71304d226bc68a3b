"""What is read each time, since its status says nothing of what is in it."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from kvsync.model.values import nothing_known
from kvsync.sources.snapshot import still_holds
from kvsync.sources.tree.devices import Device, Devices
from tests.sources.growing import tree
from tests.sources.making import manifest, nothing, row_of

LATER = 4102444800.0


@pytest.fixture
def mounted(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Says of what every path is in, as `os.statvfs` does."""

    def said(read_only: bool = False, blocks: int = 8, fsid: int = 1) -> None:
        flag = os.ST_RDONLY if read_only else 0
        found = SimpleNamespace(f_flag=flag, f_blocks=blocks, f_fsid=fsid)
        monkeypatch.setattr("kvsync.sources.tree.devices.os.statvfs", lambda _: found)

    return said


def _mark(tmp_path: Path, number: int = 0x801) -> Device:
    return Devices().of(number, str(tmp_path))


def test_what_is_written_by_others_is_not_trusted(tmp_path, mounted):
    """An image may be another one tomorrow; what has no storage is made when it is read."""
    mounted()
    assert _mark(tmp_path).trusted
    mounted(read_only=True)
    assert not _mark(tmp_path).trusted
    mounted(blocks=0)
    assert not _mark(tmp_path).trusted


def test_one_file_system_is_told_from_another(tmp_path, mounted):
    """By its number and by its identifier, which is the same the next time."""
    mounted()
    first = _mark(tmp_path)
    assert _mark(tmp_path) == first
    assert _mark(tmp_path, 0x802) != first
    mounted(fsid=2)
    assert _mark(tmp_path) != first


def test_a_file_system_that_cannot_be_asked_is_not_trusted(tmp_path):
    """As where a server is gone."""
    assert not _mark(tmp_path / "gone").trusted


MOUNTS = """\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 22 0:40 / {point} rw,relatime - overlay overlay rw,lowerdir={lower},upperdir=/u,workdir=/w
31 22 0:41 / /proc\\040x rw - proc proc rw
"""


@pytest.fixture
def overlay(tmp_path, monkeypatch) -> Callable[[str], Device]:
    """What is thought of an overlay on these layers, over the temporary directory."""

    def look(lower: str, number: int = 40) -> Device:
        mounts = tmp_path / "mountinfo"
        mounts.write_text(MOUNTS.format(point=str(tmp_path), lower=lower.replace(" ", "\\040")))
        monkeypatch.setattr("kvsync.model.files._LIST", str(mounts))
        return Devices().of(os.makedev(0, number), str(tmp_path))

    return look


def test_an_overlay_is_what_it_lies_on(tmp_path, overlay, monkeypatch):
    """It can be written, but what is in it may be from an image: another one is another overlay."""
    (tmp_path / "an image").mkdir()
    known = overlay(f"/nowhere/1:{tmp_path}")
    assert known.trusted
    assert overlay(f"/nowhere/1:{tmp_path}") == known
    assert overlay(f"/nowhere/2:{tmp_path}") != known
    # Files of some overlays have numbers of their own.
    assert overlay("/nowhere/1", 99) != overlay("/nowhere/2", 99)
    real = os.statvfs

    def statvfs(path):
        found = real(path)
        if str(path).endswith("an image"):
            return SimpleNamespace(f_flag=os.ST_RDONLY, f_blocks=8, f_fsid=1)
        return found

    monkeypatch.setattr("kvsync.sources.tree.devices.os.statvfs", statvfs)
    assert not overlay(f"/nowhere/1:{tmp_path}/an image").trusted


def test_without_a_list_of_mounts(tmp_path, monkeypatch):
    """Other systems have none."""
    monkeypatch.setattr("kvsync.model.files._LIST", str(tmp_path / "gone"))
    assert Devices().of(os.makedev(0, 40), str(tmp_path)).trusted


def test_a_tree_on_an_image_is_read_each_time(tmp_path, mounted):
    """No signature is kept of its files, none that was kept is believed, and no fingerprint."""
    mounted()
    source = tree(tmp_path / "t", {"a": "x"})
    (entry,) = source.entries(nothing)
    row = row_of(entry, digest=b"d" * 32)
    kept = source.fingerprint
    assert source.entries(lambda _: row)[0].digest == b"d" * 32
    assert still_holds(kept, {}, ())
    mounted(read_only=True)
    assert not still_holds(kept, {}, ())
    for recall in (nothing, lambda _: row):
        assert source.entries(recall) == [entry._replace(signature=b"")]
        assert source.fingerprint is None


def test_another_image_in_its_place(tmp_path, mounted):
    """One that can be written is told from the next by its identifier."""
    mounted()
    source = tree(tmp_path / "t", {"a": "x", "d/b": "x"})
    rows = {e.key: row_of(e, digest=b"d" * 32) for e in source.entries(nothing)}
    kept = source.fingerprint
    mounted(fsid=2)
    assert not still_holds(kept, {}, ())
    assert all(entry.digest != b"d" * 32 for entry in source.entries(rows.get))


def test_files_and_dumps_of_a_manifest_on_an_image(tmp_path, mounted):
    """So it is with each file that a manifest leads to."""
    mounted()
    (tmp_path / "f").write_text("x")
    (tmp_path / "d.jsonl").write_text('{"key": "d", "value": "1"}\n')
    for text in (
        "keys: {f: {file: f}}\n", "files: [{path: d.jsonl, format: jsonl}]\n",
        "trees: [{path: ., include: [f]}]\n",
    ):  # fmt: skip
        mounted()
        source = manifest(tmp_path, f"version: 1\n{text}", clock=LATER)
        (entry,) = source.entries(nothing)
        kept = source.fingerprint
        assert still_holds(kept, {}, ())
        mounted(read_only=True)
        assert not still_holds(kept, {}, ())
        row = row_of(entry, digest=b"d" * 32)
        assert list(source.entries(lambda _, row=row: row)) == [entry._replace(signature=b"")]
        assert source.fingerprint is None


@pytest.mark.parametrize("path", ["/proc/uptime", "/sys/kernel/mm/transparent_hugepage/enabled"])
def test_files_that_are_made_when_they_are_read(tmp_path, path):
    """One says that it is empty, the other that it has 4096 bytes."""
    if not Path(path).exists():
        pytest.skip("there is none here")
    proc = path
    source = manifest(tmp_path, f"version: 1\nkeys: {{up: {{file: {proc}}}}}\n", clock=LATER)
    (entry,) = source.entries(nothing)
    assert (0 < entry.size < 4096, entry.signature, source.fingerprint) == (True, b"", None)
    old = row_of(entry, digest=b"d" * 32)
    assert source.entries(lambda _: old)[0].digest != old.digest


class _Short:
    """A descriptor that gives other bytes than the status says."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, _: int, most: int) -> bytes:
        data, self._data = self._data[:most], self._data[most:]
        return data


@pytest.mark.parametrize(("size", "content"), [(0, b"made"), (9, b"made")])
@pytest.mark.parametrize("kind", ["tree", "key"])
def test_another_length_than_it_says(tmp_path, monkeypatch, size, content, kind):
    """Whatever the file system: such a status stands for nothing, and is not taken for empty."""
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "a").write_bytes(b"x" * size)
    if kind == "tree":
        source = tree(tmp_path / "t", empty="skip")
    else:
        source = manifest(tmp_path, "version: 1\nkeys: {a: {file: t/a}}\n", clock=LATER)
    for recall in (nothing, nothing_known):
        monkeypatch.setattr("kvsync.sources.files.os.read", _Short(content).read)
        (entry,) = source.entries(recall)
        assert (entry.size, entry.signature, source.fingerprint) == (4, b"", None)


@pytest.mark.slow
def test_real_images(tmp_path):
    """A real file system that becomes read-only is another one, and not to be trusted."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(place)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no disk may be mounted here")
    try:
        source = tree(place, {"a": "x"})
        (entry,) = source.entries(nothing)
        kept = source.fingerprint
        assert still_holds(kept, {}, ())
        subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
        assert not still_holds(kept, {}, ())
        assert source.entries(lambda _: row_of(entry))[0].signature == b""
        assert source.fingerprint is None
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)
