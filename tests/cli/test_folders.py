"""Folders that nobody made for kvsync: what is left out, grouped, told, and how to go on."""

import os
import shlex
from pathlib import Path

import pytest

from tests.cli.ways import Ways, told

PICTURE = b"\x89PNG\xff"
NOT_TEXT = (
    "not UTF-8 text: leave it out, or set encoding: auto, which stores it in base64"
    " (folder: --encoding auto)"
)
LEFT_OUT = (
    "kvsync: site: 2 files (site/.env, site/d/a~) left out by name; a line such as !.env in"
    " .kvsyncignore takes one in"
)


@pytest.fixture
def site(write) -> Path:
    """A folder with a secret and a backup beside two files."""
    for name in ("site/.env", "site/d/a~", "site/d/a", "site/b"):
        write(name, name)
    return Path("site")


def test_what_lies_besides_is_left_out_and_counted(kvsync, edge, site):
    """In one line on stderr, that --quiet leaves away, and in JSON."""
    result = kvsync("sync", "site")
    assert (result.code, result.errors) == (0, [LEFT_OUT])
    assert sorted(edge.pairs("zone-1", "ns")) == ["b", "d_a"]
    (run,) = kvsync("plan", "site", "--json", "-q").json["runs"]
    assert (run["left_out"], run["warnings"]) == ({"name": 2}, [])
    assert kvsync("plan", "site", "-q").err == ""
    assert kvsync("validate", "site").errors == [LEFT_OUT]
    assert kvsync("convert", "site", "-o", "x.jsonl").errors == [LEFT_OUT]
    (site / ".kvsyncignore").write_text("!.env\n!*~\n")
    assert kvsync("sync", "site").err == ""
    assert sorted(edge.pairs("zone-1", "ns")) == ["_env", "b", "d_a", "d_a_"]


def test_it_is_never_deleted_for_it(kvsync, edge, site):
    """What was sent while a pattern named it stays; what the user's own pattern excludes goes."""
    (site / ".kvsyncignore").write_text("!.env\n!*~\n")
    assert kvsync("sync", "site").code == 0
    (site / ".kvsyncignore").unlink()
    result = kvsync("sync", "site", "--delete", "--max-delete", "100%")
    assert "orphan" not in result.out
    assert sorted(edge.pairs("zone-1", "ns")) == ["_env", "b", "d_a", "d_a_"]
    assert kvsync("verify", "site", "--exact").code == 0
    assert kvsync("sync", "site", "--delete", "--exclude", ".env", "--force").code == 0
    assert sorted(edge.pairs("zone-1", "ns")) == ["b", "d_a", "d_a_"]


def test_what_a_policy_leaves_out_is_not_deleted(kvsync, edge, write):
    """A file that grew too large, or became empty, keeps the key that it has, and is counted."""
    for name in ("a", "b", "c"):
        write(f"site/{name}", name)
    assert kvsync("sync", "site").code == 0
    write("site/a", "x" * (2**20 + 1))
    write("site/b", "")
    result = kvsync("sync", "site", "--delete", "--force", "--large", "skip", "--empty", "skip")
    assert result.errors == [
        "kvsync: site: 1 file (site/b) left out, being empty",
        "kvsync: site: 1 file (site/a) left out, being over 1 MiB",
    ]
    assert sorted(edge.pairs("zone-1", "ns")) == ["a", "b", "c"]


@pytest.mark.slow
def test_encodings_are_told(kvsync, edge, write):
    """A plan says how many files go as text, and which do not; so does a run that knows them."""
    for number in range(12):
        write(f"site/{number:02}.png", PICTURE)
    write("site/a.txt", "text")
    line = (
        "kvsync: site: 1 file as text, 12 in base64 ("
        + ", ".join(f"site/{number:02}.png" for number in range(10))
        + " and 2 more)"
    )
    assert kvsync("plan", "site", "--encoding", "auto").errors == [line]
    assert kvsync("sync", "site", "--encoding", "auto").errors == [line]
    (run,) = kvsync("plan", "site", "--encoding", "auto", "--json").json["runs"]
    assert run["encodings"] == {"text": 1, "base64": 12}
    assert kvsync("verify", "site", "--encoding", "auto").code == 0
    result = kvsync("sync", "site", "--encoding", "base64")
    assert "1 updated, 12 unchanged" in result.out


