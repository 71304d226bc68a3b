"""One run at a time per state file."""

import errno
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from kvsync.model.errors import LockedError, StateError
from kvsync.state.sqlite import run_lock

HOLD = """
import sys
from kvsync.state.sqlite import run_lock
with run_lock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A state file to hold."""
    return str(tmp_path / ".kvsync" / "state.db")


@pytest.fixture
def holder(path):
    """Another process that holds it until its stdin ends."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout.readline() == b"held\n"
        yield child
        child.stdin.close()


@pytest.mark.slow
def test_who_holds_it(path, holder):
    """A second run is told who holds the state, since when, and how to wait."""
    with pytest.raises(LockedError) as caught, run_lock(path):
        pass
    message = str(caught.value)
    assert message.startswith(
        f"another run holds {path}: pid {holder.pid} on {socket.gethostname()}, since 20"
    )
    assert message.endswith("Z; wait longer for it: --lock-timeout 5m")


@pytest.mark.slow
def test_second_refusal_still_knows(path, holder):
    """Being refused does not make the next one lose sight of the holder."""
    for _ in range(2):
        with pytest.raises(LockedError, match=f"pid {holder.pid}"), run_lock(path):
            pass


@pytest.mark.slow
def test_waiting(path, holder):
    """With a time-out, a run says whom it waits for, and waits until that one is done."""
    told = []

    def waiting(line: str) -> None:
        told.append(line)
        holder.stdin.close()

    with run_lock(path, timeout=30, waiting=waiting):
        assert holder.wait(30) == 0
    assert told[0].startswith(f"waiting for another run: pid {holder.pid} on ")


@pytest.mark.slow
def test_killed_holder(path, holder):
    """A run that was killed does not block the next one."""
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    with run_lock(path):
        pass


UNREADABLE = [
    "",
    "{",
    "[]",
    "[" * 100_000,
    '{"pid": 1}',
    '{"pid": {}, "since": "x"}',
    '{"pid": 1, "host": "web1", "since": 1e30}',
    '{"pid": 1e999, "host": "web1", "since": 1}',
    f'{{"pid": 1, "host": "{"x" * 5000}", "since": 1}}',
]


@pytest.mark.slow
@pytest.mark.parametrize("content", UNREADABLE, ids=lambda content: content[:40])
def test_unreadable_holder(path, holder, content):
    """Whatever is in the holder's file, the refusal stays a refusal."""
    Path(f"{path}.holder").write_text(content)
    with pytest.raises(LockedError, match="it has just begun"), run_lock(path):
        pass


@pytest.mark.parametrize("old", [False, True], ids=["no lock yet", "an old empty lock"])
@pytest.mark.parametrize("timeout", [0.0, 60.0])
@pytest.mark.parametrize("code", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks(path, monkeypatch, old, timeout, code):
    """Where no lock can be had, that is said at once: nobody is waited for, and nobody named."""
    with run_lock(path):
        pass
    if not old:
        os.unlink(f"{path}.lock")

    def flock(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("fcntl.flock", flock)
    words = "its file system keeps no locks"
    with (
        pytest.raises(StateError, match=words) as caught,
        run_lock(path, timeout, waiting=pytest.fail),
    ):
        pytest.fail("held")
    assert (caught.value.exit_code, "pid" in str(caught.value)) == (4, False)


@pytest.mark.slow
def test_a_dead_process_is_not_named(path, holder):
    """Who held it before is not named for who has just begun, and has not said so yet."""
    with subprocess.Popen(["true"]) as child:
        child.wait()
    told = {"pid": child.pid, "host": os.uname().nodename, "since": 1}
    Path(f"{path}.holder").write_text(json.dumps(told))
    with pytest.raises(LockedError, match="it has just begun"), run_lock(path):
        pass
    Path(f"{path}.holder").write_text(json.dumps({**told, "host": "elsewhere"}))
    with pytest.raises(LockedError, match=f"pid {child.pid} on elsewhere"), run_lock(path):
        pass


def test_private(path):
    """The lock and its holder's file are 0600."""
    with run_lock(path):
        modes = {f.name: stat.S_IMODE(f.stat().st_mode) for f in Path(path).parent.iterdir()}
    assert modes == dict.fromkeys((".gitignore", "state.db.lock", "state.db.holder"), 0o600)
