"""Sources that change while another run is waited for, or is at it: all of them are read again."""

import io
import json
import os
from contextlib import contextmanager
from pathlib import Path

import pytest

from kvsync import sources
from kvsync.engine import state_access
from kvsync.state.sqlite import run_lock
from tests.cli.copying import rows
from tests.cli.dumping import lines
from tests.cli.failing import FILE, broken, manifest_of
from tests.cli.watching import held

WAITING = ["--lock-timeout", "1m"]


@pytest.fixture
def overtaken(monkeypatch):
    """Lets another run hold the state when this one asks for it, and finish meanwhile.

    ``waits``: the state is still held when it is asked for; else the other run is done by then.
    """

    def let(other, *, waits=True):
        real = run_lock
        state = {"done": False}

        @contextmanager
        def locked(path, timeout=0.0, waiting=lambda _: None):
            first = not state["done"]
            state["done"] = True
            if first:
                other()
                if waits:
                    waiting("waiting for another run")
            with real(path, timeout, waiting):
                yield

        monkeypatch.setattr("kvsync.state.sqlite.location.run_lock", locked)

    return let


def _tree(write):
    write("site/a", "one")
    return ["site"], lambda: write("site/f", "new")


def _dump(write):
    write("d.jsonl", lines({"key": "a", "value": "one"}))
    both = lines({"key": "a", "value": "one"}, {"key": "f", "value": "new"})
    return ["d.jsonl", "--format", "jsonl", "--name", "mine"], lambda: write("d.jsonl", both)


def _manifest(write):
    write("m.yaml", "version: 1\nkeys: {a: one}\n")
    return ["m.yaml"], lambda: write("m.yaml", "version: 1\nkeys: {a: one, f: new}\n")


def _tree_of_a_manifest(write):
    write("m.yaml", "version: 1\ntrees: [{path: t}]\n")
    write("t/a", "one")
    return ["m.yaml"], lambda: write("t/f", "new")


def _file_of_a_manifest(write):
    write("m.yaml", "version: 1\nkeys: {a: one}\nfiles: [{path: d.csv, format: csv}]\n")
    write("d.csv", "key,value\nb,two\n")
    return ["m.yaml"], lambda: write("d.csv", "key,value\nb,two\nf,new\n")


KINDS = [_tree, _dump, _manifest, _tree_of_a_manifest, _file_of_a_manifest]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__.strip("_"))
@pytest.mark.parametrize("waits", [True, False], ids=["waits", "comes later"])
@pytest.mark.parametrize("first", [True, False], ids=["no state yet", "a state"])
def test_what_another_run_has_sent_stays(kvsync, edge, write, overtaken, kind, waits, first):
    """A key that came into the source after it was read, and that another run has sent since, is
    not deleted: whatever the source is, whether that run was waited for or not."""
    source, change = kind(write)
    if not first:
        assert kvsync("sync", *source).code == 0

    def other():
        change()
        assert kvsync("sync", *source).code == 0

    overtaken(other, waits=waits)
    result = kvsync("sync", *source, "--delete", "--force", *WAITING)
    assert result.code == 0, result.err
    assert held(edge)["f"] == "new"
    assert "nothing to do" in kvsync("sync", *source).out


@pytest.mark.slow
def test_an_exported_folder(kvsync, edge, write, overtaken):
    """So it is with a folder whose index says what it has."""
    write("x/a", "one")
    assert kvsync("sync", "x").code == 0
    assert kvsync("export", "-o", "site").code == 0
    write("x/f", "new")
    assert kvsync("sync", "x").code == 0

    def other():
        assert kvsync("export", "-o", "site", "--refresh").code == 0
        assert kvsync("sync", "site", "--namespace", "other", "--create-namespace").code == 0

    overtaken(other)
    to = ["--namespace", "other", "--create-namespace"]
    result = kvsync("sync", "site", *to, "--delete", "--force", *WAITING)
    assert (result.code, edge.pairs("zone-1", "other").keys()) == (0, {"a", "f"})


def test_a_failure_file(kvsync, edge, manifest, write, overtaken):
    """A file that lists what did not get through lists something else after the wait."""
    manifest(manifest_of(1, 2))
    with broken():
        kvsync("sync", "m.yaml", "--retries", "0", "--failures", FILE)
    before = Path(FILE).read_text()

    def other():
        shorter = [line for line in before.splitlines(keepends=True) if '"k2"' not in line]
        write(FILE, "".join(shorter))

    overtaken(other)
    assert kvsync("sync", FILE, *WAITING).code == 0
    assert held(edge) == {"k1": "v1"}


def test_what_came_through_a_pipe(kvsync, edge, write, overtaken, monkeypatch):
    """What cannot be read again is told to be older, perhaps, and nothing is deleted for it."""
    both = lines({"key": "a", "value": "one"}, {"key": "f", "value": "new"})
    write("d.jsonl", both)
    write("old.jsonl", lines({"key": "a", "value": "one"}))
    name = ["--format", "jsonl", "--name", "mine"]
    overtaken(lambda: kvsync("sync", "d.jsonl", *name))
    with open("old.jsonl", "rb") as pipe:
        monkeypatch.setattr("sys.stdin", type("In", (), {"buffer": pipe}))
        result = kvsync("sync", "-", *name, "--delete", "--force", *WAITING)
    assert (result.code, held(edge)) == (0, {"a": "one", "f": "new"})
    assert result.err.count("what came through the pipe cannot be read again") == 1
    assert "f" in rows()