@pytest.mark.slow
@pytest.mark.parametrize("more", [(), ("--encoding", "auto")])
def test_the_short_way_tells_the_same(kvsync, edge, site, write, monkeypatch, more):
    """What was left out and how, and it sees that a left-out file comes, changes or goes."""
    ways = Ways(monkeypatch)
    write("site/caf\xe9", "x")
    write("site/cafe\u0301", "version https://git-lfs.github.com/spec/v1\n")
    call = ["sync", "site", "--charset", "utf-8", *more]

    def look() -> bool:
        result, fields = kvsync(*call), told(kvsync(*call, "--json"))
        was_short = all(ways.short[-2:])
        ways.closed = True
        again, other = kvsync(*call), told(kvsync(*call, "--json"))
        ways.closed = False
        assert (result.out, result.err, fields) == (again.out, again.err, other)
        return was_short

    for _ in range(2):
        assert kvsync(*call).code == 0
    assert look()
    assert "warning: site: 1 file is a Git LFS pointer" in kvsync(*call).err
    assert "NFC" in kvsync(*call).err
    write("site/.env", "another")
    assert look()
    write("site/new~", "x")
    assert not look()
    assert look()
    (site / ".env").unlink()
    assert not look()
    assert "left out by name" in kvsync(*call).err


@pytest.mark.slow
def test_mistakes_of_one_kind_are_counted(kvsync, edge, write):
    """Ten of a kind are listed; the refusal ends with the command that goes on, and it does."""
    for number in range(300):
        write(f"a bundle/{number:03}.png", PICTURE)
    for number in range(11):
        write(f"a bundle/empty/{number}", "")
    write("a bundle/big", "x" * (2**20 + 1))
    result = kvsync("sync", "a bundle", "--prefix", "p-", "--workers=3")
    assert result.code == 2
    assert len(result.errors) == 10 + 1 + 1 + 10 + 1 + 2
    assert result.errors[0] == f"a bundle/000.png: {NOT_TEXT}"
    assert "a bundle: 290 more files: not UTF-8 text" in result.errors
    assert "a bundle: 1 more file: an empty value" in result.errors
    assert result.errors[-2] == "kvsync: error: 312 mistakes; nothing was sent"
    start, _, command = result.errors[-1].partition("kvsync sync ")
    assert start == "kvsync: to go on: "
    args = shlex.split(command)
    kept = ["a bundle", "--prefix", "p-", "--workers=3"]
    assert args[:4] == kept
    assert args[4:] == ["--encoding", "auto", "--large", "skip", "--empty", "skip"]
    assert kvsync("sync", *args).code == 0
    assert len(edge.pairs("zone-1", "ns")) == 300


def test_mistakes_in_json(kvsync, write):
    """A detail that stands for many says for how many, and the error has the command."""
    for number in range(12):
        write(f"site/{number}", PICTURE)
    error = kvsync("plan", "site", "--json").json["error"]
    assert [detail.get("count") for detail in error["details"]] == [None] * 10 + [2]
    assert error["go_on"] == "kvsync plan site --json --encoding auto"


def test_a_picture_that_is_too_large_in_base64(kvsync, edge, write):
    """The command leaves out what would be refused next."""
    write("site/a", b"\xff" * 800_000)
    write("site/b", "x")
    result = kvsync("sync", "site")
    assert result.errors[-1] == "kvsync: to go on: kvsync sync site --encoding auto --large skip"
    assert kvsync(*shlex.split(result.errors[-1])[5:]).code == 0


