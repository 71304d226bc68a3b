"""Where ``--failures`` may write, and what it leaves alone."""

import pytest

from tests.cli.failing import FILE, header, listed, manifest_of
from tests.cli.watching import held


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("m.yaml", "it holds something else"),
        ("mine.txt", "it holds something else"),
        ("newer.jsonl", "it holds something else"),
        ("with.jsonl", "with.jsonl.part: it holds something else"),
        ("folder", "this is no regular file"),
        ("no/such/f.jsonl", "there is no such folder"),
    ],
)
def test_a_place_that_is_taken(kvsync, edge, manifest, write, clean_environment, name, words):
    """Anything but a failure file is refused before anything is sent, and stays as it is."""
    manifest(manifest_of(1))
    write("mine.txt", "precious")
    write("with.jsonl.part", "precious")
    write("newer.jsonl", '{"format":"kvsync-failures","version":2}\n')
    (clean_environment / "folder").mkdir()
    for more in ([], ["-n"]):
        result = kvsync("sync", "m.yaml", "--failures", name, *more)
        assert (result.code, edge.arrivals) == (2, [])
        assert words in result.err
    assert (clean_environment / "mine.txt").read_text() == "precious"
    assert not (clean_environment / ".kvsync").exists()


def test_an_empty_file_is_free(kvsync, edge, manifest, write):
    """A file that somebody has just made for it, as mktemp does, may be taken."""
    manifest(manifest_of(1))
    write(FILE, "")
    assert kvsync("sync", "m.yaml", "--failures", FILE).code == 0
    assert header()["owner"] == "./m.yaml"


def test_several_sources(kvsync, edge, write):
    """What the file lists belongs to one source: with several the option is refused."""
    write("x.yaml", "version: 1\nkeys: {a: one}\n")
    write("y.yaml", "version: 1\nkeys: {b: one}\n")
    result = kvsync("sync", "x.yaml", "y.yaml", "--failures", FILE)
    assert (result.code, edge.arrivals) == (2, [])
    assert "--failures takes one source" in result.err


def test_within_the_tree(kvsync, edge, write):
    """A file that lies in the folder that is synced is no pair of it."""
    write("tree/x", "1")
    for _ in range(2):
        assert kvsync("sync", "tree", "--failures", f"tree/{FILE}").code == 0
    assert kvsync("sync", "tree", "--failures", "tree/.kvsync/f.jsonl", "--only", "x").code == 0
    assert held(edge) == {"x": "1"}


def test_beside_a_state_that_is_not_there_yet(kvsync, edge, write):
    """The folder of the state may hold the file, and comes into being with it."""
    write("tree/x", "1")
    assert kvsync("sync", "tree", "--failures", "tree/.kvsync/f.jsonl").code == 0
    assert listed("tree/.kvsync/f.jsonl") == {}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--failures", FILE, "--state", "s.db"], "missing.yaml: no such file: check the path"),
        (["--failures", f"no/{FILE}"], "there is no such folder"),
    ],
)
def test_a_source_that_is_not_there(kvsync, edge, more, words):
    """Where its state would be is not known: what is wrong is told all the same."""
    result = kvsync("sync", "missing.yaml", *more)
    assert (result.code, "bug" in result.err, words in result.err) == (2, False, True), result.err
