"""``kvsync state``."""

import pytest


@pytest.fixture
def pushed(kvsync, edge, manifest, clean_environment) -> str:
    """A state with two keys; returns its path."""
    manifest("keys: {a: one, b: {value: two, ttl: 1h}}\n")
    assert kvsync("sync", "m.yaml").code == 0
    return str(clean_environment / ".kvsync" / "state.db")


def test_path(kvsync, write, clean_environment):
    """path prints where the state is or would be, and creates nothing."""
    write("tree/x", "1")
    write("m.yaml", "")
    here = clean_environment
    assert kvsync("state", "path", "tree").out == f"{here}/tree/.kvsync/state.db\n"
    assert kvsync("state", "path", "m.yaml").out == f"{here}/.kvsync/state.db\n"
    assert kvsync("state", "path", "--state", "s.db").out == f"{here}/s.db\n"
    assert kvsync("state", "path", "--state", "s.db", "--json").json["path"] == f"{here}/s.db"
    assert not (here / ".kvsync").exists()


def test_list(kvsync, pushed):
    """list shows each target and owner, with counts and the last run."""
    result = kvsync("state", "list", "m.yaml")
    assert result.code == 0
    assert result.out.startswith("zone-1/ns at emulator:")
    assert "  owner ./m.yaml: 2 keys, 0 in doubt; last run 20" in result.out
    (owner,) = kvsync("state", "list", "m.yaml", "--json").json["owners"]
    assert (owner["zone"], owner["owner"], owner["keys"], owner["bytes"]) == (
        "zone-1", "./m.yaml", 2, 6,
    )  # fmt: skip


def test_list_of_nothing(kvsync, write, clean_environment):
    """list says so when there is no state yet, and creates none."""
    write("m.yaml", "")
    path = clean_environment / ".kvsync" / "state.db"
    assert kvsync("state", "list", "m.yaml").out == f"no state yet at {path}\n"
    assert not path.parent.exists()


def test_show(kvsync, pushed):
    """show tells what is remembered of each key: digest, never value."""
    lines = kvsync("state", "show", "m.yaml").out.splitlines()
    assert lines[0].startswith("zone-1/ns  a  3 B, sha256 7692c3ad3540, sent 20")
    assert lines[0].endswith("  (./m.yaml, m.yaml:2)")
    assert ", runs out 20" in lines[1]
    (key,) = kvsync("state", "show", "m.yaml", "--only", "b*", "--json").json["keys"]
    assert (key["key"], key["ttl"], key["expires"], key["in_doubt"]) == ("b", 3600, None, False)
    assert key["request_id"]
    assert kvsync("state", "show", "m.yaml", "--zone", "x").out == f"no such keys in {pushed}\n"
    assert kvsync("state", "show", "m.yaml", "--namespace", "x", "-q").out == ""


def test_forget(kvsync, edge, pushed):
    """A forgotten key is sent anew; nothing is deleted from the namespace."""
    assert kvsync("state", "forget", "m.yaml", "--only", "a").out == "forgot 1 key\n"
    assert len(edge.pairs("zone-1", "ns")) == 2
    assert "1 created, 1 unchanged" in kvsync("sync", "m.yaml").out
    assert kvsync("state", "forget", "--state", pushed, "--all").out == "forgot 2 keys\n"


def test_forget_needs_a_choice(kvsync, pushed):
    """forget does not guess what is meant."""
    for options in ([], ["--only", "a", "--all"]):
        result = kvsync("state", "forget", "m.yaml", *options)
        assert (result.code, result.errors) == (
            2, ["kvsync: error: give either --only PATTERN or --all"],
        )  # fmt: skip


def test_forget_without_a_state(kvsync, write):
    """Where there is no state there is nothing to forget."""
    write("m.yaml", "")
    assert kvsync("state", "forget", "m.yaml", "--all").out == "forgot 0 keys\n"


def test_no_source(kvsync):
    """Without a SOURCE or --state there is no state to look at."""
    result = kvsync("state", "list", "--json")
    assert (result.code, result.json["error"]["message"]) == (2, "give a SOURCE, or --state FILE")
    assert kvsync("state", "list", "gone").errors == [
        "kvsync: error: gone: no such file or directory"
    ]


def test_state_that_is_not_ours(kvsync, write):
    """A file that is not a state is refused."""
    write("s.db", "noise " * 1000)
    assert kvsync("state", "list", "--state", "s.db").code == 4
