"""Several sources of one target in one call: whose a key is that none of them names any more."""

import pytest

from tests.cli.watching import long_ago


@pytest.fixture
def source(write):
    """Writes a manifest that has these keys."""

    def written(name: str, *keys: str) -> None:
        named = ", ".join(f"{key}: v" for key in keys)
        write(name, f"version: 1\nkeys: {{{named}}}\n")

    return written


@pytest.fixture
def pushed(kvsync, edge, source):
    """Pushes sources, given as in ``source``, an hour ago: those of a folder share a state."""

    def push(**sources: str) -> None:
        for name, keys in sources.items():
            path = f"{name.replace('_', '/')}.yaml"
            source(path, *keys)
            assert kvsync("sync", path, "--adopt").code == 0
        for folder in {name.split("_")[0] for name in sources}:
            long_ago(f"{folder}/.kvsync/state.db")

    return push


@pytest.mark.parametrize("sources", [("s/b", "s/c"), ("s/b", "t/c")], ids=["one state", "two"])
def test_orphans_of_all_sources_are_unmanaged(kvsync, pushed, source, sources):
    """A key that one of the sources names no more is unmanaged, whichever of them is first."""
    b, c = sources
    pushed(**{b.replace("/", "_"): "ab", c.replace("/", "_"): "c"})
    paths = [f"{b}.yaml", f"{c}.yaml"]
    assert kvsync("verify", *paths, "--exact").code == 0
    source(paths[0], "a")
    for order in (paths, paths[::-1]):
        result = kvsync("verify", *order, "--exact", "--json")
        found = [run["differences"] for run in result.json["runs"]]
        assert (result.code, found) == (3, [[{"key": "b", "status": "unmanaged"}], []])


def test_what_any_state_gives_to_another_is_managed(kvsync, pushed):
    """A key that the state of the second source gives to a source outside the call is managed."""
    pushed(s_b="b", t_c="c", t_z="z")
    for order in (["s/b.yaml", "t/c.yaml"], ["t/c.yaml", "s/b.yaml"]):
        assert kvsync("verify", *order, "--exact").code == 0
