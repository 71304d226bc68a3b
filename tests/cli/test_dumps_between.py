"""Dumps that are wrong, or not there, and whose keys they are."""

import errno
import io
import json
import os
import tempfile
import time

import pytest

from kvsync.sources import open_source
from tests.cli.dumping import FOREVER, lines
from tests.cli.watching import held
from tests.nobody import as_nobody

ONE = lines({"key": "a", "value": "one"}, {"key": "b", "value": "two"})


@pytest.mark.parametrize("way", ["skip", "error"])
def test_time_that_passes_meanwhile(kvsync, edge, write, meanwhile, monkeypatch, way):
    """A pair that was planned is sent though by then it has less than 60 s to live."""
    now = int(time.time())
    write(
        "d.jsonl",
        lines({"key": "a", "value": "one", "expiration": now + 600}) + ONE.splitlines()[1],
    )
    clock = [now]
    monkeypatch.setattr(
        "kvsync.engine.opening.open_source",
        lambda path, options, environ: open_source(
            path, options, environ=environ, clock=lambda: clock[0]
        ),
    )
    meanwhile(lambda: clock.append(clock.pop() + 550))
    assert kvsync("sync", "d.jsonl", "--short-ttl", way, "-i").code == 0
    assert held(edge) == {"a": "one", "b": "two"}


def test_duplicates(kvsync, edge, write):
    """A key twice is an error with both lines, unless one of the pairs is left out."""
    write(
        "d.jsonl",
        lines(
            {"key": "a", "value": "one"},
            {"key": "e", "value": ""},
            {"key": "a", "value": "two"},
            {"key": "e", "value": "x"},
            {"key": "f", "value": "x"},
            {"key": "f", "value": ""},
        ),
    )
    result = kvsync("sync", "d.jsonl", "--empty", "skip", "-q")
    assert (result.code, edge.arrivals) == (2, [])
    assert [line for line in result.errors if line.startswith("d.jsonl")] == [
        'd.jsonl:3:1: the key "a" is also that of d.jsonl:1',
    ]


PAST = 1_000_000_000
WAYS = {
    "--empty": ({"value": ""}, ()),
    "--missing": ({"value": None}, ()),
    "--large": ({"value": "x" * (1 << 20 | 1)}, ()),
    "--metadata": ({"value": "x", "metadata": 1}, ()),
    "--binary": ({"value": "/w==", "base64": True}, ()),
    "--expired": ({"value": "x", "expiration": PAST}, ()),
    "--keys": ({"value": "x", "key": "a/b"}, ()),
    "--short-ttl": ({"value": "x", "expiration_ttl": 1}, ()),
}


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_what_is_left_out_meets_nobody(kvsync, edge, write, way):
    """Wherever it stands, the pair that is sent is the one that is not left out."""
    lost = {"key": "a"} | WAYS[way][0]
    pair = {"key": "a", "value": "one"}
    for number, content in enumerate([[lost, pair], [pair, lost], [lost, pair, lost], [lost] * 2]):
        write("d.json", json.dumps(content))
        call = ("d.json", "--format", "cloudflare", way, "skip", "--state", f"{number}.db")
        assert kvsync("sync", *call).code == 0
        if pair in content:
            assert held(edge) == {"a": "one"}
            assert kvsync("verify", *call, "--wait", "0").code == 0
            edge.delete("zone-1", "ns", "a")
        else:
            assert held(edge) == {}


def test_an_expired_pair_beside_a_key_of_the_manifest(kvsync, edge, write, manifest):
    """It meets neither a key, nor a pair of another dump."""
    write("d.jsonl", lines({"key": "a", "value": "x", "expiration": PAST}) * 2)
    write("e.jsonl", lines({"key": "b", "value": "x"}, {"key": "c", "value": ""}))
    write("f.jsonl", lines({"key": "c", "value": "y"}))
    files = ", ".join(
        f"{{path: {name}.jsonl, format: jsonl, expired: skip, empty: skip}}" for name in "def"
    )
    manifest(f"keys: {{a: one}}\nfiles: [{files}]\n")
    assert kvsync("sync", "m.yaml").code == 0
    assert held(edge) == {"a": "one", "b": "x", "c": "y"}


def test_what_is_left_out_is_not_deleted(kvsync, edge, write):
    """Its key may have been sent before; what it was joined with others stays, too."""
    write("d.jsonl", lines({"key": "a", "value": "one"}, {"key": "b/c", "value": "two"}))
    assert kvsync("sync", "d.jsonl", "--keys", "join").code == 0
    write("d.jsonl", lines({"key": "a", "value": ""}, {"key": "b/c", "value": ""}))
    call = ("d.jsonl", "--format", "jsonl", "--keys", "join", "--empty", "skip", "--delete")
    kvsync("sync", *call, "--max-delete", "100%")
    assert held(edge) == {"a": "one", "b_c": "two"}


