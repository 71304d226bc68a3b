"""A source that changes while it is pushed: what is remembered is what was sent."""

import hashlib
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from kvsync.state.sqlite import State
from tests.cli.conftest import Result
from tests.cli.watching import held
from tests.nobody import as_nobody

FILES = {f"k{n}": f"value {n}" for n in range(5)}
MANIFEST = "trees: [{path: tree}]\nkeys: {own: {file: own.txt}}\n"
SOURCES = [("tree", "tree"), ("own.txt", "m.yaml"), ("tree", "m.yaml")]


def _longer(path: Path) -> None:
    path.write_text("something else, and longer")


def _as_long(path: Path) -> None:
    """In place, and with the times of before."""
    status = path.stat()
    path.write_text(path.read_text().swapcase())
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _older(path: Path) -> None:
    """Another file of that name and size, which is older, as a restored one is."""
    new = path.with_name("..new")
    new.write_text(path.read_text().swapcase())
    os.utime(new, ns=(0, 0))
    new.replace(path)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _noise(path: Path) -> None:
    path.write_bytes(b"\xff\xfe")


def _gone(path: Path) -> None:
    path.unlink()


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _socket(path: Path) -> None:
    path.unlink()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(path))


def _dangling(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


def _device(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


SENT = [_longer, _as_long, _older]
"""After these there still is a value, and it is another one."""
LOST = [_empty, _noise, _gone, _folder, _fifo, _socket, _dangling, _device]
"""After these there is none."""


def _names(change: Callable[[Path], None]) -> str:
    return change.__name__.strip("_")


@pytest.fixture
def source(write) -> None:
    """A tree, and a manifest of that tree and of one file."""
    for name, text in FILES.items():
        write(f"tree/{name}", text)
    write("own.txt", "my own")
    write("m.yaml", f"version: 1\n{MANIFEST}")


def claims(path: str) -> dict[str, bytes]:
    """The digest of each key that the state knows and does not doubt."""
    with State.read(str(Path(path).resolve())) as state:
        (target,) = state.targets()
        rows = state.rows(target).values()
        return {row.key: row.digest for row in rows if not row.in_doubt}


def no_false_claim(edge, path: str) -> None:
    """What the state claims is what the target holds."""
    there = {key: hashlib.sha256(value.encode()).digest() for key, value in held(edge).items()}
    known = claims(path)
    assert known == {key: there[key] for key in known}


def _state_of(source: str) -> str:
    return f"{source}/.kvsync/state.db" if source == "tree" else ".kvsync/state.db"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["own.txt", "tree/k3"])
@pytest.mark.parametrize("change", SENT, ids=_names)
def test_another_value_between_plan_and_push(kvsync, edge, source, meanwhile, name, change):
    """What was there when its turn came is sent, and remembered as such."""
    meanwhile(lambda: change(Path(name)))
    result = kvsync("sync", "m.yaml", "-i", "--json")
    assert result.code == 0
    key = "own" if name == "own.txt" else "k3"
    assert held(edge)[key] == Path(name).read_text()
    no_false_claim(edge, ".kvsync/state.db")
    assert "nothing to do" in kvsync("sync", "m.yaml", "--checksum").out


@pytest.mark.slow
@pytest.mark.parametrize("name", ["own.txt", "tree/k3"])
@pytest.mark.parametrize("change", LOST, ids=_names)
def test_no_value_between_plan_and_push(kvsync, edge, source, meanwhile, name, change):
    """That key fails, all others are sent, and nothing is remembered that was not."""
    before = Path(name).read_text()
    meanwhile(lambda: change(Path(name)))
    result = kvsync("sync", "m.yaml", "-i", "--json")
    run = result.json["runs"][0]
    assert (result.code, run["summary"]["failed"], run["summary"]["create"]) == (5, 1, 5)
    assert [failure["code"] for failure in run["failures"]] == ["SourceChanged"]
    assert "Traceback" not in result.err
    no_false_claim(edge, ".kvsync/state.db")
    _heal(Path(name), before)
    assert kvsync("sync", "m.yaml").code == 0
    assert held(edge) == {**FILES, "own": "my own"}


def _heal(path: Path, text: str) -> None:
    if path.is_dir():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)
    path.write_text(text)


def test_the_folder_goes_meanwhile(kvsync, edge, source, meanwhile):
    """Where all of it is gone every key fails, and nothing is remembered."""
    meanwhile(lambda: shutil.rmtree("tree"))
    result = kvsync("sync", "tree", "--state", "s.db", "-i", "--json")
    assert (result.code, held(edge)) == (5, {})
    assert claims("s.db") == {}


