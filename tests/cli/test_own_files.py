"""What kvsync writes is never part of a source, and what is somebody's is never written."""

import os
import shutil
from pathlib import Path

import pytest

from tests.cli.spoiling import STATE
from tests.cli.watching import held


@pytest.mark.parametrize("local", [[], ["--local"]])
@pytest.mark.parametrize("where", ["site/data", "site/.kvsync", "shared"])
def test_a_state_that_is_seen_in_the_tree(kvsync, edge, write, where, local):
    """Whether `.kvsync` is a link into the folder, or others in there lead to it."""
    write("site/a", "x")
    write("site/data/b", "x")
    if where == "site/data":
        Path("site/.kvsync").symlink_to("data")
    else:
        if where == "shared":
            Path("shared").mkdir()
            Path("site/.kvsync").symlink_to("../shared")
        else:
            Path("site/.kvsync").mkdir()
            Path("site/to-folder").symlink_to(".kvsync")
        Path("site/to-state").symlink_to(".kvsync/state.db")
        Path("site/to-lock").symlink_to(".kvsync/state.db.lock")
    if where == "shared":
        for name in ("to-state", "to-lock"):
            Path("site", name).unlink()
    for number in range(3):
        result = kvsync("sync", "site", *local, "--json")
        assert result.code == 0, result.err
        summary = result.json["runs"][0]["summary"]
        assert (summary["create"], summary["unchanged"]) == ((2, 0) if not number else (0, 2))


def test_a_state_by_another_name(kvsync, edge, write):
    """A second name of the same file is no link that could be followed."""
    write("site/a", "x")
    assert kvsync("sync", "site", "--state", "s.db").code == 0
    Path("site/hard").hardlink_to("s.db")
    for _ in range(2):
        assert kvsync("sync", "site", "--state", "s.db", "--adopt").code == 0
    assert sorted(held(edge)) == ["a"]
    # Nor is it where nothing is known yet, so that no file is asked what it is.
    for file in Path(".").glob("s.db*"):
        file.unlink()
    write("f.jsonl", "")
    Path("site/hard").unlink()
    Path("site/hard").hardlink_to("f.jsonl")
    assert kvsync("sync", "site", "--state", "s.db", "--failures", "f.jsonl").code == 0
    assert sorted(held(edge)) == ["a"]


@pytest.mark.parametrize("content", ["", "\n"])
@pytest.mark.parametrize("name", ["d.jsonl", "other.db", "site/empty"])
def test_an_empty_file_is_no_state(kvsync, edge, write, name, content):
    """It is refused by all that would write it, and left as it is, be it the source itself."""
    source = write("d.jsonl", content)
    path = write(name, content)
    write("site/a", "x")
    for call in (["d.jsonl", "--format", "jsonl"], ["site", "--empty", "skip"]):
        for command in ("sync", "plan"):
            result = kvsync(command, *call, "--state", name)
            assert (result.code, "no kvsync state file" in result.err) == (4, True)
    assert kvsync("state", "rebuild", "site", "--state", name).code == 4
    assert kvsync("state", "forget", "--all", "--state", name).code == 4
    assert (source.read_text(), path.read_text()) == (content, content)
    assert held(edge) == {}


def test_an_empty_source_is_no_list_of_failures(kvsync, edge, write):
    """The header of a list would make another source of it."""
    source = write("d.jsonl", "")
    result = kvsync("sync", "d.jsonl", "--format", "jsonl", "--failures", "d.jsonl")
    assert (result.code, "this is the source itself" in result.err) == (2, True)
    assert source.read_text() == ""


@pytest.mark.parametrize("what", ["folder", "file", "replaced"])
def test_a_state_that_goes_under_a_run(kvsync, edge, manifest, meanwhile, what):
    """The error says what has happened to it."""
    manifest("keys: {a: one}\n")
    assert kvsync("sync", "m.yaml").code == 0
    manifest("keys: {a: two}\n")

    def gone() -> None:
        if what == "folder":
            shutil.rmtree(STATE.parent)
        else:
            STATE.rename("elsewhere")
            if what == "replaced":
                shutil.copy("elsewhere", STATE)

    meanwhile(gone)
    result = kvsync("sync", "m.yaml", "-i")
    assert result.code == 4
    assert f"{os.path.abspath(STATE)}: it was removed or replaced while it was in use" in result.err
    assert "read-only" not in result.err
