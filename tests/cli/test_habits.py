"""What users of other tools type first is done, or answered with what to type here."""

import json

import pytest
from click.shell_completion import ShellComplete

from kvsync.cli import cli


def test_push_is_sync(kvsync, edge, manifest):
    """As git users say; and -y, --no-color, which are asked for elsewhere, change nothing."""
    manifest("keys: {a: one}\n")
    assert kvsync("push", "m.yaml", "-y", "--no-color").code == 0
    assert edge.pairs("zone-1", "ns") == {"a": ("one", 0)}


def test_diff_is_plan(kvsync, edge, manifest):
    """It shows what a sync would change, and sends nothing; so does plan -n."""
    manifest("keys: {a: one}\n")
    for call in (["diff", "m.yaml"], ["plan", "-n", "m.yaml"]):
        result = kvsync(*call)
        assert (result.code, "1 to create" in result.out) == (0, True)
    assert edge.arrivals == []


@pytest.mark.parametrize(
    ("typed", "way"),
    [
        ("apply", "kvsync sync SOURCE"),
        ("ls", "kvsync export -o -"),
        ("rm", "--delete"),
        ("status", "kvsync plan SOURCE"),
    ],
)
def test_a_command_that_there_is_none_of(kvsync, typed, way):
    """It is a usage error of one line that names the way."""
    result = kvsync(typed, "x")
    assert (result.code, way in result.err) == (2, True)


@pytest.mark.parametrize("typed", [["version"], ["--version"], ["-V"]])
def test_version(kvsync, typed):
    """All three ways tell it."""
    assert kvsync(*typed).out.startswith("kvsync ")


@pytest.mark.parametrize("typed", ["--delet", "--forc", "--max-delet", "--adop", "--delete-all"])
def test_no_typo_suggests_to_delete(kvsync, manifest, typed):
    """Who means to delete types it."""
    manifest("keys: {a: one}\n")
    result = kvsync("sync", "m.yaml", typed)
    assert result.code == 2
    assert not {"--delete", "--force", "--max-delete", "--adopt"} & set(
        result.err.replace("?", " ").replace(",", " ").replace("'", " ").split()
    )


@pytest.mark.slow
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(kvsync, shell):
    """It is the one for that shell, by the name that users call."""
    result = kvsync("completion", shell)
    assert (result.code, "_KVSYNC_COMPLETE" in result.out) == (0, True)


def completed(*words: str) -> list[str]:
    """What a shell would offer for the last of the words."""
    offered = ShellComplete(cli, {}, "kvsync", "_KVSYNC_COMPLETE")
    return [item.value for item in offered.get_completions(list(words[:-1]), words[-1])]


def test_what_the_state_knows_is_completed(kvsync, edge, manifest):
    """Zones, namespaces, owners and keys; nothing where there is no state."""
    assert completed("get", "") == []
    manifest("keys: {apple: one, pear: two}\n")
    assert kvsync("sync", "m.yaml").code == 0
    assert completed("get", "a") == ["apple"]
    assert completed("plan", "m.yaml", "--only", "") == ["apple", "pear"]
    assert completed("get", "a", "--zone", "z") == ["zone-1"]
    assert completed("get", "a", "--namespace", "") == ["ns"]
    owner = json.loads(kvsync("state", "list", "m.yaml", "--json").out)["owners"][0]["owner"]
    assert completed("plan", "m.yaml", "--name", "") == [owner]
