"""Several sources of one target in one call: whose a key is that none of them names any more."""

import pytest

from tests.cli.watching import counted, held, long_ago


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


def deletes(result) -> list[list[str]]:
    """The keys that each source has deleted."""
    return [[c["key"] for c in run["changes"]] for run in result.json["runs"]]


@pytest.mark.slow
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


@pytest.mark.slow
def test_what_any_state_gives_to_another_is_managed(kvsync, pushed):
    """A key that the state of the second source gives to a source outside the call is managed."""
    pushed(s_b="b", t_c="c", t_z="z")
    for order in (["s/b.yaml", "t/c.yaml"], ["t/c.yaml", "s/b.yaml"]):
        assert kvsync("verify", *order, "--exact").code == 0


MIRROR = ("--refresh", "--delete-unmanaged", "--max-delete", "100%", "--json")


@pytest.mark.slow
@pytest.mark.parametrize("options", [("--delete", "--json"), MIRROR], ids=["delete", "mirror"])
@pytest.mark.parametrize("first", ["s/b.yaml", "t/c.yaml"])
def test_an_orphan_is_its_owners_to_delete(kvsync, edge, pushed, source, first, options):
    """An orphan is deleted once, by its owner, although others see but a stray in it."""
    pushed(s_b="abd", t_c="c")
    source("s/b.yaml", "a")
    order = sorted(["s/b.yaml", "t/c.yaml"], key=lambda path: path != first)
    with counted(edge) as seen:
        result = kvsync("sync", *order, *options)
    assert (result.code, seen["EdgeKVDelete"]) == (0, 1)
    assert dict(zip(order, deletes(result), strict=True)) == {
        "s/b.yaml": ["b", "d"], "t/c.yaml": [],
    }  # fmt: skip
    assert sorted(held(edge)) == ["a", "c"]


@pytest.mark.slow
@pytest.mark.parametrize("first", ["s/b.yaml", "t/c.yaml"])
def test_a_mirror_spares_what_any_state_gives_to_another(kvsync, edge, pushed, first):
    """A key that one of the states gives to a source outside the call is not deleted."""
    pushed(s_b="b", s_y="y", t_c="c", t_z="z")
    edge.put("zone-1", "ns", "stray", "x")
    order = sorted(["s/b.yaml", "t/c.yaml"], key=lambda path: path != first)
    result = kvsync("sync", *order, *MIRROR)
    assert (result.code, deletes(result)) == (0, [["stray"], []])
    assert sorted(held(edge)) == ["b", "c", "y", "z"]


@pytest.mark.slow
@pytest.mark.parametrize("options", [("--delete", "--json"), MIRROR], ids=["delete", "mirror"])
def test_an_orphan_in_two_states_is_deleted_once(kvsync, edge, pushed, source, options):
    """A key that both sources have pushed, each for itself, and name no more is the first's."""
    pushed(s_b="ax", t_c="cx")
    source("s/b.yaml", "a")
    source("t/c.yaml", "c")
    with counted(edge) as seen:
        result = kvsync("sync", "s/b.yaml", "t/c.yaml", *options)
    assert (result.code, deletes(result), seen["EdgeKVDelete"]) == (0, [["x"], []], 1)
    assert sorted(held(edge)) == ["a", "c"]


@pytest.mark.slow
@pytest.mark.parametrize("options", [("--delete", "--json"), MIRROR], ids=["delete", "mirror"])
def test_a_key_that_has_moved_to_a_source_outside_the_call(kvsync, edge, pushed, source, options):
    """An orphan that another of the states gives to a source outside the call is kept."""
    pushed(s_b="ax", t_c="c", t_z="x")
    source("s/b.yaml", "a")
    result = kvsync("sync", "s/b.yaml", "t/c.yaml", *options)
    assert (result.code, deletes(result)) == (0, [[], []])
    assert sorted(held(edge)) == ["a", "c", "x"]
    assert kvsync("verify", "s/b.yaml", "t/c.yaml", "--exact").code == 0


@pytest.mark.slow
@pytest.mark.parametrize("options", [("--delete", "--json"), MIRROR], ids=["delete", "mirror"])
def test_an_orphan_of_two_sources_of_one_name(kvsync, edge, write, options):
    """Where two sources have the same name, its orphan counts, and is deleted, for the first."""
    text = "version: 1\nname: us\nkeys: "
    write("s/b.yaml", text + "{a: v, x: v}\n")
    write("s/c.yaml", text + "{c: v}\n")
    assert kvsync("sync", "s/b.yaml", "s/c.yaml").code == 0
    long_ago("s/.kvsync/state.db")
    write("s/b.yaml", text + "{a: v}\n")
    planned = kvsync("plan", "s/b.yaml", "s/c.yaml", "--refresh", "--json")
    assert [run["orphans"] for run in planned.json["runs"]] == [["x"], []]
    with counted(edge) as seen:
        result = kvsync("sync", "s/b.yaml", "s/c.yaml", *options)
    assert (result.code, deletes(result), seen["EdgeKVDelete"]) == (0, [["x"], []], 1)
    assert sorted(held(edge)) == ["a", "c"]
