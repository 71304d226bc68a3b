"""``--failures FILE``: what it lists, and when it is written."""

import json
import math
import os
import signal
import subprocess
import time

import pytest

from kvsync.model.errors import OutputError
from tests.cli.copying import KVSYNC
from tests.cli.failing import FILE, broken, header, listed, manifest_of
from tests.cli.watching import held, long_ago
from tests.waiting import until

REJECTED = "{value: x, ttl: 999999999999}"
"""Longer than the service takes."""


@pytest.fixture
def between(monkeypatch):
    """Lets something happen between the plan and the sending."""

    def happens(deed) -> None:
        def approve(*_: object) -> bool:
            deed()
            return True

        monkeypatch.setattr("kvsync.cli.console.Console.approve", approve)

    return happens


@pytest.mark.slow
def test_what_a_line_says(kvsync, edge, manifest, clean_environment):
    """A line has the pair as it was to be sent, what became of it, and where it stands."""
    manifest(
        'keys:\n  a: {value: "on\\ne", expires: 2100-01-01T00:00:00Z}\n'
        "  b: {value: two, ttl: 1d}\n  c: thrée\n"
    )
    before = math.floor(time.time())
    with broken():
        result = kvsync("sync", "m.yaml", "--retries", "1", "--failures", FILE)
    assert result.code == 5
    first = header()
    assert before <= first.pop("written") <= time.time() + 1
    assert first == {
        "format": "kvsync-failures", "version": 1, "owner": "./m.yaml", "zone": "zone-1",
        "namespace": "ns", "endpoint": f"emulator:{edge.uuid}", "home": str(clean_environment),
        "state": "",
    }  # fmt: skip
    lines = listed()
    assert all(line.pop("request_id") for line in lines.values())
    same = {
        "action": "create", "outcome": "failed", "code": "InternalError",
        "message": "An internal error has occurred (injected)", "attempts": 2,
    }  # fmt: skip
    assert list(lines.values()) == [
        {"key": "a", "value": "on\ne", "expiration": 4102444800, **same, "origin": "m.yaml:3"},
        {"key": "b", "value": "two", "expiration_ttl": 86400, **same, "origin": "m.yaml:4"},
        {"key": "c", "value": "thrée", **same, "origin": "m.yaml:5"},
    ]
    assert result.errors[-1] == (
        f"kvsync: 3 keys did not get through: kvsync sync {FILE} retries them"
    )


def test_rejected_keys(kvsync, edge, manifest):
    """A key that was rejected is listed, and one that got through is not."""
    manifest(f"keys: {{a: one, b: {REJECTED}}}\n")
    result = kvsync("sync", "m.yaml", "--failures", FILE, "--json")
    assert (result.code, held(edge)) == (6, {"a": "one"})
    assert {key: line["outcome"] for key, line in listed().items()} == {"b": "rejected"}
    assert result.json["runs"][0]["failures_file"] == FILE
    assert "kvsync: 1 key did not get through" in result.err


def test_keys_after_an_abort(kvsync, edge, manifest):
    """After twenty refusals alike the run ends; the keys that were never tried are listed, too."""
    manifest("keys: {" + ", ".join(f"k{n}: {REJECTED}" for n in range(150)) + "}\n")
    result = kvsync("sync", "m.yaml", "--workers", "1", "--failures", FILE, "--json")
    assert result.code == 7
    lines = listed()
    assert list(lines) == [f"k{n}" for n in range(150)]
    assert [line["outcome"] for line in lines.values()] == ["rejected"] * 20 + ["skipped"] * 130
    assert {line["value"] for line in lines.values()} == {"x"}
    last = lines["k149"]
    assert (last["code"], last["attempts"], last["request_id"]) == ("", 0, "")
    assert last["message"] == "never tried: the run ended before"


def test_deletes(kvsync, edge, manifest):
    """A delete that did not get through has no value; the way back is the source itself."""
    manifest(manifest_of(1, 2))
    kvsync("sync", "m.yaml")
    long_ago()
    manifest(manifest_of(1))
    with broken():
        result = kvsync("sync", "m.yaml", "--delete", "--retries", "0", "--failures", FILE)
    assert result.code == 5
    line = listed()["k2"]
    assert (line["action"], line["outcome"], "value" in line) == ("delete", "failed", False)
    assert result.errors[-1] == ("kvsync: 1 delete did not get through: run the same command again")
    assert "nothing to do" in kvsync("sync", FILE).out


def test_deletes_that_a_failed_push_kept_back(kvsync, edge, manifest):
    """They were skipped, and are listed behind the push."""
    manifest(manifest_of(1, 2))
    kvsync("sync", "m.yaml")
    long_ago()
    manifest(f"keys: {{k1: {REJECTED}}}\n")
    assert kvsync("sync", "m.yaml", "--delete", "--failures", FILE).code == 6
    assert [(line["action"], line["outcome"]) for line in listed().values()] == [
        ("update", "rejected"), ("delete", "skipped"),
    ]  # fmt: skip


@pytest.mark.parametrize("first", [True, False])
def test_all_well(kvsync, edge, manifest, first):
    """A run in which all goes well leaves the header alone, so that no old file misleads."""
    manifest(manifest_of(1, 2))
    with broken():
        kvsync("sync", "m.yaml", "--retries", "0", "--failures", FILE)
    assert len(listed()) == 2
    if not first:
        kvsync("sync", "m.yaml")
    result = kvsync("sync", "m.yaml", "--failures", FILE)
    assert (result.code, result.err, listed()) == (0, "", {})
    assert header()["owner"] == "./m.yaml"


