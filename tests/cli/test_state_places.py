"""Where a state may lie, and what may lie there instead: told clearly, and never waited for."""

import os
import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.spoiling import LOOKS, STATE, child, files, noise
from tests.cli.watching import held
from tests.nobody import as_nobody

MANY = "keys: {" + ", ".join(f"key-{n}: v" for n in range(1500)) + "}\n"


@pytest.fixture
def impatient() -> Iterator[None]:
    """End the process of the tests rather than wait for ever."""
    signal.alarm(60)
    yield
    signal.alarm(0)


@pytest.fixture
def pushed(kvsync, edge, manifest) -> None:
    """A state of two keys."""
    manifest("keys: {a: one, b: two}\n")
    assert kvsync("sync", "m.yaml").code == 0


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["a b", "größe é 鍵", "100% #1?mode=ro&x", "new\nline"])
def test_names(kvsync, edge, write, folder):
    """A path may hold whatever a path may hold: the state is found, checked and made anew."""
    path = f"{folder}/my state.db"
    write("m.yaml", "version: 1\nkeys: {a: one}\n")
    assert kvsync("sync", "m.yaml", "--state", path).code == 0
    assert "1 unchanged" in kvsync("plan", "m.yaml", "--state", path).out
    assert kvsync("state", "check", "--state", path).code == 0
    assert len(kvsync("state", "show", "--state", path, "--json").json["keys"]) == 1
    noise(0, 100, Path(path))
    assert kvsync("sync", "m.yaml", "--state", path).code == 4
    assert kvsync("state", "rebuild", "m.yaml", "--state", path).code == 0
    assert "nothing to do" in kvsync("sync", "m.yaml", "--state", path).out


@pytest.mark.parametrize(
    "make",
    [STATE.mkdir, lambda: os.mkfifo(STATE), lambda: STATE.symlink_to(STATE.name)],
    ids=["a directory", "a FIFO", "a link to itself"],
)
def test_no_file(kvsync, edge, manifest, make, impatient):
    """What is no file is refused by every command with exit 4, and not waited for."""
    manifest("keys: {a: one}\n")
    STATE.parent.mkdir()
    make()
    for command in (*LOOKS, ("sync", "m.yaml"), ("state", "rebuild", "m.yaml")):
        result = kvsync(*command)
        assert (result.code, "Traceback" in result.err) == (4, False), command
        assert len(result.errors) == 1
    assert held(edge) == {}


def test_dangling_link(kvsync, edge, manifest, clean_environment):
    """A link to where nothing is yet is a state that is not there yet; it is made there."""
    manifest("keys: {a: one}\n")
    (clean_environment / "elsewhere").mkdir()
    STATE.parent.mkdir()
    STATE.symlink_to("../elsewhere/my.db")
    for command in LOOKS:
        assert kvsync(*command).code == 0
    assert list((clean_environment / "elsewhere").iterdir()) == []
    assert "1 created" in kvsync("sync", "m.yaml").out
    assert STATE.is_symlink()
    assert "nothing to do" in kvsync("sync", "m.yaml").out


@pytest.mark.parametrize("name", ["state.db.lock", "state.db.holder"])
def test_directory_for_what_lies_beside(kvsync, edge, pushed, name):
    """A directory where the lock should be is an error of the disk, not of kvsync."""
    (STATE.parent / name).unlink(missing_ok=True)
    (STATE.parent / name).mkdir()
    assert kvsync("plan", "m.yaml").code == 0
    assert kvsync("sync", "m.yaml").code == 4


