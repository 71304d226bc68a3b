"""--local, for commands that name no source: the data that a sync has made are found."""

import json
import os
from pathlib import Path

import pytest

from kvsync.emulator.store import Store

COMMANDS = ["get a", "export -o out.jsonl", "namespaces list", "put a new"]


@pytest.fixture
def site(write):
    """A folder to sync."""
    write("site/a", "one")
    return "site"


@pytest.mark.slow
@pytest.mark.parametrize("where", ["site", "conf/site", "deep/er/site"])
def test_the_data_below_are_found(kvsync, write, where):
    """After a sync of a folder every look finds what it sent, from where it was started."""
    write(f"{where}/a", "one")
    kvsync("sync", where, "--local", "--rate", "100000")
    assert kvsync("get", "a", "--local").out == "one"
    assert "default" in kvsync("namespaces", "list", "--local").out
    assert kvsync("put", "a", "two", "--local").code == 0
    assert kvsync("get", "a", "--local").out == "two"
    assert kvsync("export", "--local", "-o", "out.jsonl").code == 0
    assert json.loads(Path("out.jsonl").read_text())["value"] == "two"
    assert kvsync("namespaces", "create", "more", "--local").code == 0
    assert kvsync("verify", where, "--local").code == 3
    assert not Path(".kvsync").exists()
    os.chdir(where)
    assert kvsync("get", "a", "--local").out == "two"


def test_a_manifest_with_a_target_of_its_own(kvsync, manifest):
    """What is there is what is meant, if it is all that there is."""
    manifest("zone: zone-7\nnamespace: ns-7\nkeys: {a: one}\n")
    kvsync("sync", "m.yaml", "--local")
    assert kvsync("get", "a", "--local").out == "one"
    assert kvsync("get", "a", "--local", "--zone", "zone-7").out == "one"
    assert "ns-7" in kvsync("namespaces", "list", "--local").out
    assert kvsync("put", "a", "two", "--local").code == 0
    assert kvsync("get", "a", "--local", "--namespace", "ns-7").out == "two"
    assert kvsync("export", "--local", "-o", "out.jsonl").code == 0
    missing = kvsync("get", "a", "--local", "--namespace", "other")
    assert missing.code == 6


@pytest.mark.parametrize("command", COMMANDS)
def test_several_places(kvsync, write, command):
    """Where more than one folder has data, the message is what to type."""
    for name in ("one", "two's"):
        write(f"{name}/a", name)
        kvsync("sync", name, "--local", "--rate", "100000")
    result = kvsync(*command.split(), "--local")
    assert result.code == 2
    way = "--state one/.kvsync/state.db or --state 'two'\"'\"'s/.kvsync/state.db'"
    assert result.errors == [f"kvsync: error: --local has data in 2 places here: give {way}"]
    assert kvsync("get", "a", "--local", "--state", "one/.kvsync/state.db").out == "one"


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_several_targets(kvsync, manifest, command):
    """Where the data have several namespaces, none of them the usual one, it is said which."""
    manifest("keys: {a: one}\n")
    for zone, namespace in (("z-1", "n-1"), ("z-2", "n-2")):
        kvsync("sync", "m.yaml", "--local", "--zone", zone, "--namespace", namespace)
    result = kvsync(*command.split(), "--local")
    assert result.code == 2
    namespaces = ("", "") if "namespaces" in command else (" --namespace n-1", " --namespace n-2")
    ways = f"--zone z-1{namespaces[0]} or --zone z-2{namespaces[1]}"
    assert f"--local has pairs in 2 of these: give {ways}" in result.err
    assert kvsync("get", "a", "--local", "--zone", "z-2").out == "one"
    # The usual one comes first.
    kvsync("sync", "m.yaml", "--local")
    assert kvsync(*command.split(), "--local").code == 0


@pytest.mark.parametrize("command", ["get a", "export -o out.jsonl", "namespaces list"])
def test_nothing_anywhere(kvsync, clean_environment, command):
    """Where there are no data, the message says how to find them, and leaves nothing behind."""
    result = kvsync(*command.split(), "--local")
    assert result.code == 2
    assert 'give --state "$(kvsync state path SOURCE)"' in result.err
    assert not list(clean_environment.iterdir())


def test_a_first_put_begins_here(kvsync, clean_environment):
    """Whoever writes where nothing is begins anew."""
    assert kvsync("put", "a", "one", "--local").code == 0
    assert kvsync("get", "a", "--local").out == "one"
    assert Path(".kvsync/emulator.db").exists()


def test_a_copy_keeps_to_its_directory(kvsync, site):
    """Its state and its data lie where it is started: the message says where data are."""
    kvsync("sync", "site", "--local")
    command = ["copy", "--local", "--from-namespace", "default", "--to-namespace", "b"]
    result = kvsync(*command)
    assert result.code == 2
    assert "give --state site/.kvsync/state.db" in result.err
    assert kvsync(*command, "--state", "site/.kvsync/state.db").code == 0


def test_other_files_are_no_data(kvsync, write, site):
    """What is called so and is something else is not taken, nor are data deeper than a look."""
    write("other/.kvsync/emulator.db", "not SQLite")
    Path("a/b/c/d/.kvsync").mkdir(parents=True)
    Store("a/b/c/d/.kvsync/emulator.db").close()
    kvsync("sync", "site", "--local")
    assert kvsync("get", "a", "--local").out == "one"