@pytest.mark.parametrize(
    ("form", "content"),
    [
        ("csv", "\n,,\nkey,value,n\n,,\n\na,one,\n,,\n"),
        ("csv", '\r\nkey,value\r\n"",""\r\na,one\r\n,\r\n'),
        ("tsv", "key\tvalue\n\t\n \na\tone\n\t\n"),
        ("akamai", ",,,\ng,a,one\n,,\n"),
    ],
)
def test_blank_rows(kvsync, edge, write, form, content):
    """A row without a character in its cells is no pair, however many cells it has."""
    write("d.txt", content)
    call = ("d.txt", "--format", form, *(["--groups", "drop"] if form == "akamai" else []))
    assert kvsync("sync", *call).code == 0
    assert held(edge) == {"a": "one"}


def test_keys_that_meet(kvsync, edge, write):
    """Keys that a policy makes one are an error that names both lines."""
    write("d.jsonl", lines({"key": "a/b", "value": "x"}, {"key": "a_b", "value": "y"}))
    result = kvsync("sync", "d.jsonl", "--keys", "join")
    assert (result.code, edge.arrivals) == (2, [])
    assert result.errors[-2] == 'd.jsonl:2:1: the key "a_b" is also that of d.jsonl:1'
    assert kvsync("sync", "d.jsonl", "--keys", "escape").code == 0
    assert held(edge) == {"a_2fb": "x", "a__b": "y"}


def test_one_item_in_two_groups_that_are_skipped(kvsync, edge, write):
    """Pairs that are left out for their group do not meet in a key that nobody wants."""
    write("d.csv", "g,a,x\nh,a,y\n")
    assert kvsync("sync", "d.csv", "--format", "akamai", "--groups", "skip").code == 0
    told = kvsync("sync", "d.csv", "--format", "akamai").errors
    assert len(told) == 3
    assert not any("is also that of" in line for line in told)
    told = kvsync("sync", "d.csv", "--format", "akamai", "--groups", "drop").errors
    assert told[-2] == 'd.csv:2:1: the key "a" is also that of d.csv:1'


@pytest.mark.slow
def test_thousands_of_mistakes(kvsync, write):
    """A dump that is wrong all over is told in a hundred lines, and in no time."""
    write("d.jsonl", "{}\n" * 3000)
    begun = time.monotonic()
    result = kvsync("sync", "d.jsonl", "--format", "jsonl", "--local")
    assert time.monotonic() - begun < 5
    assert (result.code, len(result.errors)) == (2, 102)
    assert result.errors[-2:] == [
        "d.jsonl: and more: 100 mistakes are enough",
        "kvsync: error: 101 mistakes; nothing was sent",
    ]
    write("d.jsonl", lines(*({"key": "a", "value": "x"} for _ in range(3000))))
    assert len(kvsync("validate", "d.jsonl").errors) < 15


def test_no_value_is_repeated(kvsync, write):
    """Whatever is wrong with a pair, its value is not printed."""
    secret = "hunter2"
    pair = f'{{"key":"a","value":"{secret}","metadata":1}}\n'
    write("d.jsonl", f'{pair}{{"key":"b","value":{secret}\n')
    write("d.csv", f'k,{secret}\ng,k,{secret},{secret}\ng,k,x,x{secret}\ng,k,"{secret}"{secret}\n')
    for call in (["d.jsonl", "--format", "jsonl"], ["d.csv", "--format", "akamai"]):
        result = kvsync("validate", *call, "--json")
        assert result.code == 2
        assert secret not in result.out + result.err


def test_a_dump_that_is_not_there(kvsync, edge):
    """A missing dump is an error of the input, with a format and without."""
    for options in ([], ["--format", "csv"], ["--format", "jsonl"]):
        result = kvsync("sync", "gone.csv", *options)
        assert (result.code, result.errors[0]) == (2, "gone.csv: no such file: check the path")


@pytest.mark.slow
@pytest.mark.parametrize("form", ["csv", "jsonl", ""])
def test_a_dump_that_may_not_be_read(shared, form):
    """It is told as such, whatever its format."""
    shared.joinpath("d.csv").write_text("key,value\na,one\n")
    shared.joinpath("d.csv").chmod(0)
    options = ["--format", form] if form else []
    result = as_nobody("-m", "kvsync", "validate", "d.csv", *options, cwd=shared)
    assert result.returncode == 2
    assert "d.csv" in result.stderr
    assert "not readable" in result.stderr


