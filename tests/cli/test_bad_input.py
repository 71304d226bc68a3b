"""Bad input: what a person reads, the exit code, and that nothing was sent.

Every test here ends with a service that saw no write (`nothing_sent`).
"""

import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from tests.nobody import as_nobody

BIG = "x" * ((1 << 20) + 1)


@pytest.fixture(autouse=True)
def nothing_sent(edge, request):
    """Whatever a test here does, no write reaches the service.

    A test that addresses a service of its own, or asks it in vain, says so and looks for itself.
    """
    yield
    if "looks_itself" not in request.keywords:
        assert edge.arrivals == []
        assert edge.pairs("zone-1", "ns") == {}


BOMB = "keys:\n  a:\n    json:\n      - &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"      - &{name} [{', '.join([f'*{before}'] * 10)}]\n"
    for before, name in zip("abcdefg", "bcdefgh", strict=True)
)

MANIFESTS = {
    "unquoted boolean": (
        "keys:\n  a: no\n",
        "m.yaml:3:6: a value without quotes that YAML reads as a boolean: put it in quotes ('…'),"
        " or write {json: …} around it",
    ),
    "unquoted number": (
        "keys:\n  a: 1.0\n",
        "m.yaml:3:6: a value without quotes that YAML reads as a number: put it in quotes ('…'),"
        " or write {json: …} around it",
    ),
    "unquoted date": (
        "keys:\n  a: 2026-01-02\n",
        "m.yaml:3:6: a value without quotes that YAML reads as a date or time: put it in quotes"
        " ('…'), or write {json: …} around it",
    ),
    "key twice": (
        "keys:\n  a: x\n  a: y\n",
        'm.yaml:4:3: the key "a" is given twice: it stands in line 3 already',
    ),
    "unknown field": (
        "keys:\n  a: {valeu: x}\n",
        'm.yaml:3:7: unknown field "valeu": did you mean value?',
    ),
    "unknown version": ("", "m.yaml:1:10: write version: 1 (this kvsync knows no other)"),
    "unset variable": (
        "zone: ${NOT_SET}\nkeys: {a: x}\n",
        "m.yaml:2:7: the environment variable NOT_SET is not set: set it, or give a default",
    ),
    "unset value": (
        "keys:\n  a: {env: NOT_SET}\n",
        "m.yaml:3:12: the environment variable NOT_SET is not set: set it before the run",
    ),
    "bad TTL": (
        "keys:\n  a: {value: x, ttl: 5 days}\n",
        "m.yaml:3:22: ttl: not a duration: write seconds, or 90s, 15m, 1h30m, 7d",
    ),
    "time without a zone": (
        "keys:\n  a: {value: x, expires: 2030-01-01T00:00:00}\n",
        "m.yaml:3:26: expires: a time without a zone: add Z or +08:00",
    ),
    "missing file": (
        "keys:\n  a: {file: no.txt}\n",
        "m.yaml:3:13: no such file: check the path",
    ),
    "missing tree": (
        "trees:\n  - {path: gone}\n",
        "m.yaml:3:12: no such directory: check the path; it starts at the manifest's directory",
    ),
    "illegal key": (
        "keys:\n  a b: x\n",
        'm.yaml:3:3: the key "a b" has other characters than letters, digits, - and _: change it,'
        " or allow every character, as the service does since mid-2026, with charset: utf-8 (or"
        " --charset utf-8)",
    ),
    "tag": ("keys:\n  a: !secret x\n", "m.yaml:3:6: a tag (!…) has no meaning here: take it away"),
}


@pytest.mark.parametrize("name", MANIFESTS)
def test_manifest_with_one_mistake(kvsync, write, name):
    """Each mistake of a manifest is told with its place, by validate, plan and sync alike."""
    text, message = MANIFESTS[name]
    write("m.yaml", f"version: 1\n{text}" if text else "version: 7\nkeys: {a: x}\n")
    for command in ("validate", "plan", "sync"):
        result = kvsync(command, "m.yaml")
        assert (result.code, result.out) == (2, "")
        assert result.errors == [message, "kvsync: error: 1 mistake; nothing was sent"]