def test_by_a_variable(kvsync, edge, manifest, monkeypatch):
    """KVSYNC_FAILURES names the file, too."""
    monkeypatch.setenv("KVSYNC_FAILURES", FILE)
    manifest(manifest_of(1))
    assert kvsync("sync", "m.yaml").code == 0
    assert listed() == {}


def test_it_is_private(kvsync, edge, manifest, monkeypatch, clean_environment):
    """Nobody else can read it, from its first byte on; it has neither secret id nor key."""
    manifest(manifest_of(1))
    modes = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        modes.append(os.fstat(descriptor).st_mode & 0o777)
        real(descriptor)

    monkeypatch.setattr("kvsync.formats.output.files.os.fsync", fsync)
    before = os.umask(0)
    try:
        with broken():
            kvsync("sync", "m.yaml", "--retries", "0", "--failures", FILE)
    finally:
        os.umask(before)
    path = clean_environment / FILE
    assert (modes[-1], path.stat().st_mode & 0o777) == (0o600, 0o600)
    assert not (clean_environment / f"{FILE}.part").exists()
    text = path.read_text()
    assert "AKIDtest" not in text
    assert "secret-of-the-test" not in text


@pytest.mark.slow
def test_interrupted(edge, manifest, monkeypatch, kvsync):
    """After Ctrl-C the file has all that was not sent; a sync of it and nothing else remains."""
    monkeypatch.setenv("KVSYNC_RATE", "20")
    manifest(manifest_of(*range(200)))
    command = [*KVSYNC, "sync", "m.yaml", "--json", "--failures", FILE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        until(lambda: len(held(edge)) >= 5)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=20)
    assert child.returncode == 130
    sent, lines = held(edge), listed()
    assert {line["outcome"] for line in lines.values()} == {"skipped"}
    assert sent.keys() | lines.keys() == {f"k{n}" for n in range(200)}
    assert not sent.keys() & lines.keys()
    assert f"{len(lines)} keys did not get through: kvsync sync {FILE} retries them" in err.decode()
    assert json.loads(out)["runs"][0]["summary"]["skipped"] == len(lines)
    result = kvsync("sync", FILE, "--rate", "100000", "--json")
    assert result.json["runs"][0]["summary"]["create"] == len(lines)
    assert "nothing to do" in kvsync("sync", "m.yaml").out


@pytest.mark.slow
def test_cut_off(serve_emulator, edge, manifest):
    """A second Ctrl-C leaves keys in doubt: they are listed as failed."""
    stuck = serve_emulator(fault=1.0, faults=frozenset({"hang"}))
    manifest(manifest_of(*range(100)))
    command = [*KVSYNC, "sync", "m.yaml", "--endpoint", stuck.url, "--failures", FILE]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as child:
        until(lambda: any(action == "EdgeKVPut" for _, action in stuck.arrivals))
        child.send_signal(signal.SIGINT)
        assert child.stderr
        assert "stopping" in child.stderr.readline()
        child.send_signal(signal.SIGINT)
        child.communicate(timeout=20)
    assert child.returncode == 130
    lines = listed()
    assert len(lines) == 100
    failed = [line for line in lines.values() if line["outcome"] == "failed"]
    assert {line["code"] for line in failed} == {"Interrupted"}
    assert {line["outcome"] for line in lines.values()} == {"failed", "skipped"}


def test_a_value_that_is_gone(kvsync, edge, write, between, clean_environment):
    """A value that cannot be read again is said to be lost; a retry of the file leaves it out."""
    write("tree/a", "one")
    write("tree/b", "two")
    between(lambda: (clean_environment / "tree" / "a").unlink(missing_ok=True))
    with broken():
        result = kvsync("sync", "tree", "--retries", "0", "--failures", FILE)
    assert result.code == 5
    lines = listed()
    assert "value" not in lines["a"]
    assert lines["a"]["lost"]
    assert lines["b"]["value"] == "two"
    assert result.errors[-2:] == [
        f"kvsync: 1 key did not get through: kvsync sync {FILE} retries it",
        f"kvsync: 1 key did not get through, without a value in {FILE}: run the same command again",
    ]
    again = kvsync("sync", FILE)
    assert (again.code, held(edge)) == (5, {"b": "two"})
    assert "1 pair with no value at all in the dump: left out" in again.err


def test_a_dry_run_writes_nothing(kvsync, edge, manifest, clean_environment):
    """Neither -n nor a declined -i touches the file."""
    manifest(manifest_of(1))
    assert kvsync("sync", "m.yaml", "-n", "--failures", FILE).code == 0
    assert not (clean_environment / FILE).exists()


@pytest.mark.parametrize("code", [4, 7])
def test_a_file_that_cannot_be_written(kvsync, edge, manifest, monkeypatch, code):
    """The run is reported all the same, with exit 4 if nothing worse has happened."""
    manifest(
        manifest_of(1)
        if code == 4
        else f"keys: {{{', '.join(f'k{n}: {REJECTED}' for n in range(30))}}}\n"
    )

    def full(*_: object, **__: object) -> None:
        raise OutputError(f"cannot write {FILE}: No space left on device")

    monkeypatch.setattr("kvsync.engine.failure_file.open_anew", full)
    result = kvsync("sync", "m.yaml", "--failures", FILE, "--json")
    assert (result.code, held(edge)) == (code, {"k1": "v1"} if code == 4 else {})
    assert f"cannot write {FILE}: No space left on device" in result.err
    assert "failures_file" not in result.json["runs"][0]
    assert result.json["runs"][0]["summary"]["create"] == len(held(edge))