def test_a_folder_that_leads_elsewhere_meanwhile(kvsync, edge, source, write, meanwhile):
    """A folder that has become a link out of the tree is not followed."""
    write("tree/sub/deep", "mine")
    write("elsewhere/deep", "not mine")

    def change() -> None:
        shutil.rmtree("tree/sub")
        Path("tree/sub").symlink_to("../elsewhere")

    meanwhile(change)
    result = kvsync("sync", "tree", "-i", "--json")
    assert result.code == 5
    assert "not mine" not in held(edge).values()
    no_false_claim(edge, "tree/.kvsync/state.db")


@pytest.mark.slow
def test_a_mounted_config_map_that_is_swapped_meanwhile(kvsync, edge, write, meanwhile):
    """Links that lead elsewhere in the tree are followed as they are when their turn comes; what
    was unchanged before is found by the next run."""
    for number in "12":
        for name in "abc":
            write(f"tree/..{number}/{name}", f"{name}{number}")
    Path("tree/..data").symlink_to("..1")
    for name in "ab":
        Path(f"tree/{name}").symlink_to(f"..data/{name}")
    assert kvsync("sync", "tree").code == 0
    Path("tree/c").symlink_to("..data/c")

    def swap() -> None:
        Path("tree/..new").symlink_to("..2")
        Path("tree/..new").replace("tree/..data")

    meanwhile(swap)
    assert kvsync("sync", "tree", "-i").code == 0
    assert held(edge) == {"a": "a1", "b": "b1", "c": "c2"}
    no_false_claim(edge, "tree/.kvsync/state.db")
    assert "2 updated, 1 unchanged" in kvsync("sync", "tree").out
    assert held(edge) == {"a": "a2", "b": "b2", "c": "c2"}


@pytest.mark.slow
def test_unreadable_between_two_runs(kvsync, edge, source, shared):
    """A file that may no longer be read is an error of the source: nothing is sent or forgotten."""
    shutil.copytree("tree", shared / "tree")
    place = ["--zone", "z", "--namespace", "n", "--local", "--state", str(shared / "mine/s.db")]
    (shared / "mine").mkdir()
    (shared / "mine").chmod(0o777)
    assert as_nobody("-m", "kvsync", "sync", "tree", *place, cwd=shared).returncode == 0
    (shared / "tree/k3").chmod(0)
    again = as_nobody("-m", "kvsync", "sync", "tree", *place, "--checksum", cwd=shared)
    assert (again.returncode, "k3" in again.stderr) == (2, True)
    (shared / "tree/k3").chmod(0o644)
    told = as_nobody("-m", "kvsync", "sync", "tree", *place, cwd=shared)
    assert "5 keys unchanged" in told.stdout


@pytest.mark.slow
@pytest.mark.parametrize("change", [_as_long, _older], ids=_names)
@pytest.mark.parametrize("name", ["own.txt", "tree/k3"])
def test_times_that_are_set_back(kvsync, edge, source, name, change):
    """Another value of the same size and with an older time is found, and sent."""
    assert kvsync("sync", "m.yaml").code == 0
    change(Path(name))
    assert "1 updated" in kvsync("sync", "m.yaml").out
    assert Path(name).read_text() in held(edge).values()
    no_false_claim(edge, ".kvsync/state.db")


@pytest.mark.slow
@pytest.mark.parametrize("path", ["tree", "m.yaml"])
def test_edits_in_the_same_tick(kvsync, edge, source, path):
    """However soon after a run a file is changed in place, the next run sends it."""
    for number in range(20):
        Path("tree/k3").write_text(f"value {number % 10}")
        assert kvsync("sync", path).code == 0
        assert held(edge)["k3"] == f"value {number % 10}"


def test_edits_while_it_is_sent(kvsync, edge, source, monkeypatch) -> None:
    """A file that changes after it was read, and before the answer, is sent again the next time."""
    from kvsync.edgekv.namespace import Namespace

    put = Namespace.put

    def edit() -> None:
        Path("tree/k3").write_text("later")

    async def edited(self, key, value, expiry):
        edit()
        return await put(self, key, value, expiry)

    monkeypatch.setattr(Namespace, "put", edited)
    assert kvsync("sync", "tree", "--workers", "1").code == 0
    no_false_claim(edge, "tree/.kvsync/state.db")
    monkeypatch.setattr(Namespace, "put", put)
    result: Result = kvsync("sync", "tree", "--rate", "100000")
    assert (result.code, held(edge)["k3"]) == (0, "later")