def test_five_mistakes(kvsync, manifest):
    """A manifest with five mistakes reports five, each with file:line:column."""
    manifest(
        "keys:\n"
        "  a: no\n"
        "  b: {valeu: x}\n"
        "  c: {file: gone.txt}\n"
        "  d: {value: x, ttl: soon}\n"
        "  e e: x\n"
    )
    result = kvsync("plan", "m.yaml", "--json")
    places = [line.split(": ")[0] for line in result.errors[:-1]]
    assert places == [f"m.yaml:{at}" for at in ("3:6", "4:7", "5:13", "6:22", "7:3")]
    assert result.errors[-1] == "kvsync: error: 5 mistakes; nothing was sent"
    (run,) = result.json["runs"]
    assert (result.json["exit_code"], run["exit_code"], run["error"]["kind"]) == (2, 2, "input")
    assert [(d["origin"], d["line"], d["column"]) for d in run["error"]["details"]] == [
        ("m.yaml", 3, 6), ("m.yaml", 4, 7), ("m.yaml", 5, 13), ("m.yaml", 6, 22), ("m.yaml", 7, 3),
    ]  # fmt: skip
    assert result.json["error"] == run["error"]


def test_alias_bomb(kvsync, manifest):
    """An alias bomb is refused at once."""
    manifest(BOMB)
    begun = time.monotonic()
    result = kvsync("sync", "m.yaml")
    assert time.monotonic() - begun < 5
    assert result.code == 2
    assert "alias" in result.errors[0]


def test_no_value_is_repeated(kvsync, manifest):
    """A secret that lost its quotes is not in what is printed."""
    manifest("keys:\n  a: 12345678\n  b: *hunter2\n  c: {value: ab, hunter2}\n")
    for text in (kvsync("sync", "m.yaml").err, kvsync("plan", "m.yaml", "--json").out):
        assert "12345678" not in text
        assert "hunter2" not in text


@pytest.mark.parametrize("name", ["gone.yaml", "gone/"])
def test_missing_source(kvsync, name):
    """A source that is not there."""
    result = kvsync("sync", name)
    assert (result.code, result.errors[0]) == (2, f"{name}: no such file: check the path")


def test_single_file(kvsync, write):
    """A file that is no manifest is told what a source is."""
    write("robots.txt", "User-agent: *\n")
    result = kvsync("sync", "robots.txt")
    assert result.code == 2
    assert result.errors[0].endswith(
        "A source is a manifest, a folder, or a dump of another store (give --format); for one file"
        " as a value, use file: in a manifest"
    )


def test_value_too_large(kvsync, manifest, write):
    """A value over 1 MiB, inline or in a file."""
    write("tree/big", BIG)
    manifest(f"keys:\n  a: {BIG}\ntrees:\n  - {{path: tree}}\n")
    result = kvsync("sync", "m.yaml")
    assert result.code == 2
    assert result.errors[0] == (
        "m.yaml:3:6: the value has 1048577 bytes: EdgeKV takes at most 1048576 (1 MiB)"
    )
    assert result.errors[1].startswith("tree/big: ")
    assert "1048577 bytes" in result.errors[1]


def test_value_too_large_as_base64(kvsync, write):
    """What counts is the size as it is stored: base64 adds a third."""
    write("tree/big", b"\xff" * 800_000)
    result = kvsync("sync", "tree", "--encoding", "base64")
    assert result.code == 2
    assert "1066668 bytes" in result.errors[0]


def test_key_too_long(kvsync, manifest):
    """A key over 512 characters."""
    manifest(f"keys:\n  {'k' * 513}: x\n")
    result = kvsync("sync", "m.yaml")
    assert result.code == 2
    assert result.errors[0].startswith("m.yaml:3:3: the key ")
    assert "512" in result.errors[0]


def test_binary_in_a_text_tree(kvsync, write):
    """A file that is not UTF-8 in a text tree names the file and the way out."""
    write("tree/logo.png", b"\x89PNG\xff")
    result = kvsync("sync", "tree")
    assert result.code == 2
    assert result.errors[0].startswith("tree/logo.png: ")
    assert "base64" in result.errors[0]


def test_empty_file(kvsync, write):
    """An empty file names the file and the way out."""
    write("tree/empty", "")
    result = kvsync("sync", "tree")
    assert result.code == 2
    assert result.errors[0].startswith("tree/empty: ")
    assert "empty: skip" in result.errors[0] or "--empty skip" in result.errors[0]


def test_two_paths_in_one_key(kvsync, write):
    """Two paths that meet in one key name both."""
    write("tree/a/b", "1")
    write("tree/a_b", "2")
    result = kvsync("sync", "tree")
    assert result.code == 2
    assert "tree/a/b" in result.errors[0]
    assert "tree/a_b" in result.errors[0]


def test_link_out_of_the_tree(kvsync, write, clean_environment):
    """A link that leaves the tree is an error, whatever it points to."""
    write("tree/x", "1")
    (clean_environment / "tree" / "out").symlink_to("/etc/hostname")
    result = kvsync("sync", "tree")
    assert result.code == 2
    assert result.errors[0].startswith("tree/out: ")


