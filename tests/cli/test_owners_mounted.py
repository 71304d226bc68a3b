"""Whose keys are whose where one state, or one folder, is mounted at several places."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.watching import held

pytestmark = pytest.mark.slow

DELETING = ["--delete", "--force", "--max-delete", "100%"]
_SITES = "a", "b"


@pytest.fixture
def bind() -> Iterator[Callable[[str, str], None]]:
    """Mounts what is at one place at another."""
    bound: list[str] = []

    def mounted(what: str, where: str) -> None:
        try:
            subprocess.run(["mount", "--bind", what, where], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("nothing may be mounted here")
        bound.append(str(Path(where).absolute()))

    yield mounted
    for where in reversed(bound):
        subprocess.run(["umount", "-l", where], check=True)


def _check(kvsync, edge, monkeypatch, source: str, *state: str) -> None:
    """Each of two sites keeps what the other has pushed."""
    here = Path.cwd()
    for _ in range(2):
        for site in _SITES:
            monkeypatch.chdir(here / site)
            result = kvsync("sync", source, *state, *DELETING)
            assert (result.code, "deleted" in result.out) == (0, False)
    assert {key[-1] for key in held(edge)} == {"a", "b"}


@pytest.mark.parametrize("bound", ["one", "both", "file"])
def test_a_state_that_is_mounted(kvsync, edge, write, bind, monkeypatch, bound):
    """Two folders beside it are two owners, be one of them where it really is."""
    for site in _SITES:
        write(f"{site}/src/{site}", "x")
        Path(site, "st").mkdir()
    Path("st").mkdir()
    if bound == "file":
        assert kvsync("sync", "a/src", "--state", "a/st/s.db").code == 0
        write("b/st/s.db", "")
        bind("a/st/s.db", "b/st/s.db")
    for site in {"both": _SITES, "one": "b", "file": ""}[bound]:
        bind("st" if bound == "both" else "a/st", f"{site}/st")
    _check(kvsync, edge, monkeypatch, "src", "--state", "st/s.db")


@pytest.mark.parametrize("source", ["src", "m.yaml", "src/sub"])
def test_a_source_that_is_mounted(kvsync, edge, write, bind, monkeypatch, source):
    """One folder with the state, seen at two places, that has a mount of its own at each."""
    Path("base/src/sub").mkdir(parents=True)
    write("base/m.yaml", "")
    state = ["--state", ".kvsync/state.db"] if source.startswith("src") else []
    for site in _SITES:
        Path(site).mkdir()
        bind("base", site)
        if state:
            write(f"in-{site}/{site}", "x")
        else:
            write(f"in-{site}", f"version: 1\nkeys: {{{site}: x}}\n")
        bind(f"in-{site}", f"{site}/{source}")
    _check(kvsync, edge, monkeypatch, source.removesuffix("/sub"), *state)


def test_a_volume(kvsync, edge, write, bind, monkeypatch):
    """What has both the state and the source may be mounted anywhere: its keys stay its own."""
    write("volume/src/a", "x")
    write("volume/src/b", "x")
    call = ["sync", "src", "--state", "st/s.db", *DELETING]
    monkeypatch.chdir("volume")
    assert kvsync(*call).code == 0
    Path("src/b").unlink()
    monkeypatch.chdir("..")
    Path("data").mkdir()
    bind("volume", "data")
    monkeypatch.chdir("data")
    assert "1 deleted" in kvsync(*call).out
    assert sorted(held(edge)) == ["a"]


def test_how_to_go_on(kvsync, edge, write, bind, monkeypatch):
    """Who has become known by the whole path is told why, and what to do."""
    write("a/src/a", "x")
    Path("a/st").mkdir()
    monkeypatch.chdir("a")
    call = ["sync", "src", "--state", "st/s.db"]
    assert kvsync(*call).code == 0
    bind("st", "st")
    refused = kvsync(*call)
    assert refused.code == 11
    assert "a is owned by ../src; if you renamed it, --adopt" in refused.err
    assert f"{Path.cwd()}/src, the whole path as a link or a mount lies between" in refused.err
    assert kvsync(*call, "--adopt").code == kvsync(*call).code == 0
