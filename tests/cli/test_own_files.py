"""What kvsync writes is never part of a source, and what is somebody's is never written."""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from kvsync.emulator import store
from kvsync.sources.own_files import APPLICATIONS
from kvsync.state.sqlite import schema
from tests.cli.failing import broken
from tests.cli.spoiling import STATE
from tests.cli.watching import held


@pytest.mark.parametrize("local", [[], ["--local"]])
@pytest.mark.parametrize("where", ["site/data", "site/.kvsync", "shared"])
def test_a_state_that_is_seen_in_the_tree(kvsync, edge, write, where, local):
    """Whether `.kvsync` is a link into the folder, or others in there lead to it."""
    write("site/a", "x")
    write("site/data/b", "x")
    if where == "site/data":
        Path("site/.kvsync").symlink_to("data")
    else:
        if where == "shared":
            Path("shared").mkdir()
            Path("site/.kvsync").symlink_to("../shared")
        else:
            Path("site/.kvsync").mkdir()
            Path("site/to-folder").symlink_to(".kvsync")
        Path("site/to-state").symlink_to(".kvsync/state.db")
        Path("site/to-lock").symlink_to(".kvsync/state.db.lock")
    if where == "shared":
        for name in ("to-state", "to-lock"):
            Path("site", name).unlink()
    for number in range(3):
        result = kvsync("sync", "site", *local, "--json")
        assert result.code == 0, result.err
        summary = result.json["runs"][0]["summary"]
        assert (summary["create"], summary["unchanged"]) == ((2, 0) if not number else (0, 2))


@pytest.mark.slow
def test_a_state_by_another_name(kvsync, edge, write):
    """A second name of the same file is no link that could be followed."""
    write("site/a", "x")
    assert kvsync("sync", "site", "--state", "s.db").code == 0
    Path("site/hard").hardlink_to("s.db")
    for _ in range(2):
        assert kvsync("sync", "site", "--state", "s.db", "--adopt").code == 0
    assert sorted(held(edge)) == ["a"]
    # Nor is it where nothing is known yet, so that no file is asked what it is.
    for file in Path(".").glob("s.db*"):
        file.unlink()
    write("f.jsonl", "")
    Path("site/hard").unlink()
    Path("site/hard").hardlink_to("f.jsonl")
    assert kvsync("sync", "site", "--state", "s.db", "--failures", "f.jsonl").code == 0
    assert sorted(held(edge)) == ["a"]


@pytest.mark.parametrize("content", ["", "\n"])
@pytest.mark.parametrize("name", ["d.jsonl", "other.db", "site/empty"])
def test_an_empty_file_is_no_state(kvsync, edge, write, name, content):
    """It is refused by all that would write it, and left as it is, be it the source itself."""
    source = write("d.jsonl", content)
    path = write(name, content)
    write("site/a", "x")
    for call in (["d.jsonl", "--format", "jsonl"], ["site", "--empty", "skip"]):
        for command in ("sync", "plan"):
            result = kvsync(command, *call, "--state", name)
            assert (result.code, "no kvsync state file" in result.err) == (4, True)
    assert kvsync("state", "rebuild", "site", "--state", name).code == 4
    assert kvsync("state", "forget", "--all", "--state", name).code == 4
    assert (source.read_text(), path.read_text()) == (content, content)
    assert held(edge) == {}


def test_an_empty_source_is_no_list_of_failures(kvsync, edge, write):
    """The header of a list would make another source of it."""
    source = write("d.jsonl", "")
    result = kvsync("sync", "d.jsonl", "--format", "jsonl", "--failures", "d.jsonl")
    assert (result.code, "this is the source itself" in result.err) == (2, True)
    assert source.read_text() == ""


@pytest.mark.parametrize("what", ["folder", "file", "replaced"])
def test_a_state_that_goes_under_a_run(kvsync, edge, manifest, meanwhile, what):
    """The error says what has happened to it."""
    manifest("keys: {a: one}\n")
    assert kvsync("sync", "m.yaml").code == 0
    manifest("keys: {a: two}\n")

    def gone() -> None:
        if what == "folder":
            shutil.rmtree(STATE.parent)
        else:
            STATE.rename("elsewhere")
            if what == "replaced":
                shutil.copy("elsewhere", STATE)

    meanwhile(gone)
    result = kvsync("sync", "m.yaml", "-i")
    assert result.code == 4
    assert f"{os.path.abspath(STATE)}: it was removed or replaced while it was in use" in result.err
    assert "read-only" not in result.err


@pytest.fixture
def listing(kvsync, edge, write):
    """A folder that was synced by way of a state in it, and has what did not get through."""
    write("site/a", "x")
    with broken():
        result = kvsync("sync", "site", "--retries", "0", "--failures", "site/fails.jsonl")
    assert (result.code, held(edge)) == (5, {})


OURS = "site/: left out, since kvsync keeps it for itself: "


@pytest.mark.parametrize("encoding", [[], ["--encoding", "base64"]], ids=["text", "base64"])
def test_failures_in_the_folder(kvsync, edge, write, listing, encoding):
    """Whoever had them written: no later run publishes their values."""
    result = kvsync("sync", "site", *encoding)
    assert (result.code, held(edge).keys()) == (0, {"a"})
    assert f"{OURS}fails.jsonl\n" in result.err
    again = kvsync("sync", "site", *encoding, "--delete", "--force")
    assert "nothing to do" in again.out
    assert f"{OURS}fails.jsonl\n" in again.err