IN_WAL = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("PRAGMA journal_mode=WAL")
connection.execute("UPDATE run SET exit_code = 5")
connection.commit()
os.kill(os.getpid(), signal.SIGKILL)
"""


def left_in_wal() -> None:
    """Another program has put the state into WAL mode, and was killed."""
    killed = subprocess.run([sys.executable, "-c", IN_WAL, str(STATE)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert STATE.with_name("state.db-wal").stat().st_size


@pytest.mark.slow
@pytest.mark.parametrize("without", ["", "-shm", "-wal"])
def test_wal(kvsync, edge, pushed, without):
    """A log that was left behind is read, without a file being made or changed; a sync takes it
    over, and leaves no log."""
    left_in_wal()
    if without:
        STATE.with_name(STATE.name + without).unlink()
    before = files()
    for command in LOOKS:
        result = kvsync(*command)
        assert (result.code, result.err) == (0, "")
    assert "2 unchanged" in kvsync("plan", "m.yaml").out
    assert files() == before
    assert "nothing to do" in kvsync("sync", "m.yaml").out
    assert not list(STATE.parent.glob("state.db-*"))
    assert STATE.read_bytes()[18:20] == b"\1\1"
    codes = [] if without == "-wal" else [5]
    with closing(sqlite3.connect(STATE)) as connection:
        runs = connection.execute("SELECT exit_code FROM run ORDER BY id").fetchall()
    assert [code for (code,) in runs] == [*(codes or [0]), 0]


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["-wal", "-shm", "-journal"])
def test_noise_beside(kvsync, edge, pushed, ending):
    """Noise where a log or a journal would be changes nothing of what the state says."""
    STATE.with_name(STATE.name + ending).write_bytes(b"noise" * 5000)
    before = files()
    for command in LOOKS:
        assert kvsync(*command).code == 0
    assert files() == before
    assert "nothing to do; 2 keys unchanged" in kvsync("sync", "m.yaml").out
    assert kvsync("state", "check", "m.yaml").code == 0


@pytest.mark.slow
def test_log_of_another_program(kvsync, edge, manifest, write):
    """A file of another program that has a log of its own is refused, and its log left alone."""
    manifest("keys: {a: one}\n")
    write(str(STATE), "")
    code = IN_WAL.replace("UPDATE run SET exit_code = 5", "CREATE TABLE bookmarks (url)")
    subprocess.run([sys.executable, "-c", code, str(STATE)], check=False)
    before = files()
    for command in (*LOOKS, ("sync", "m.yaml")):
        assert kvsync(*command).code == 4
    assert {name: content for name, content in files().items() if name in before} == before


KILLED = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 1")  # so that pages reach the file early
connection.execute("BEGIN")
connection.execute("UPDATE entry SET in_doubt = 0, origin = printf('%.3000c', 'x')")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
@pytest.mark.parametrize("rebuild", [False, True])
def test_hot_journal(kvsync, edge, manifest, rebuild):
    """A journal that was left behind is read without a change to any file, and rolled back by who
    writes next."""
    manifest("keys: {" + ", ".join(f"key-{n}: v" for n in range(100)) + "}\n")
    assert kvsync("sync", "m.yaml").code == 0
    subprocess.run([sys.executable, "-c", KILLED, str(STATE)], check=False)
    assert STATE.with_name("state.db-journal").stat().st_size
    before = files()
    for command in LOOKS:
        assert kvsync(*command).code == 0
    told = kvsync("state", "check", "m.yaml").out
    assert "state.db-journal was left by a program that was killed: the next sync takes" in told
    assert files() == before
    if rebuild:
        assert "100 keys as wanted" in kvsync("state", "rebuild", "m.yaml").out
        assert not list(STATE.parent.glob("*.damaged-*"))
    assert "nothing to do; 100 keys unchanged" in kvsync("sync", "m.yaml").out


@pytest.mark.slow
def test_read_only_directory(edge, shared, monkeypatch):
    """Where nothing may be written, all that looks does so; a sync says what it cannot write, and
    sends nothing."""
    monkeypatch.chdir(shared)
    Path("m.yaml").write_text("version: 1\nkeys: {a: one}\n")
    assert child("sync", "m.yaml").returncode == 0
    Path("m.yaml").write_text("version: 1\nkeys: {a: two}\n")
    STATE.chmod(0o444)
    STATE.parent.chmod(0o555)
    for command in LOOKS:
        result = as_nobody("-m", "kvsync", *command, cwd=shared)
        assert (result.returncode, result.stderr) == (0, ""), command
    for command in (("sync", "m.yaml"), ("state", "rebuild", "m.yaml")):
        result = as_nobody("-m", "kvsync", *command, cwd=shared)
        assert (result.returncode, "Traceback" in result.stderr) == (4, False), command
        assert "kvsync: error: cannot write " in result.stderr
        assert result.stderr.endswith("to keep the state elsewhere, give --state FILE\n")
    assert held(edge) == {"a": "one"}


def limited() -> None:
    """No file of this process may grow beyond 24 KiB."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (24 * 1024, 24 * 1024))


def recovered(kvsync, edge, *options: str) -> None:
    """Once there is room a sync sends what is not known to have arrived, and all is as wanted."""
    before = len(held(edge))
    for command in LOOKS:
        assert kvsync(*command, *options).code == 0
    assert kvsync("sync", "m.yaml", *options).code == 0
    assert held(edge) == {f"key-{n}": "v" for n in range(1500)}
    assert before < 1500
    assert "nothing to do; 1,500 keys unchanged" in kvsync("sync", "m.yaml", *options).out


@pytest.mark.slow
def test_file_that_may_not_grow(kvsync, edge, manifest):
    """Where the state cannot grow the run ends with exit 4, and nothing goes on being sent."""
    manifest(MANY)
    result = child("sync", "m.yaml", before=limited)
    assert (result.returncode, "Traceback" in result.stderr) == (4, False)
    assert "cannot" in result.stderr
    recovered(kvsync, edge)


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A disk of 128 KiB; skips where none may be mounted."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(place)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no disk may be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.slow
def test_full_disk(kvsync, edge, manifest, small_disk):
    """A disk that fills up while keys are sent ends the run with exit 4, and says that it is full;
    what was sent before is still known."""
    manifest(MANY)
    place = ["--state", str(small_disk / "my.db")]
    (small_disk / "others").write_bytes(bytes(60 * 1024))
    result = child("sync", "m.yaml", *place)
    assert (result.returncode, "Traceback" in result.stderr) == (4, False)
    assert "my.db: the disk is full\n" in result.stderr
    (small_disk / "others").unlink()
    subprocess.run(["mount", "-o", "remount,size=2m", str(small_disk)], check=True)
    recovered(kvsync, edge, *place)


@pytest.mark.slow
@pytest.mark.parametrize("left", [0, 4096, 8192, 16384, 32768])
def test_full_from_the_start(kvsync, edge, manifest, small_disk, left):
    """Where there is no room for a new state nothing is sent that it could not remember."""
    manifest("keys: {a: one}\n")
    (small_disk / "others").write_bytes(bytes(128 * 1024 - left))
    for command in (("sync", "m.yaml"), ("state", "rebuild", "m.yaml")):
        result = kvsync(*command, "--state", str(small_disk / "new" / "my.db"))
        assert result.code in (0, 4), (command, result.err)
        assert "Traceback" not in result.err
        if result.code:
            assert "the disk is full" in result.err or "No space left" in result.err
            assert held(edge) == {}
    for command in LOOKS:
        result = kvsync(*command, "--state", str(small_disk / "new" / "my.db"))
        assert result.code in (0, 4)
        assert "Traceback" not in result.err
