"""A tree that cannot be read as it should: nothing is deleted for it, or called unchanged."""

import errno
import os
import shutil
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.spoiling import child
from tests.cli.watching import held
from tests.nobody import as_nobody

DELETING = ["--delete", "--force", "--max-delete", "100%"]


@pytest.fixture
def released(write) -> Path:
    """A site as releases make it: a link leads to the one that holds, in an ignored folder."""
    for name in ("a.json", "b.json"):
        write(f"site/store/v1/{name}", "{}")
    write("site/other.json", "{}")
    write("site/.kvsyncignore", "store/\n")
    Path("site/current").symlink_to("store/v1")
    return Path("site")


def _hide(link: Path) -> None:
    shutil.rmtree("site/store/v1")


def _loop(link: Path) -> None:
    link.unlink()
    link.symlink_to("current")


def _through_a_file(link: Path) -> None:
    link.unlink()
    link.symlink_to("other.json/v1")


def _outside_and_gone(link: Path) -> None:
    link.unlink()
    link.symlink_to("../elsewhere")


@pytest.mark.parametrize("breaks", [_hide, _loop, _through_a_file, _outside_and_gone])
@pytest.mark.parametrize(
    "patterns",
    [["--include", "*.json"], ["--exclude", "*.txt"], ["--exclude", "current"]],
    ids=" ".join,
)
def test_a_link_that_breaks(kvsync, edge, released, breaks: Callable[[Path], None], patterns):
    """No pattern is asked about it, and what it led to is not deleted."""
    assert kvsync("sync", "site", "--include", "*.json").code == 0
    before = held(edge)
    assert sorted(before) == ["current_a_json", "current_b_json", "other_json"]
    breaks(released / "current")
    for command in ("plan", "sync"):
        result = kvsync(command, "site", *patterns, *DELETING)
        assert (result.code, result.err.startswith("site/current: ")) == (2, True)
    assert held(edge) == before


@pytest.mark.slow
def test_a_link_that_may_not_be_followed(edge, shared, monkeypatch):
    """Nor is it where the folder that it leads through cannot be searched."""
    monkeypatch.chdir(shared)
    Path("site/store/v1").mkdir(parents=True)
    Path("site/store/v1/a.json").write_text("{}")
    Path("site/.kvsyncignore").write_text("store/\n")
    Path("site/current").symlink_to("store/v1")
    sync = ["sync", "site", "--include", "*.json", "--state", "own/state.db"]
    assert child(*sync).returncode == 0
    Path("site/store").chmod(0o600)
    Path("own").chmod(0o755)
    Path("own/state.db").chmod(0o644)
    sync[0] = "plan"
    result = as_nobody("-m", "kvsync", *sync, *DELETING, cwd=shared)
    assert (result.returncode, result.stderr) == (
        2,
        "site/current: permission denied: let this user read it\n"
        "kvsync: error: 1 mistake; nothing was sent\n",
    )


class _Untyped:
    """A directory entry of a file system that keeps no types, and fails when it is asked."""

    def __init__(self, entry: "os.DirEntry[str]", code: int) -> None:
        self.name, self.path = entry.name, entry.path
        self._code = code

    def _fail(self, **_: object) -> bool:
        raise OSError(self._code, os.strerror(self._code), self.path)

    is_dir = is_file = is_symlink = stat = inode = _fail


def _failing(monkeypatch: pytest.MonkeyPatch, name: str, code: int) -> None:
    real = os.scandir

    @contextmanager
    def scandir(path: object):
        with real(path) as listing:
            yield (_Untyped(entry, code) if entry.name == name else entry for entry in listing)

    monkeypatch.setattr("os.scandir", scandir)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a", "d", ".kvsyncignore", ".kvsync-index", "current"])