@pytest.mark.parametrize("change", ["blank", "mark", "pretty", "newer"])
def test_failures_that_somebody_has_edited(kvsync, edge, listing, change):
    """They are told by their header, as by who reads them."""
    path = Path("site/fails.jsonl")
    text = path.read_text()
    path.write_text(
        {
            "blank": f"\n\n{text}",
            "mark": f"\ufeff{text}",
            "pretty": text.replace('{"format":"', '{ "format" : "', 1),
            "newer": text.replace('"version":1', '"version":99', 1),
        }[change]
    )
    assert kvsync("sync", "site").code == 0
    assert held(edge).keys() == {"a"}


def test_failures_where_a_value_was(kvsync, edge, write):
    """A key that was pushed from a file which has become a list is not deleted for that."""
    write("site/a", "x")
    write("site/fails.jsonl", "a value")
    write("other/k", "v")
    assert kvsync("sync", "site", "--key", "escape").code == 0
    Path("site/fails.jsonl").unlink()
    with broken():
        kvsync("sync", "other", "--retries", "0", "--failures", "site/fails.jsonl")
    result = kvsync("sync", "site", "--key", "escape", "--delete", "--force")
    assert (result.code, len(held(edge))) == (0, 2)


def test_failures_as_a_value_of_a_manifest(kvsync, edge, listing, manifest):
    """To name such a file is an error that says so; in a tree of the manifest it is left out."""
    manifest("keys: {f: {file: site/fails.jsonl}}\n")
    result = kvsync("sync", "m.yaml")
    assert (result.code, "a file that kvsync keeps for itself" in result.err) == (2, True)
    manifest("trees: [{path: site}]\n")
    result = kvsync("sync", "m.yaml")
    assert (result.code, held(edge).keys()) == (0, {"a"})
    assert f"{OURS}fails.jsonl" in result.err


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["text", "base64"])
def test_other_states_in_the_folder(kvsync, edge, write, encoding):
    """What another call has kept in it, with all that lies beside it, is no value."""
    write("site/a", "x")
    site = ["site", "--encoding", encoding]
    assert kvsync("sync", *site, "--state", "site/one.db", "--local").code == 0
    write("site/one.db-journal", b"\xd9\xd5\x05\xf9")
    write("site/one.db.damaged-20260101T000000", "x")
    write("site/one.db.damaged-20260101T000000-2-journal", "x")
    write("site/emulator.db.tls.pem", "a key")
    write("site/emulator.db.ca.pem", "a certificate")
    result = kvsync("sync", *site, "--state", "site/two.db")
    assert (result.code, held(edge).keys()) == (0, {"a"}), result.err
    assert " and 3 more" in result.err
    assert kvsync("sync", *site, "--state", "three.db", "--adopt").code == 0
    assert held(edge).keys() == {"a"}


def test_locks_without_a_state(kvsync, edge, write):
    """They are known though what they were for is not there."""
    write("site/a", "x")
    write("site/notes.lock", "")
    write("site/notes.holder", '{"pid": 1, "host": "h", "since": 1.5}')
    assert kvsync("sync", "site").code == 0
    assert held(edge).keys() == {"a"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("yarn.lock", "x"),
        ("empty.lock", ""),
        ("b.holder", '{"pid": 1}'),
        ("b.holder", "[" * 100_000),
        ("c.json", '{"format": "kvsync-failures-of-mine", "version": 1}'),
        ("d.txt", "about kvsync-failures"),
        ("e.ca.pem", "x"),
        ("f.db-journal", "x"),
        ("f.damaged-20260101T000000", "x"),
    ],
)
def test_what_only_looks_like_ours(kvsync, edge, write, name, content):
    """A name alone, or a word, makes no file one of ours."""
    write(f"site/{name}", content)
    result = kvsync("sync", "site")
    assert "keeps it for itself" not in result.err
    assert (result.code, len(held(edge))) == ((0, 1) if content else (2, 0))


def test_a_large_state(kvsync, edge, write, tmp_path):
    """One of more than a value may have is no mistake of the folder's."""
    write("site/a", "x")
    assert kvsync("sync", "site", "--state", "site/one.db").code == 0
    with open("site/one.db", "ab") as file:
        file.truncate(2**20 + 4096)
    result = kvsync("sync", "site", "--state", "s.db", "--adopt")
    assert (result.code, held(edge).keys()) == (0, {"a"}), result.err


def test_what_tells_ours():
    """A state and an emulator's data say what they are as those who write them do."""
    numbers = {schema.APPLICATION_ID, store.APPLICATION_ID}
    assert {number.to_bytes(4, "big") for number in numbers} == APPLICATIONS


@pytest.mark.parametrize("content", [b"", b"notes\n", b"other database", b"newer state"])
@pytest.mark.parametrize(
    "command", [["sync", "site"], ["state", "rebuild", "site"], ["state", "forget", "--all"]]
)
def test_nothing_is_left_beside_a_refused_state(kvsync, edge, write, content, command):
    """What is somebody else's gets no lock, nor the name of a holder."""
    write("site/a", "x")
    if content.endswith((b"database", b"state")):
        with closing(sqlite3.connect("notes")) as connection:
            connection.execute("CREATE TABLE mine (x)")
            number = schema.APPLICATION_ID if content == b"newer state" else 1
            connection.execute(f"PRAGMA application_id = {number}")
            connection.execute("PRAGMA user_version = 99")
    else:
        write("notes", content)
    before = Path("notes").read_bytes()
    code = kvsync(*command, "--state", "notes").code
    if command[1] == "rebuild" and code == 0:
        # What is no state at all is taken for a damaged one: it is moved, with a word.
        (aside,) = Path().glob("notes.damaged-*")
        assert aside.read_bytes() == before
        return
    assert code == 4
    assert (Path("notes").read_bytes(), set(os.listdir())) == (before, {"site", "notes"})
    assert held(edge) == {}
