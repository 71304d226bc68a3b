"""What is named by a way that climbs out of where a link leads: the same file for all."""

from pathlib import Path

import pytest

from tests.cli.watching import held

DELETING = ["--delete", "--force", "--max-delete", "100%"]


@pytest.fixture
def link(write) -> Path:
    """`here`, in which a link leads into a folder elsewhere, beside other sources of the names."""
    for folder, key in (("here", "mine"), ("other", "theirs")):
        write(f"{folder}/m.yaml", f"version: 1\nkeys: {{{key}-m: x}}\n")
        write(f"{folder}/d.jsonl", f'{{"key": "{key}-d", "value": "1"}}\n')
        write(f"{folder}/site/{key}-t", "x")
        write(f"{folder}/deep/site/{key}-u", "x")
    Path("other/dir").mkdir()
    Path("here/link").symlink_to("../other/dir")
    Path("here/hop").symlink_to("link")
    return Path("here")


@pytest.mark.slow
@pytest.mark.parametrize("source", ["m.yaml", "d.jsonl", "site", "deep/../site"])
@pytest.mark.parametrize(
    ("way", "state"),
    [
        ("link/..", []),
        ("link/..", ["--state", "s.db"]),
        ("link/..", ["--state", "link/../../here/s.db"]),
        ("hop/..", []),
        ("./link//../.", ["--state", "s.db"]),
        ("link/../../here/link/..", []),
    ],
)
def test_two_sources(kvsync, edge, link, monkeypatch, source, state, way):
    """Each is read where it is, has an owner of its own, and keeps its keys."""
    monkeypatch.chdir(link)
    form = ["--format", "jsonl"] if source.endswith("l") and source[0] == "d" else []
    for path in (f"{way}/{source}", source, f"{way}/{source}", source):
        result = kvsync("sync", path, *form, *state, *DELETING)
        assert (result.code, "deleted" in result.out) == (0, False)
    kinds = {key.partition("-")[0] for key in held(edge)}
    assert (len(held(edge)), kinds) == (2, {"mine", "theirs"})


def test_where_the_state_lies(kvsync, edge, link, monkeypatch):
    """Beside the manifest that is read, for each command that looks for it."""
    monkeypatch.chdir(link)
    assert kvsync("sync", "link/../m.yaml").code == 0
    assert not Path(".kvsync").exists()
    assert Path("../other/.kvsync/state.db").exists()
    assert "./m.yaml" in kvsync("state", "list", "link/../m.yaml").out
    assert kvsync("sync", "../other/m.yaml").out.count("create") == 0


def test_the_same_file_twice(kvsync, edge, link):
    """It is the same by whatever way: it may be given once."""
    result = kvsync("plan", "here/link/../m.yaml", "other/m.yaml")
    assert (result.code, "is given twice" in result.err) == (2, True)


def test_failures_beside_a_link(kvsync, edge, link, monkeypatch):
    """The folder of what is written is the one that was named, too."""
    monkeypatch.chdir(link)
    Path("../other/out").mkdir()
    call = ["sync", "m.yaml", "--failures"]
    assert kvsync(*call, "link/../out/f.jsonl").code == 0
    assert Path("../other/out/f.jsonl").exists()
