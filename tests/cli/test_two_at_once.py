"""Two runs at the same time: on one state, or on one account."""

import errno
import os
import signal
import subprocess
import sys

import pytest

from kvsync.state.sqlite import State, run_lock
from tests.cli.watching import held

HOLD = """
import sys
from kvsync.state.sqlite import run_lock
with run_lock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def synced(kvsync, edge, manifest) -> str:
    """A state with one key; returns its path."""
    manifest("keys: {a: one}\n")
    assert kvsync("sync", "m.yaml").code == 0
    manifest("keys: {a: two}\n")
    return ".kvsync/state.db"


@pytest.fixture
def holder(synced):
    """Another run that holds it, until it is killed."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, synced], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout.readline() == b"held\n"
        yield child
        child.stdin.close()


@pytest.mark.slow
def test_the_second_says_who_is_first(kvsync, edge, holder):
    """A run from cron that overlaps ends with 12 and names the other; nothing is sent."""
    result = kvsync("sync", "m.yaml")
    assert (result.code, held(edge)) == (12, {"a": "one"})
    assert f"pid {holder.pid}" in result.err


@pytest.mark.slow
def test_looking_is_not_held_up(kvsync, edge, holder):
    """What only reads the state does not wait for the run that holds it."""
    for command in (["plan", "m.yaml"], ["state", "list", "m.yaml"], ["verify", "m.yaml"]):
        assert kvsync(*command).code in {0, 3}


def test_looking_holds_nobody_up(kvsync, edge, synced):
    """A plan that has the state open, and waits for the network, keeps no sync from writing."""
    with State.read(os.path.abspath(synced)) as state:
        rows = state.rows(state.targets()[0])
        assert "1 updated" in kvsync("sync", "m.yaml").out
        assert rows.keys() == {"a"}


@pytest.mark.slow
def test_a_killed_run_holds_nothing(kvsync, edge, holder):
    """The lock of a run that was killed does not block the next, whatever it left written."""
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert "1 updated" in kvsync("sync", "m.yaml").out


@pytest.mark.slow
def test_waiting_for_the_first(kvsync, edge, holder, monkeypatch):
    """With --lock-timeout the second waits until the first is done, and then does its work."""
    told = []

    def tell(console, line, level="info"):
        told.append(line)
        if "waiting for another run" in line:
            holder.kill()

    monkeypatch.setattr("kvsync.cli.console.Console.tell", tell)
    result = kvsync("sync", "m.yaml", "--lock-timeout", "1m")
    assert (result.code, held(edge)) == (0, {"a": "two"})
    assert f"pid {holder.pid}" in told[0]


@pytest.fixture
def while_waiting(monkeypatch, holder):
    """Lets something happen while a run waits for the holder, which is killed after that."""

    def let(does) -> None:
        def tell(console, line, level="info"):
            if "waiting for another run" in line:
                does()
                holder.kill()

        monkeypatch.setattr("kvsync.cli.console.Console.tell", tell)

    return let


@pytest.mark.slow
def test_a_source_that_changes_while_it_waits(kvsync, edge, manifest, while_waiting):
    """What the source says after the wait is sent, wherever it goes by then, and nothing of before:
    the run that was waited for may have sent what is newer."""
    while_waiting(lambda: manifest("zone: zone-2\nkeys: {a: three, b: new}\n"))
    result = kvsync("sync", "m.yaml", "--lock-timeout", "1m", "--json")
    (run,) = result.json["runs"]
    assert (result.code, run["target"]["zone"], run["summary"]["create"]) == (0, "zone-2", 2)
    assert held(edge) == {"a": "one"}
    assert {key: value for key, (value, _) in edge.pairs("zone-2", "ns").items()} == {
        "a": "three", "b": "new",
    }  # fmt: skip
    assert "nothing to do" in kvsync("sync", "m.yaml").out


@pytest.mark.slow
@pytest.mark.parametrize("change", ["spoil", "remove"])
def test_a_source_that_is_no_more_after_the_wait(kvsync, edge, manifest, while_waiting, change):
    """It is told as it is then, and nothing is sent."""
    while_waiting(lambda: os.remove("m.yaml") if change == "remove" else manifest("keys: [\n"))
    assert kvsync("sync", "m.yaml", "--lock-timeout", "1m").code == 2
    assert held(edge) == {"a": "one"}


@pytest.mark.slow
def test_a_first_run_that_waits(kvsync, edge, manifest, while_waiting):
    """So it is where there is no state yet, and the source was read before the wait."""
    os.remove(".kvsync/state.db")
    while_waiting(lambda: manifest("keys: {a: three, b: new}\n"))
    assert kvsync("sync", "m.yaml", "--lock-timeout", "1m").code == 0
    assert held(edge) == {"a": "three", "b": "new"}


def test_no_name_of_the_holder_is_waited_for(kvsync, edge, synced):
    """A FIFO where the holder's name should be holds nobody up."""
    os.unlink(f"{synced}.holder")
    os.mkfifo(f"{synced}.holder")
    result = kvsync("sync", "m.yaml")
    assert (result.code, "state.db.holder" in result.err) == (4, True)
    os.unlink(f"{synced}.holder")
    with run_lock(synced):
        os.unlink(f"{synced}.holder")
        os.mkfifo(f"{synced}.holder")
        result = kvsync("sync", "m.yaml")
    assert (result.code, "another run holds" in result.err) == (12, True)


def test_no_locks(kvsync, edge, synced, monkeypatch):
    """On a file system that keeps no locks a run ends at once, and says where else to go."""

    def flock(*_):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr("fcntl.flock", flock)
    for timeout in ([], ["--lock-timeout", "10m"]):
        result = kvsync("sync", "m.yaml", *timeout)
        assert (result.code, "give --state FILE" in result.err) == (4, True)
    assert held(edge) == {"a": "one"}


@pytest.mark.slow
def test_two_states_on_one_account(serve_emulator, credentials, write):
    """Two runs that share the budget of an account slow each other down, and lose no key."""
    edge = serve_emulator(rate=40)
    children = []
    for name in ("one", "two"):
        for number in range(40):
            write(f"{name}/{name}-{number}", "v")
        target = ["--endpoint", edge.url, "--zone", "zone-1", "--namespace", "ns", "--rate", "40"]
        command = [sys.executable, "-m", "kvsync", "sync", name, *target]
        children.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
    for child in children:
        out, _ = child.communicate(timeout=120)
        assert (child.returncode, "40 created" in out) == (0, True)
    assert len(held(edge)) == 80
    assert edge.stats()["refused"]["EdgeKVPut"] > 0