@pytest.mark.parametrize("code", [errno.EIO, errno.ESTALE, errno.EACCES])
def test_an_entry_that_cannot_be_told(kvsync, edge, write, monkeypatch, name, code):
    """The error names its path; nothing is deleted, whatever the patterns say."""
    for path in ("site/a", "site/d/b", "site/c"):
        write(path, "x")
    assert kvsync("sync", "site").code == 0
    before = held(edge)
    if name not in ("a", "d"):
        write(f"site/{name}", "")
    _failing(monkeypatch, name, code)
    for patterns in ([], ["--include", "*.json"], ["--exclude", "*"]):
        result = kvsync("sync", "site", *patterns, *DELETING)
        assert (result.code, f"site/{name}: " in result.err) == (2, True), result.err
        assert "bug" not in result.err
    assert held(edge) == before


@pytest.mark.parametrize("command", ["sync", "plan", "verify"])
def test_a_file_that_is_made_when_it_is_read(kvsync, edge, manifest, command):
    """It is read each time, also by a verify."""
    if not Path("/proc/uptime").exists():
        pytest.skip("no /proc here")
    manifest("keys: {up: {file: /proc/uptime}}\n")
    assert kvsync("sync", "m.yaml").code == 0
    edge.put("zone-1", "ns", "up", "something else")
    result = kvsync(command, "m.yaml")
    expected = {"sync": "1 updated", "plan": "1 to update", "verify": "* up"}
    assert expected[command] in result.out


def test_a_verify_reads_what_is_there(kvsync, edge, write):
    """That a file looks as it did is enough for a sync; who verifies wants to know."""
    path = write("site/a", "one")
    old = 1_000_000_000
    os.utime(path, (old, old))
    assert kvsync("sync", "site").code == 0
    assert kvsync("verify", "site").code == 0
    with path.open("r+") as file:
        file.write("two")
    os.utime(path, (old, old))
    assert kvsync("verify", "site").code == 3


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["folder", "manifest"])
def test_what_a_policy_leaves_out_is_not_deleted(kvsync, edge, write, kind):
    """A file that has become empty keeps its key, one that a pattern excludes does not."""
    write("site/a", "x")
    write("site/b", "x")
    write("site/c", "x")
    if kind == "manifest":
        write("m.yaml", "version: 1\ntrees: [{path: site, empty: skip}]\n")
        call = ["m.yaml"]
    else:
        call = ["site", "--empty", "skip"]
    assert kvsync("sync", *call).code == 0
    write("site/b", "")
    for more in ([], ["--refresh"], ["--refresh", "--delete-unmanaged"]):
        result = kvsync("sync", *call, *DELETING, *more)
        assert (result.code, sorted(held(edge))) == (0, ["a", "b", "c"]), result.err
        assert "? b" not in kvsync("plan", *call).out
    assert kvsync("verify", *call, "--exact").code == 0
    assert "deleted" not in kvsync("sync", *call, *DELETING, "--only", "*").out
    write("site/.kvsyncignore", "c\n")
    assert kvsync("sync", *call, *DELETING).code == 0
    assert sorted(held(edge)) == ["a", "b"]


def test_a_tree_beside_a_dump(kvsync, edge, write):
    """So it is where a manifest has dumps, too."""
    write("site/a", "x")
    write("site/b", "x")
    write("d.jsonl", '{"key": "d", "value": "1"}\n')
    write(
        "m.yaml",
        "version: 1\ntrees: [{path: site, empty: skip}]\n"
        "files: [{path: d.jsonl, format: jsonl, empty: skip}]\n",
    )
    assert kvsync("sync", "m.yaml").code == 0
    write("site/b", "")
    write("d.jsonl", '{"key": "d", "value": ""}\n')
    assert kvsync("sync", "m.yaml", *DELETING).code == 0
    assert sorted(held(edge)) == ["a", "b", "d"]


def test_all_are_empty(kvsync, edge, write):
    """Nothing is left to be sent, and nothing to be deleted."""
    write("site/a", "x")
    assert kvsync("sync", "site", "--empty", "skip").code == 0
    write("site/a", "")
    assert kvsync("sync", "site", "--empty", "skip", *DELETING).code == 0
    assert sorted(held(edge)) == ["a"]
