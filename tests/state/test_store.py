"""What the state file remembers."""

import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from kvsync.engine.ledger import Ledger
from kvsync.model.errors import StateError
from kvsync.model.values import Action, Change, Expiry, Outcome, OutcomeKind, Row, Target
from kvsync.state.sqlite import State, state_path
from tests.nobody import as_nobody
from tests.values import change, entry, row

TARGET = Target("https://edge", "zone-1", "ns")
OTHER = TARGET._replace(namespace="other")


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Where a state file would be."""
    return state_path(str(tmp_path))


def done(made: Change, at: float = 1000.0) -> Outcome:
    """The change's acknowledgement."""
    return Outcome(OutcomeKind.DONE, made, made.entry, at, "r", 1)


def seed(path: str, *rows: Row, target: Target = TARGET) -> None:
    """Put these rows into the state, as pushes would have."""
    with State.write(path) as state:
        for known in rows:
            wanted = entry(known.key)._replace(
                digest=known.digest, size=known.size, expiry=known.expiry, origin=known.origin
            )
            outcome = done(Change(Action.CREATE, wanted, ""))
            state.record(target, known.owner, [], [outcome])


def rows(path: str, target: Target = TARGET) -> dict[str, Row]:
    """What a later run reads."""
    with State.read(path) as state:
        return state.rows(target)


def test_done_is_remembered(path):
    """An acknowledged change is there for the next run, complete, for its own target only."""
    wanted = entry("a", expiry=Expiry(ttl=60), signature=b"sig")
    with State.write(path) as state:
        state.record(TARGET, "me", [], [done(Change(Action.CREATE, wanted, ""), at=1000.5)])
    assert rows(path) == {
        "a": row("a", expiry=Expiry(ttl=60), runs_out=1060.5, acknowledged=1000.5, signature=b"sig")
    }
    assert rows(path, OTHER) == {}


def test_fixed_expiry_runs_out_then(path):
    """A key with `expires` runs out at that time, whenever it was written."""
    made = Change(Action.CREATE, entry("a", expiry=Expiry(at=7000)), "")
    with State.write(path) as state:
        state.record(TARGET, "me", [], [done(made)])
    assert rows(path)["a"].runs_out == 7000


def test_new_key_in_doubt(path):
    """A new key that was marked and never settled is in doubt, owned, and has no digest."""
    with State.write(path) as state:
        state.record(TARGET, "me", [change("a")], [])
    known = rows(path)["a"]
    assert (known.in_doubt, known.digest, known.owner) == (True, b"", "me")


def test_old_key_in_doubt(path):
    """A known key that was marked keeps what was known, and is in doubt."""
    seed(path, row("a"))
    with State.write(path) as state:
        state.record(TARGET, "me", [change("a", "new", row("a"))], [])
    assert rows(path) == {"a": row("a", in_doubt=True)}


@pytest.mark.parametrize("kind", [OutcomeKind.REJECTED, OutcomeKind.SKIPPED, OutcomeKind.FAILED])
@pytest.mark.parametrize("known", [None, row("a"), row("a", in_doubt=True), row("a", owner="you")])
def test_definite_refusal_leaves_things_as_they_were(path, kind, known):
    """A change that was refused or never sent leaves its row as it was, doubt and owner too."""
    before = {"a": known} if known else {}
    made = change("a", "new", known)
    with State.write(path) as state:
        state.record(TARGET, "me", [made], [])
        state.record(TARGET, "me", [], [Outcome(kind, made, made.entry)])
    assert rows(path) == before


def test_unanswered_request_stays_in_doubt(path):
    """A change whose request was not answered stays in doubt."""
    made = change("a", "new", row("a"))
    with State.write(path) as state:
        state.record(TARGET, "me", [made], [])
        failed = Outcome(OutcomeKind.FAILED, made, made.entry, in_doubt=True)
        state.record(TARGET, "me", [], [failed])
    assert rows(path)["a"].in_doubt


def test_delete_is_remembered(path):
    """A key whose delete was acknowledged is forgotten."""
    seed(path, row("a"), row("b"))
    with State.write(path) as state:
        state.record(TARGET, "me", [], [done(Change(Action.DELETE, entry("a"), "", row("a")))])
    assert list(rows(path)) == ["b"]


