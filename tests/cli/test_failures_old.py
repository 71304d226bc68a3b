"""Failure files that later runs of their source have left behind."""

import time
from pathlib import Path

import pytest

from tests.cli.failing import FILE, broken, header, listed, manifest_of
from tests.cli.test_failures_left import gone
from tests.cli.watching import held, long_ago

WORDS = "not sent, since a later run of its source went through without it"


@pytest.fixture
def outdated(kvsync, edge, manifest):
    """k1, k2 and k3 did not get through with old values; then the run says what is left of them."""

    def run(*options: str) -> None:
        manifest(manifest_of(1, 2, 3))
        with broken():
            kvsync("sync", "m.yaml", "--retries", "0", "--failures", FILE)
        manifest("keys: {k1: new1, k2: new2, k3: new3}\n")
        assert kvsync("sync", "m.yaml").code == 0
        manifest("keys: {k1: new1}\n")
        assert kvsync("sync", "m.yaml", "--delete", "--max-delete", "100%", *options).code == 0

    return run


def test_deleted_since(kvsync, edge, outdated):
    """A key that was deleted since does not come back."""
    outdated()
    result = kvsync("sync", FILE)
    assert (result.code, held(edge)) == (0, {"k1": "new1"})
    assert f"kvsync: warning: {FILE}: {WORDS}: k2, k3" in result.errors


def test_never_there_and_let_go_since(kvsync, edge, manifest):
    """Nor is a key sent that the source has let go of before it ever got through."""
    manifest("keys: {k1: v1, k2: {value: x, ttl: 999999999999}}\n")
    assert kvsync("sync", "m.yaml", "--failures", FILE).code == 6
    assert listed().keys() == {"k2"}
    manifest(manifest_of(1))
    assert kvsync("sync", "m.yaml").code == 0
    result = kvsync("sync", FILE)
    assert (result.code, held(edge)) == (0, {"k1": "v1"})
    assert f"{WORDS}: k2" in result.err


@pytest.mark.parametrize("later", ["only", "failing", "retry", "plan", "none"])
def test_runs_that_prove_nothing(kvsync, edge, manifest, later):
    """Part of the source, or a run that did not go through, says nothing of the other keys."""
    manifest("keys: {k1: v1, k2: {value: x, ttl: 999999999999}}\n")
    with broken(1):
        kvsync("sync", "m.yaml", "--retries", "0", "--workers", "1", "--failures", FILE)
    if later == "only":
        assert kvsync("sync", "m.yaml", "--only", "k1").code == 0
    if later == "failing":
        assert kvsync("sync", "m.yaml").code == 6
    if later == "retry":
        lines = Path(FILE).read_text().splitlines(keepends=True)
        Path("k1.jsonl").write_text("".join(line for line in lines if '"k2"' not in line))
        assert kvsync("sync", "k1.jsonl").code == 0
    if later == "plan":
        manifest(manifest_of(1))
        kvsync("plan", "m.yaml")
    assert "k2" in [c["key"] for c in kvsync("plan", FILE, "--json").json["runs"][0]["changes"]]


def test_a_run_before(kvsync, edge, manifest):
    """A run that went through before the file was written is no reason to leave anything out."""
    manifest(manifest_of(1))
    assert kvsync("sync", "m.yaml").code == 0
    manifest("keys: {k1: v1, k2: {value: x, ttl: 999999999999}}\n")
    assert kvsync("sync", "m.yaml", "--failures", FILE).code == 6
    assert kvsync("plan", FILE, "--json").json["runs"][0]["summary"]["create"] == 1


@pytest.mark.parametrize("ahead", [-7200, 7200])
def test_clocks_that_differ(kvsync, edge, serve_emulator, manifest, monkeypatch, ahead):
    """The file's time is the service's, a run's is this machine's: the offset is in between."""
    other = serve_emulator(clock=lambda: time.time() + ahead)
    monkeypatch.setenv("KVSYNC_ENDPOINT", other.url)
    manifest(manifest_of(1))
    assert kvsync("sync", "m.yaml").code == 0
    manifest("keys: {k1: v1, k2: {value: x, ttl: 999999999999}}\n")
    assert kvsync("sync", "m.yaml", "--failures", FILE).code == 6
    assert kvsync("plan", FILE, "--json").json["runs"][0]["summary"]["create"] == 1
    manifest(manifest_of(1))
    assert kvsync("sync", "m.yaml").code == 0
    assert WORDS in kvsync("plan", FILE).err


def test_lost_keys_that_were_let_go(kvsync, edge, manifest):
    """Of a key without a value it is as well known that nobody misses it any more."""
    manifest(manifest_of(1, 2))
    with broken():
        kvsync("sync", "m.yaml", "--retries", "0", "--failures", FILE)
    gone("k2")
    assert kvsync("sync", "m.yaml").code == 0
    long_ago()
    manifest(manifest_of(1))
    assert kvsync("sync", "m.yaml", "--delete", "--max-delete", "100%").code == 0
    result = kvsync("sync", FILE, "--failures", FILE)
    assert (result.code, listed()) == (0, {})
    assert header()["owner"] == "./m.yaml"
