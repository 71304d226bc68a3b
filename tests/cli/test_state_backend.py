"""Nobody but `kvsync.state` knows that a state is a file: another is chosen in one place."""

from pathlib import Path

import pytest

from tests.cli.memory import KEPT, locate_in_memory
from tests.cli.ways import Ways


@pytest.fixture(autouse=True)
def in_memory(monkeypatch: pytest.MonkeyPatch, clean_environment: Path):
    """All states are in dictionaries, and there is no file of one afterwards."""
    KEPT.clear()
    monkeypatch.setattr("kvsync.state.locate_file", locate_in_memory)
    yield
    KEPT.clear()
    found = {path.name for path in clean_environment.rglob("*")}
    assert not found & {".kvsync", "state.db", "state.db.lock", "state.db.holder"}


@pytest.fixture
def source(request: pytest.FixtureRequest, manifest, write) -> str:
    """Two keys, by whichever kind of source."""
    manifest("keys: {a: one, b: two}")
    write("tree/a", "one")
    write("tree/b", "two")
    return request.param


@pytest.mark.parametrize("source", ["m.yaml", "tree"], indirect=True)
def test_second_sync_has_nothing_to_do(kvsync, edge, source):
    """A plan creates no state; what a sync has pushed is known to the next one."""
    assert "2 to create" in kvsync("plan", source).out
    assert not KEPT
    assert kvsync("sync", source).code == 0
    assert len(edge.pairs("zone-1", "ns")) == 2
    assert "2 unchanged" in kvsync("plan", source).out
    result = kvsync("sync", source)
    assert (result.code, "nothing to do" in result.out) == (0, True)
    (kept,) = KEPT.values()
    assert [run.counts["unchanged"] for _, _, run in kept.runs] == [0, 2]


@pytest.mark.parametrize("source", ["m.yaml"], indirect=True)
def test_short_way(kvsync, edge, monkeypatch, source):
    """What lay behind a run that found nothing to do is kept, and is void once a row changes."""
    ways = Ways(monkeypatch)
    for _ in range(3):
        assert kvsync("sync", source).code == 0
    kvsync("state", "forget", source, "--only", "a")
    assert kvsync("sync", source).code == 0
    assert ways.short == [False, False, True, False]


@pytest.mark.parametrize("source", ["tree"], indirect=True)
def test_what_is_remembered_decides(kvsync, edge, write, clean_environment, source):
    """A changed value is sent, and a key that the source has lost is its orphan."""
    assert kvsync("sync", source).code == 0
    write("tree/a", "another")
    (clean_environment / "tree" / "b").unlink()
    assert kvsync("sync", source, "--delete").code == 0
    assert edge.pairs("zone-1", "ns") == {"a": ("another", 0)}
    (kept,) = KEPT.values()
    assert [[*rows] for rows in kept.rows.values()] == [["a"]]


@pytest.mark.parametrize("source", ["m.yaml"], indirect=True)
def test_state_commands(kvsync, edge, source, clean_environment):
    """They show, check, forget and rebuild what the backend keeps, under the name that it gives."""
    assert kvsync("sync", source).code == 0
    name = f"memory:{clean_environment}"
    assert kvsync("state", "path", source).out == f"{name}\n"
    assert kvsync("state", "check", source).out.endswith(f"{name} is sound (format 7)\n")
    assert "2 keys, 0 in doubt" in kvsync("state", "list", source).out
    assert kvsync("state", "forget", source, "--only", "a").out == "forgot 1 key\n"
    assert [key["key"] for key in kvsync("state", "show", source, "--json").json["keys"]] == ["b"]
    assert kvsync("state", "rebuild", source, "--adopt").code == 0
    assert "1 unchanged" in kvsync("sync", source).out


@pytest.mark.parametrize("source", ["m.yaml"], indirect=True)
def test_held(kvsync, edge, source, clean_environment):
    """Another run that has the state is told of, by whatever name."""
    assert kvsync("sync", source, "--state", "shared").code == 0
    with KEPT["memory:shared"].lock:
        result = kvsync("sync", source, "--state", "shared", "--checksum")
    assert (result.code, "another run holds memory:shared" in result.err) == (12, True)