def test_touch(path):
    """Signature, origin and owner can be brought up to date; an empty signature erases nothing."""
    seed(path, row("a"), row("b"))
    with State.write(path) as state:
        state.touch(TARGET, "new", [entry("a", signature=b"s1", origin="n.yaml:1"), entry("b")])
        state.touch(TARGET, "new", [entry("a", origin="n.yaml:2")])
    known = rows(path)["a"]
    assert (known.signature, known.origin, known.owner) == (b"s1", "n.yaml:2", "new")
    assert rows(path)["b"].digest == row("b").digest


def test_forget(path):
    """Forgetting says how many keys there were, and touches no other target."""
    seed(path, row("a"), row("b"))
    seed(path, row("a"), target=OTHER)
    with State.write(path) as state:
        assert state.forget(TARGET, ["a", "nothing"]) == 1
        assert state.targets() == [TARGET, OTHER]
    assert (list(rows(path)), list(rows(path, OTHER))) == (["b"], ["a"])


def test_correct(path):
    """A correction replaces rows as they are given and drops others, in one target alone."""
    seed(path, row("a"), row("b"), row("c"))
    seed(path, row("a"), row("b"), target=OTHER)
    estranged = row("a", digest=b"", size=0, runs_out=0.0, owner="you")
    adopted = row("d", "new", Expiry(ttl=60), runs_out=1500.0, request_id="", signature=b"sig")
    with State.write(path) as state:
        state.correct(TARGET, [estranged, adopted], ["b", "nothing"])
    assert rows(path) == {"a": estranged, "c": row("c"), "d": adopted}
    assert rows(path)["a"].estranged
    assert rows(path, OTHER) == {"a": row("a"), "b": row("b")}


def test_correct_a_target_that_is_new(path):
    """What is adopted is remembered although nothing was ever sent there."""
    with State.write(path) as state:
        state.correct(TARGET, [row("a", in_doubt=True)], [])
    assert rows(path) == {"a": row("a", in_doubt=True)}


def test_correction_that_fails(path):
    """A correction that fails in its middle changes nothing."""
    seed(path, row("a"), row("b"))

    def broken():
        yield "a"
        raise ZeroDivisionError

    with State.write(path) as state, pytest.raises(ZeroDivisionError):
        state.correct(TARGET, [row("b", "new")], broken())
    assert rows(path) == {"a": row("a"), "b": row("b")}


def test_runs(path):
    """The last runs come newest first; old ones are let go."""
    with State.write(path) as state:
        for started in range(150):
            number = state.begin_run(TARGET, "me", started)
        state.end_run(number, 150.5, 5, {"create": 3})
        state.begin_run(OTHER, "me", 1)
    with State.read(path) as state:
        assert state.runs(TARGET, "me", 1) == [(149, 150.5, 5, {"create": 3})]
        assert [run.ended for run in state.runs(TARGET, "me", 200)] == [150.5, *[0] * 99]
        assert state.runs(TARGET, "you") == []


def test_failed_transaction_changes_nothing(path):
    """A transaction that fails in its middle leaves the state as it was."""
    seed(path, row("a"))

    def broken():
        yield entry("a", origin="changed")
        raise ZeroDivisionError

    with State.write(path) as state:
        with pytest.raises(ZeroDivisionError):
            state.touch(TARGET, "me", broken())
        assert state.rows(TARGET) == {"a": row("a")}


async def test_ledger_records_in_order(path):
    """What a ledger is told in turn is written in turn, off the event loop."""
    made = change("a")
    with State.write(path) as state, Ledger(state, TARGET, "me") as ledger:
        await ledger.record([made], [])
        assert state.rows(TARGET)["a"].in_doubt
        await ledger.record([], [done(made)])
    assert not rows(path)["a"].in_doubt


def test_reading_creates_nothing(path, tmp_path):
    """Reading a state that does not exist finds nothing and leaves nothing behind."""
    with State.read(path) as state:
        assert (state.rows(TARGET), state.targets(), state.runs(TARGET, "me")) == ({}, [], [])
    assert list(tmp_path.iterdir()) == []


def test_everything_is_private(path, tmp_path):
    """`.kvsync` is 0700 and all in it 0600, whatever the umask; git ignores it."""
    old = os.umask(0)
    try:
        seed(path, row("a"))
    finally:
        os.umask(old)
    folder = tmp_path / ".kvsync"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    assert (folder / ".gitignore").read_text() == "*\n"


def test_explicit_place(tmp_path):
    """--state puts the file where it says, in a new private folder if need be, and nothing else."""
    path = state_path("/nowhere", str(tmp_path / "new" / "my state é.db"))
    seed(path, row("a"))
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["my state é.db"]
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    assert list(rows(path)) == ["a"]