def test_past_expires(kvsync, manifest):
    """`expires` in the past is a warning; the key is not sent and counts as skipped; exit 0."""
    manifest("keys:\n  a: {value: x, expires: 2020-01-01T00:00:00Z}\n")
    result = kvsync("sync", "m.yaml", "--json")
    assert (result.code, result.json["runs"][0]["summary"]["skipped"]) == (0, 1)
    warning = "kvsync: warning: m.yaml: past their `expires`, not sent: a (m.yaml:3)"
    assert result.errors == [warning]
    assert kvsync("validate", "m.yaml").errors == [warning]


def test_tree_flags_beside_a_manifest(kvsync, manifest):
    """Tree flags beside a manifest are a usage error that names them."""
    manifest("keys: {a: x}\n")
    result = kvsync("sync", "m.yaml", "--prefix", "p", "--ttl", "1d")
    assert result.code == 2
    assert "--prefix" in result.err
    assert "--ttl" in result.err


@pytest.mark.parametrize("option", ["zone", "namespace"])
def test_no_target(kvsync, manifest, monkeypatch, option):
    """A zone or namespace that nobody named is a usage error with the three ways to name it."""
    monkeypatch.delenv(f"KVSYNC_{option.upper()}")
    manifest("keys: {a: x}\n")
    result = kvsync("sync", "m.yaml")
    assert result.code == 2
    assert result.errors == [
        f"kvsync: error: no {option}: give --{option}, or `{option}:` in the manifest,"
        f" or KVSYNC_{option.upper()}"
    ]


def test_unknown_option(kvsync):
    """An unknown option is a usage error, in JSON too."""
    result = kvsync("sync", "x", "--nonsense", "--json")
    assert (result.code, result.json["error"]["kind"]) == (2, "usage")
    assert result.errors == [
        "kvsync: error: No such option '--nonsense'. Did you mean '--zone'?",
        "kvsync: error: see `kvsync sync --help`",
    ]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--delete-unmanaged", "--delete-unmanaged needs --refresh"),
        ("--force", "go with --delete"),
        ("--max-delete 0", "go with --delete"),
        ("--delete --max-delete 101%", "a share from 0% to 100%"),
        ("--delete --max-delete many", "a number of keys"),
    ],
)
def test_deletes_that_make_no_sense(kvsync, manifest, options, words):
    """What is said of deletes must hang together, and is refused before anything is sent."""
    manifest("keys: {a: x}\n")
    result = kvsync("sync", "m.yaml", *options.split())
    assert result.code == 2
    assert words in result.err


@pytest.mark.parametrize(
    "name", ["DELETE", "DELETE_UNMANAGED", "FORCE", "ADOPT", "MAX_DELETE", "SHOW_VALUES"]
)
def test_no_variable_asks_for_a_delete(kvsync, manifest, monkeypatch, name):
    """What deletes, or shows values, can be typed, but not be set by a forgotten variable."""
    manifest("keys: {a: x}\n")
    monkeypatch.setenv(f"KVSYNC_{name}", "1")
    result = kvsync("plan", "m.yaml")
    assert (result.code, result.err) == (0, "")


def test_plain_http_to_another_host(kvsync, manifest):
    """Plain http is for loopback alone: no value leaves the machine in clear."""
    manifest("keys: {a: x}\n")
    result = kvsync("sync", "m.yaml", "--endpoint", "http://edge.example.com")
    assert result.code == 2
    assert "https" in result.err
    assert "loopback" in result.err


def test_no_credentials(kvsync, manifest, monkeypatch):
    """Without credentials: exit 7, and each place that was looked at."""
    monkeypatch.delenv("TENCENTCLOUD_SECRET_ID")
    monkeypatch.delenv("TENCENTCLOUD_SECRET_KEY")
    # The CVM's metadata service is asked last; here nobody answers.
    role = "tencentcloud.common.credential.CVMRoleCredential._role_endpoint"
    monkeypatch.setattr(role, "http://127.0.0.1:9/")
    manifest("keys: {a: x}\n")
    result = kvsync("sync", "m.yaml")
    assert result.code == 7
    for place in ("TENCENTCLOUD_SECRET_ID", ".tencentcloud/credentials", ".tccli", "CVM"):
        assert place in result.err
    assert "1 to create" in kvsync("plan", "m.yaml").out


@pytest.mark.slow
@pytest.mark.looks_itself
def test_wrong_secret(kvsync, manifest, serve_emulator, monkeypatch):
    """A wrong secret is one message, not one per key, and exit 7."""
    strict = serve_emulator(credential=("AKIDtest", "another-secret"))
    manifest("keys: {" + ", ".join(f"k{n}: v" for n in range(100)) + "}\n")
    result = kvsync("sync", "m.yaml", "--endpoint", strict.url)
    assert result.code == 7
    assert len(result.errors) == 1
    assert "AuthFailure.SignatureFailure" in result.err
    assert "secret-of-the-test" not in result.err
    assert strict.pairs("zone-1", "ns") == {}
    assert "100 not sent" in result.out
    assert "100 to create" in kvsync("plan", "m.yaml", "--endpoint", strict.url).out