@pytest.mark.parametrize(
    ("options", "names", "added"),
    [
        ((), ["a/b", "a_b"], "--key escape"),
        (("--key", "path"), ["a.b"], "--charset utf-8"),
        (("--key", "escape", "--extension", "drop"), ["a.b", "a.c"], ""),
        ((), ["a.b", "a_b", "c" * 250 + "/" + "d" * 250 + "/" + "_" * 20], ""),
    ],
)
def test_keys_that_an_option_mends(kvsync, edge, write, options, names, added):
    """The command is shown where it helps, and only there."""
    for name in names:
        write(f"site/{name}", "x")
    result = kvsync("sync", "site", *options)
    assert result.code == 2
    last = result.errors[-1]
    assert last.startswith("kvsync: to go on: ") == bool(added)
    if added:
        assert last.endswith(added)
        assert kvsync(*shlex.split(last)[5:]).code == 0


def test_what_no_option_mends(kvsync, edge, write):
    """One such mistake, in any source, and there is no command that would go on."""
    write("site/a", PICTURE)
    os.mkfifo("site/b")
    assert kvsync("sync", "site").errors[-1] == "kvsync: error: 2 mistakes; nothing was sent"
    write("m.yaml", "version: 1\ntrees: [{path: site, exclude: [b]}]\n")
    assert kvsync("sync", "m.yaml").errors[-1] == "kvsync: error: 1 mistake; nothing was sent"
    Path("site/b").unlink()
    write("ok.yaml", "version: 1\nkeys: {k: v}\n")
    assert "to go on" not in kvsync("sync", "site", "ok.yaml").err


def test_several_folders_go_on_together(kvsync, edge, write):
    """Sources, options and what stands behind -- are kept, quoted for a shell."""
    write("one/a", PICTURE)
    write("-two\n/b", "")
    result = kvsync("sync", "--prefix=x", "--", "one", "-two\n")
    assert result.errors[-1] == (
        "kvsync: to go on: kvsync sync --prefix=x --encoding auto --empty skip -- one $'-two\\x0a'"
    )
    write("-two\n/c", "x")
    assert (
        kvsync(
            "sync", "--prefix=x", "--encoding", "auto", "--empty", "skip", "--", "one", "-two\n"
        ).code
        == 0
    )


def test_an_exported_folder_is_taken_with_what_it_says(kvsync, edge, write):
    """--charset utf-8 is what an index says; base64 is not, and no command offers it."""
    edge.put("zone-1", "ns", "a/b", "x")
    assert kvsync("export", "-o", "out").code == 0
    assert kvsync("plan", "out", "--charset", "utf-8", "--encoding", "text").code == 0
    result = kvsync("plan", "out", "--charset", "utf-8", "--encoding", "base64")
    assert (result.code, result.errors[0].split(":")[2]) == (2, " --encoding")


def test_broken_things_in_numbers(kvsync, write):
    """What a walk comes across is grouped as what a file holds."""
    for number in range(300):
        write("site/a", "x")
        Path(f"site/{number:03}").symlink_to("nowhere")
    result = kvsync("validate", "site")
    assert len(result.errors) == 12
    assert result.errors[10] == "site: 290 more files: a link that leads nowhere"
    assert result.errors[11] == "kvsync: error: 300 mistakes; nothing was sent"


@pytest.mark.slow
def test_keys_that_two_sources_name_in_numbers(kvsync, edge, write):
    """What two folders of one call have in common is grouped, too."""
    for number in range(300):
        write(f"one/{number:03}", "x")
        write(f"two/{number:03}", "x")
    result = kvsync("plan", "one", "two")
    assert result.errors[0].startswith("two/000: the key 000 is also named by one/000: give each")
    assert result.errors[10] == "two: 290 more keys: also named by another source"
    assert result.errors[11] == "kvsync: error: 300 mistakes; nothing was sent"