def test_directory_for_a_state(tmp_path):
    """A directory given as --state is refused with what to do."""
    with pytest.raises(StateError, match="is a directory; give the path of a file in it"):
        state_path("/nowhere", str(tmp_path))


def test_empty_file_in_our_folder_is_a_new_state(tmp_path):
    """What a killed run of an earlier version has left knows nothing."""
    path = state_path(str(tmp_path))
    Path(path).parent.mkdir()
    Path(path).touch()
    assert rows(path) == {}
    seed(path, row("a"))
    assert list(rows(path)) == ["a"]


@pytest.fixture(params=["read", "write"])
def opening(request):
    """Either way to open a state."""
    return getattr(State, request.param)


@pytest.mark.parametrize("content", [b"", b"x"])
def test_empty_file_elsewhere_is_somebodys(tmp_path, opening, content):
    """SQLite would make a database of it, also if it has a single byte."""
    path = tmp_path / "s.db"
    path.write_bytes(content)
    with pytest.raises(StateError, match="is empty, and no kvsync state file; it was left as"):
        opening(str(path))
    assert path.read_bytes() == content


def test_new_state_is_there_at_once(tmp_path, monkeypatch):
    """It gets its name when it is whole, and leaves nothing beside it; also without hard links."""
    path = tmp_path / "s.db"

    def link(new, _):
        with closing(sqlite3.connect(new)) as connection:
            assert connection.execute("SELECT count(*) FROM entry").fetchone() == (0,)
        assert not path.exists()
        raise PermissionError

    monkeypatch.setattr("os.link", link)
    State.write(str(path)).__exit__()
    assert [file.name for file in tmp_path.iterdir()] == ["s.db"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_comes_first_to_a_place_stays_there(tmp_path, monkeypatch):
    """A file that appears while a state is made is not replaced."""
    path = tmp_path / "s.db"
    real = os.link

    def link(new, name):
        path.write_text("somebody's")
        real(new, name)

    monkeypatch.setattr("os.link", link)
    with pytest.raises(StateError):
        State.write(str(path))
    assert path.read_text() == "somebody's"
    assert [file.name for file in tmp_path.iterdir()] == ["s.db"]


def foreign(path: Path, pragmas: str) -> bytes:
    """An SQLite file of another program; returns its content."""
    with sqlite3.connect(path) as connection:
        connection.executescript(f"CREATE TABLE t (x); {pragmas}")
    connection.close()
    return path.read_bytes()


@pytest.mark.parametrize(
    ("pragmas", "message"),
    [
        ("", "is not a kvsync state file; it was left as it is"),
        ("PRAGMA application_id = 7", "is not a kvsync state file; it was left as it is"),
        (
            "PRAGMA application_id = 0x6B767379; PRAGMA user_version = 99",
            "was written by another version of kvsync (its format is 99, this one knows 1)",
        ),
        (
            "PRAGMA application_id = 0x6B767379; PRAGMA user_version = 1;"
            "CREATE VIEW target AS WITH RECURSIVE n(id) AS"
            " (SELECT 1 UNION ALL SELECT id + 1 FROM n) SELECT * FROM n",
            "is not a kvsync state file; it was left as it is",
        ),
    ],
)
def test_not_ours(tmp_path, opening, pragmas, message):
    """A state file of another program or of another version is refused and left untouched."""
    path = tmp_path / "s.db"
    before = foreign(path, pragmas)
    with pytest.raises(StateError) as caught:
        opening(str(path))
    assert message in str(caught.value)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"noise " * 5000, b"SQLite format 3\0" + b"\xff" * 4096])
def test_damaged(tmp_path, opening, content):
    """A file of noise is refused and left untouched."""
    path = tmp_path / "s.db"
    path.write_bytes(content)
    with pytest.raises(StateError, match="damaged or not a kvsync state file"):
        opening(str(path))
    assert path.read_bytes() == content


def test_damage_found_late(path):
    """Damage in the middle of the file is reported when it is met, not as a traceback."""
    seed(path, *(row(f"key-{n}" * 20) for n in range(200)))
    content = bytearray(Path(path).read_bytes())
    content[4096 * 3 :] = b"\xff" * (len(content) - 4096 * 3)
    Path(path).write_bytes(content)
    with pytest.raises(StateError, match="damaged or not a kvsync state file"):
        rows(path)