@pytest.mark.slow
def test_orphans(kvsync, edge, write):
    """What a dump no longer names is its orphan; deleted only when asked, and nobody else's."""
    write("d.jsonl", ONE)
    write("other.jsonl", lines({"key": "c", "value": "three"}))
    kvsync("sync", "d.jsonl", "other.jsonl")
    write("d.jsonl", lines({"key": "a", "value": "one"}))
    assert "1 orphan" in kvsync("sync", "d.jsonl").out
    assert "1 deleted" in kvsync("sync", "d.jsonl", "--delete").out
    assert held(edge) == {"a": "one", "c": "three"}
    stolen = kvsync("sync", "d.jsonl", "--name", "somebody")
    assert stolen.code == 11
    assert "d.jsonl:1: a is owned by ./d.jsonl; if you renamed it, --adopt" in stolen.err


def test_a_dump_that_names_nothing(kvsync, edge, write):
    """An empty dump is a warning, and deletes nothing unless it may delete all."""
    write("d.jsonl", ONE)
    kvsync("sync", "d.jsonl")
    write("d.jsonl", "")
    call = ("sync", "d.jsonl", "--format", "jsonl")
    assert "names no key at all" in kvsync(*call).err
    assert kvsync(*call, "--delete").code == 11
    assert kvsync(*call, "--delete", "--max-delete", "100%").code == 0
    assert held(edge) == {}


def test_what_is_left_out_is_named(kvsync, edge, write):
    """A key that one dump leaves out is not deleted as the orphan of another, nor as unmanaged."""
    write("old.jsonl", ONE)
    kvsync("sync", "old.jsonl")
    write("old.jsonl", lines({"key": "a", "value": "one"}))
    write("new.jsonl", lines({"key": "b", "value": ""}, {"key": "c", "value": "x"}))
    call = ("old.jsonl", "new.jsonl", "--format", "jsonl", "--empty", "skip")
    assert kvsync("sync", *call, "--delete").code == 0
    assert held(edge) == {"a": "one", "b": "two", "c": "x"}
    edge.put("zone-1", "ns", "b", "theirs")
    kvsync("sync", *call, "--refresh", "--delete-unmanaged", "--force")
    assert "b" in held(edge)


def test_expired_by_the_time(kvsync, edge, write):
    """A pair past its expiry is skipped where that is said; its row is dropped, nothing deleted."""
    write("d.jsonl", lines({"key": "a", "value": "x", "expiration": FOREVER}))
    kvsync("sync", "d.jsonl")
    write("d.jsonl", lines({"key": "a", "value": "x", "expiration": 1000}))
    (run,) = kvsync("sync", "d.jsonl", "--expired", "skip", "--delete", "--json").json["runs"]
    assert (run["summary"]["skipped"], run["summary"]["delete"], run["orphans"]) == (1, 0, [])
    result = kvsync("convert", "d.jsonl", "--expired", "skip", "-o", "out.csv", "--json")
    assert result.json["runs"][0]["summary"]["expired"] == 1


@pytest.mark.parametrize("call", ["sync", "plan", "validate", "convert -o out.csv"])
def test_what_has_expired_is_told_once(kvsync, edge, write, call):
    """Among what a policy leaves out, as somebody has asked for, and not as a warning once more."""
    write("d.jsonl", ONE + lines({"key": "c", "value": "x", "expiration": 1000}))
    form = "--from" if call.startswith("convert") else "--format"
    result = kvsync(*call.split(), "d.jsonl", form, "jsonl", "--expired", "skip")
    assert result.code == 0
    assert result.errors == [
        "kvsync: d.jsonl:3: c: expired (skip)",
        "kvsync: 1 pair with an expiry that has passed: --expired skip",
    ]


@pytest.mark.parametrize("said", ["/nowhere/at all", ""])
def test_a_pipe_without_a_temporary_directory(kvsync, typed, monkeypatch, said):
    """The directories that were tried are named, and the variable that names another one."""
    monkeypatch.setenv("TMPDIR", said)
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: ["/nowhere/at all"])
    typed(ONE)
    result = kvsync("validate", "-", "--format", "jsonl", "--name", "x")
    assert result.code == 4
    tried = f"{said}, /tmp, /var/tmp, /usr/tmp" if said else "/tmp, /var/tmp, /usr/tmp"
    assert f"no temporary directory can be written to (tried {tried}): set TMPDIR" in result.err


def test_a_temporary_directory_that_takes_nothing(kvsync, typed, monkeypatch):
    """It is named, too."""
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    typed(ONE)
    result = kvsync("validate", "-", "--format", "jsonl", "--name", "x")
    assert result.code == 4
    assert "in the temporary directory /nowhere (No such file or directory)" in result.err
    assert "TMPDIR" in result.err


class _Broken(io.RawIOBase):
    def readable(self):
        return True

    def readinto(self, buffer):
        raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_a_pipe_that_cannot_be_read(kvsync, monkeypatch):
    """That is no trouble of the temporary directory."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(_Broken())))
    result = kvsync("validate", "-", "--format", "jsonl", "--name", "x")
    assert result.code == 2
    assert "-: cannot be read: input/output error" in result.err
