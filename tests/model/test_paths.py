"""Paths lead where the system goes by them."""

import os
from pathlib import Path

import pytest

from kvsync.model.files import absolute


@pytest.fixture
def work(tmp_path, monkeypatch) -> Path:
    """A folder to stand in, with links of all kinds."""
    work = tmp_path.resolve() / "work"
    (work / "a/b/c").mkdir(parents=True)
    (work / "d").mkdir()
    (work / "d/in").symlink_to("../a/b")
    (work / "d/whole").symlink_to(work / "a/b/c")
    (work / "d/hop").symlink_to("in")
    (work / "gone").symlink_to("nowhere/at/all")
    (work / "loop").symlink_to("loop")
    monkeypatch.chdir(work)
    return work


@pytest.mark.parametrize(
    ("path", "right"),
    [
        ("d/in", "d/in"), ("d/in/.", "d/in"), ("d//in/", "d/in"), (".", "."), ("./a/b/..", "a"),
        ("d/in/..", "a"), ("d/in/../", "a"), ("d/in/../b/c", "a/b/c"), ("d/hop/..", "a"),
        ("d/hop/c/..", "d/hop"), ("d/in/c/../..", "a"), ("d/whole/../c", "a/b/c"),
        ("d/in/../../d/in", "d/in"), ("d/../d/in", "d/in"), ("d/in/../../d/hop/../b", "a/b"),
    ],
)  # fmt: skip
def test_where_it_leads(work, path, right):
    """A link is left as it is, but where something climbs from it."""
    for one in (path, f"{work}/{path}", f"/{work}/../{work.name}/{path}"):
        assert absolute(one) == os.path.normpath(work / right)
        assert os.path.samefile(absolute(one), one)


@pytest.mark.parametrize("path", ["gone/../a", "loop/../a", "none/../a", "../../../../../../../.."])
def test_what_leads_nowhere(work, path):
    """It is absolute and plain all the same."""
    assert absolute(path) == os.path.normpath(absolute(path))
    assert os.path.isabs(absolute(path))


def test_a_root_with_two_slashes(work):
    """It is the root."""
    assert absolute("//a/../etc") == "/etc"