KILLED = """
import os, signal, sys
from kvsync.state.sqlite import State
from tests.nobody import as_nobody
from tests.values import entry
from tests.state.test_store import TARGET
def entries():
    for n in range(5000):
        yield entry(f"key-{n}", origin="torn " * 50)
    os.kill(os.getpid(), signal.SIGKILL)
state = State.write(sys.argv[1])
state._connection.execute("PRAGMA cache_size = 1")  # so that pages reach the file early
state.touch(TARGET, "me", entries())
"""


def kill_while_writing(path: str) -> None:
    """Leave a torn file and its journal, as a kill in the middle of a commit does."""
    seed(path, *(row(f"key-{n}") for n in range(500)))
    child = subprocess.run([sys.executable, "-c", KILLED, path], check=False)
    assert child.returncode == -9
    assert Path(f"{path}-journal").stat().st_size > 0


@pytest.mark.slow
@pytest.mark.parametrize("readable_only", [False, True])
def test_read_after_a_kill(path, readable_only):
    """After a kill in mid-transaction, reading shows the last good state and changes no file."""
    kill_while_writing(path)
    folder = Path(path).parent
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    assert {known.origin for known in rows(path).values()} == {
        f"m.yaml:key-{n}" for n in range(500)
    }
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


@pytest.mark.slow
def test_write_after_a_kill(path):
    """After a kill in mid-transaction, the next run rolls back what was not committed."""
    kill_while_writing(path)
    with State.write(path) as state:
        assert len(state.rows(TARGET)) == 500
        assert "torn" not in state.rows(TARGET)["key-1"].origin
    assert not Path(f"{path}-journal").exists()


def said_as_nobody(call: str, path: str) -> str:
    """What a call says, run by a user who may write nothing here."""
    imports = "import sys; from kvsync.state.sqlite import State"
    code = f"{imports}\ntry: {call}\nexcept Exception as e: print(e)"
    return as_nobody("-c", code, path, cwd=Path(path).parent.parent).stdout.strip()


@pytest.mark.slow
def test_state_in_a_closed_directory(shared):
    """A state that cannot even be seen is an error, not an empty state."""
    path = str(shared / "closed" / "s.db")
    seed(path, row("a"))
    (shared / "closed").chmod(0)
    assert (
        said_as_nobody("State.read(sys.argv[1])", path) == f"cannot read {path}: Permission denied"
    )


@pytest.mark.slow
def test_state_in_a_read_only_directory(shared):
    """A state that cannot be created says so and names --state."""
    shared.chmod(0o555)
    path = str(shared / ".kvsync" / "state.db")
    assert said_as_nobody("State.write(sys.argv[1])", path) == (
        f"cannot write {shared}/.kvsync: Permission denied; to keep the state elsewhere,"
        " give --state FILE"
    )


@pytest.mark.slow
def test_read_only_state_file(shared):
    """A state file that may only be read can be read, and says so when it must be written."""
    path = str(shared / "s.db")
    seed(path, row("a"))
    Path(path).chmod(0o444)
    listing = "print(*State.read(sys.argv[1]).targets())"
    assert said_as_nobody(listing, path) == str(TARGET)
    assert said_as_nobody("State.write(sys.argv[1])", path) == (
        f"cannot write {path}; to keep the state elsewhere, give --state FILE"
    )


@pytest.mark.slow
def test_unreadable_state_file(shared):
    """A state file that may not be read is an error, not an empty state."""
    path = str(shared / "s.db")
    seed(path, row("a"))
    Path(path).chmod(0)
    assert said_as_nobody("State.read(sys.argv[1])", path) == (
        f"cannot read {path}: Permission denied"
    )


def test_full_disk(path):
    """A full disk is told as such, and what was committed before stays readable."""
    seed(path, row("a"))
    with State.write(path) as state:
        # SQLite reports a file that may not grow as it does a disk without room.
        state._connection.execute("PRAGMA max_page_count = 1")  # noqa: SLF001
        entries = [change(f"key-{n}" * 50) for n in range(500)]
        with pytest.raises(StateError, match="the disk is full"):
            state.record(TARGET, "me", entries, [])
    assert list(rows(path)) == ["a"]


def test_place_that_is_no_directory(tmp_path):
    """A state below a file is told as such, for reading and for writing."""
    (tmp_path / "file").touch()
    path = str(tmp_path / "file" / "s.db")
    with pytest.raises(StateError, match=r"cannot read .*: Not a directory"):
        State.read(path)
    with pytest.raises(StateError, match=r"cannot write .*file: File exists"):
        State.write(path)