def _piped(monkeypatch, text, does):
    """What comes on stdin; something happens just before its end."""

    class Pipe(io.BytesIO):
        def read(self, size=-1):
            found = super().read(size)
            if not found:
                does()
            return found

    monkeypatch.setattr("sys.stdin", type("In", (), {"buffer": Pipe(text.encode())}))


@pytest.mark.slow
@pytest.mark.parametrize("known", ["nothing", "its state", "a state elsewhere"])
@pytest.mark.parametrize("does", ["creates", "finds nothing to do"])
def test_a_pipe_that_takes_its_time(kvsync, edge, write, monkeypatch, known, does):
    """A run that came and went while the pipe was read had the last word, without any wait."""
    name = ["--format", "jsonl", "--name", "mine"]
    if known == "a state elsewhere":
        name += ["--state", "s.db"]
    old = lines({"key": "a", "value": "one"})
    both = lines({"key": "a", "value": "one"}, {"key": "f", "value": "new"})
    if known != "nothing":
        write("d.jsonl", both if does == "finds nothing to do" else old)
        assert kvsync("sync", "d.jsonl", *name).code == 0
    write("d.jsonl", both)
    _piped(monkeypatch, old, lambda: kvsync("sync", "d.jsonl", *name))
    result = kvsync("sync", "-", *name, "--delete", "--force")
    assert (result.code, held(edge)) == (0, {"a": "one", "f": "new"})
    assert result.err.count("what came through the pipe cannot be read again") == 1
    # Nobody was at it this time.
    _piped(monkeypatch, old, lambda: None)
    result = kvsync("sync", "-", *name, "--delete", "--force")
    assert (result.code, held(edge)) == (0, {"a": "one"})
    assert "cannot be read again" not in result.err


def test_a_manifest_through_a_pipe(kvsync, edge, write, monkeypatch):
    """It is so with manifests, too."""
    write("m.yaml", "version: 1\nname: mine\nkeys: {a: one, f: new}\n")
    os.mkfifo("pipe.yaml")

    def fed(path):
        assert kvsync("sync", "m.yaml", "--state", "s.db").code == 0
        return b"version: 1\nname: mine\nkeys: {a: one}\n"

    real = sources.read_manifest
    fifo = "pipe.yaml"
    monkeypatch.setattr(
        sources, "read_manifest", lambda path: (fed if path == fifo else real)(path)
    )
    result = kvsync("sync", fifo, "--state", "s.db", "--delete", "--force")
    assert (result.code, held(edge)) == (0, {"a": "one", "f": "new"})
    assert "what came through the pipe cannot be read again" in result.err


@pytest.mark.slow
def test_a_copy(kvsync, sides, overtaken):
    """The namespace that is copied is listed and read again, and each request counted."""
    sides.fill(1)

    def other():
        sides.old.put("zone-1", "ns", "f", "new")
        assert kvsync(*sides.command).code == 0

    overtaken(other)
    result = kvsync(*sides.command, "--delete", "--force", *WAITING, "--json")
    (run,) = result.json["runs"]
    assert (result.code, run["summary"]["delete"]) == (0, 0)
    assert sides.target.keys() == {"k0", "f"}
    assert run["summary"]["requests"] == {"EdgeKVList": 2, "EdgeKVGet": 2}


def test_a_state_that_belongs_elsewhere_by_then(kvsync, edge, manifest, write, overtaken):
    """A source whose state would lie somewhere else after the wait goes into neither."""
    manifest(manifest_of(1))
    with broken():
        kvsync("sync", "m.yaml", "--retries", "0", "--failures", FILE)
    head, _, rest = Path(FILE).read_text().partition("\n")
    Path("elsewhere").mkdir()

    def other():
        moved = {**json.loads(head), "home": str(Path("elsewhere").resolve())}
        write(FILE, f"{json.dumps(moved)}\n{rest}")

    overtaken(other)
    result = kvsync("sync", FILE, *WAITING)
    assert (result.code, held(edge)) == (5, {})
    assert "run again" in result.err


def test_a_real_wait(kvsync, edge, write, monkeypatch):
    """It is so with a lock that another one really holds, and lets go of."""
    write("site/a", "one")
    lock = run_lock(os.path.abspath("site/.kvsync/state.db"))
    real = state_access.hold_the_rest

    def hold_the_rest(*args, **options):
        lock.__enter__()
        write("site/f", "new")
        real(*args, **options)

    def tell(console, line, level="info"):
        if "waiting for another run" in line:
            lock.__exit__(None, None, None)

    monkeypatch.setattr("kvsync.engine.stages.hold_the_rest", hold_the_rest)
    monkeypatch.setattr("kvsync.cli.console.Console.tell", tell)
    assert kvsync("sync", "site", *WAITING).code == 0
    assert held(edge) == {"a": "one", "f": "new"}