@pytest.mark.slow
@pytest.mark.looks_itself
def test_unknown_namespace(kvsync, manifest, edge):
    """An unknown namespace is one message that names it, and exit 7, after the first refusals."""
    manifest("namespace: nowhere\nkeys: {" + ", ".join(f"k{n}: v" for n in range(500)) + "}\n")
    result = kvsync("sync", "m.yaml")
    assert result.code == 7
    assert len(edge.arrivals) <= 64
    assert len(result.errors) == 1
    assert "nowhere" in result.err


def test_state_of_another_program(kvsync, manifest, write):
    """A file that is not ours is refused with exit 4 and left as it was."""
    path = write(".kvsync/state.db", b"")
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE bookmarks (url)")
    connection.close()
    before = path.read_bytes()
    manifest("keys: {a: x}\n")
    for command in ("plan", "sync"):
        result = kvsync(command, "m.yaml")
        assert (result.code, result.errors) == (
            4, [f"kvsync: error: {path} is not a kvsync state file; it was left as it is"],
        )  # fmt: skip
    assert path.read_bytes() == before


def test_state_from_a_newer_version(kvsync, manifest, edge, clean_environment):
    """A state file of a newer format is refused with exit 4 and left as it was."""
    manifest("keys: {}\n")
    kvsync("sync", "m.yaml")
    path = clean_environment / ".kvsync" / "state.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 2")
    connection.close()
    before = path.read_bytes()
    result = kvsync("sync", "m.yaml", "--json")
    assert (result.code, result.json["error"]["kind"]) == (4, "state")
    assert "another version of kvsync (its format is 2, this one knows 1)" in result.err
    assert path.read_bytes() == before


def test_second_run(kvsync, manifest, clean_environment):
    """While a run is going a second one says who holds the state, and exits 12."""
    manifest("keys: {a: x}\n")
    from kvsync.state.sqlite import run_lock

    path = str(clean_environment / ".kvsync" / "state.db")
    Path(path).parent.mkdir()
    Path(path).touch()
    with run_lock(path):
        result = kvsync("sync", "m.yaml")
        assert kvsync("plan", "m.yaml").code == 0
    assert result.code == 12
    assert f"another run holds {path}: pid " in result.err


def test_first_runs_at_the_same_time(kvsync, manifest, clean_environment):
    """The lock holds for the very first run, too, before there is a state."""
    manifest("keys: {a: x}\n")
    from kvsync.state.sqlite import run_lock

    with run_lock(str(clean_environment / ".kvsync" / "state.db")):
        assert kvsync("sync", "m.yaml").code == 12


def kvsync_as_nobody(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """A command line run by a user who may write nothing here."""
    return as_nobody("-m", "kvsync", *args, cwd=cwd)


@pytest.mark.slow
def test_unreadable_file(shared):
    """A file that may not be read is an error, in a tree and in a manifest."""
    (shared / "tree").mkdir()
    for name in ("tree/x", "y"):
        (shared / name).write_text("1")
        (shared / name).chmod(0)
    (shared / "m.yaml").write_text("version: 1\nkeys:\n  a: {file: y}\ntrees:\n  - {path: tree}\n")
    result = kvsync_as_nobody("sync", "m.yaml", cwd=shared)
    assert result.returncode == 2
    lines = result.stderr.splitlines()
    assert lines[0].startswith("m.yaml:3:13: ")
    assert lines[1].startswith("tree/x: ")
    assert all("permission denied" in line for line in lines[:2])


@pytest.mark.slow
def test_unreadable_directory(shared):
    """A directory that may not be read is an error, not an empty one."""
    (shared / "tree" / "closed").mkdir(parents=True)
    (shared / "tree" / "closed").chmod(0)
    result = kvsync_as_nobody("sync", "tree", cwd=shared)
    assert result.returncode == 2
    assert result.stderr.startswith("tree/closed: permission denied")


@pytest.mark.slow
def test_state_in_a_read_only_directory(shared):
    """A source in a read-only place, as a mounted ConfigMap, gets an error that names --state."""
    (shared / "x").write_text("1")
    shared.chmod(0o555)
    result = kvsync_as_nobody("sync", ".", "--local", cwd=shared)
    assert result.returncode == 4
    assert result.stderr.splitlines() == [
        f"kvsync: error: cannot write {shared}/.kvsync: Permission denied;"
        " to keep the state elsewhere, give --state FILE"
    ]