def test_rows_outlive_the_opening(path, monkeypatch):
    """Rows that are too many for memory can still be read by a report, when the state is closed."""
    monkeypatch.setattr("kvsync.state.sqlite.reading._MANY", 1)
    seed(path, row("a"), row("b"), row("c"))
    known = rows(path)
    assert (len(known), known["b"], known.get("d")) == (3, row("b"), None)


def test_state_from_before_checksums(path):
    """A file without checksums is read as it is; rows that are written get theirs."""
    seed(path, row("a"), row("b"))
    with sqlite3.connect(path) as connection:
        connection.execute("ALTER TABLE entry DROP COLUMN checksum")
    connection.close()
    assert rows(path) == {"a": row("a"), "b": row("b")}
    with State.write(path) as state:
        state.touch(TARGET, "you", [entry("a")])
    assert rows(path) == {"a": row("a", owner="you"), "b": row("b")}
    with sqlite3.connect(path) as connection:
        found = connection.execute("SELECT key FROM entry WHERE checksum IS NULL").fetchall()
    connection.close()
    assert found == [("b",)]


def test_doubt(path):
    """What was acknowledged before a time is in doubt, however much it is; nothing else is."""
    many = [row(f"k{n:04}", acknowledged=100.0) for n in range(1201)]
    with State.write(path) as state:
        state.correct(TARGET, [*many, row("late", acknowledged=200.0)], [])
        state.correct(OTHER, [row("a", acknowledged=100.0)], [])
        state.keep_fingerprint(TARGET, b"me", "nothing to do")
        state.doubt(TARGET, 200.0)
        assert state.fingerprint(b"me") is None
    found = rows(path)
    assert [key for key, one in found.items() if not one.in_doubt] == ["late"]
    assert {one._replace(in_doubt=False) for key, one in found.items() if key != "late"} == {*many}
    assert not rows(path, OTHER)["a"].in_doubt


def test_forget_all(path):
    """Of a target that was emptied nothing is known but when, whoever owned what."""
    with State.write(path) as state:
        state.correct(TARGET, [row("a"), row("b", owner="you", in_doubt=True)], [])
        state.correct(OTHER, [row("a")], [])
        state.keep_fingerprint(TARGET, b"me", "nothing to do")
        state.forget_all(TARGET, 500.0)
        assert state.fingerprint(b"me") is None
        assert state.recent(TARGET) == {"a": 500.0, "b": 500.0}
    assert (rows(path), len(rows(path, OTHER))) == ({}, 1)


def test_failures(path):
    """What a file lists is kept for its owner until it is taken off, and makes void what was kept
    of runs without anything to do; so is which run wrote the file."""
    wanted = {"a": (b"1", Expiry(ttl=5)), "b": (b"2", Expiry(at=9))}
    with State.write(path) as state:
        state.keep_fingerprint(TARGET, b"me", "nothing to do")
        state.note_failures(TARGET, "me", wanted)
        state.note_failure_file(TARGET, "me", 7.125, 3)
        assert state.fingerprint(b"me") is None
    with State.read(path) as state:
        assert state.failures(TARGET, "me") == wanted
        assert (state.failures(TARGET, "you"), state.failures(OTHER, "me")) == ({}, {})
        assert state.failure_file_run(TARGET, "me", 7.125) == 3
        assert state.failure_file_run(TARGET, "you", 7.125) is None
    with State.write(path) as state:
        state.note_failures(TARGET, "me", {"a": None, "b": (b"3", Expiry())})
        assert state.failures(TARGET, "me") == {"b": (b"3", Expiry())}
        for run in range(4, 150):
            state.note_failure_file(TARGET, "me", float(run), run)
        assert (
            state.failure_file_run(TARGET, "me", 7.125),
            state.failure_file_run(TARGET, "me", 149.0),
        ) == (
            None,
            149,
        )


def test_a_file_of_before_there_were_lists(path):
    """A state in which no run has listed anything yet can be read."""
    with State.write(path) as state:
        state.correct(TARGET, [row("a")], [])
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE undelivered")
        connection.execute("DROP TABLE listing")
    with State.read(path) as state:
        assert (state.failures(TARGET, "me"), state.failure_file_run(TARGET, "me", 1.0)) == (
            {},
            None,
        )
    with State.read("/nowhere/state.db") as state:
        assert (state.failures(TARGET, "me"), state.failure_file_run(TARGET, "me", 1.0)) == (
            {},
            None,
        )
