"""Failure files that grew old: what their source has said since is not overwritten."""

import json
import os
import re
import time
from pathlib import Path

import pytest

from kvsync.state.sqlite import State
from tests.cli.copying import rows
from tests.cli.failing import FILE, broken, listed
from tests.cli.watching import held

A = "keys: {k: A, z: v}\n"
LAST_WORD = "a later run of its source has had the last word: sync the source itself: k"
BAD = "{value: x, ttl: 999999999999}"
"""A pair that every service refuses."""


@pytest.fixture
def refused(kvsync, edge, manifest):
    """k holds A; then B is refused, and listed; and then the source says A again."""
    manifest(A)
    assert kvsync("sync", "m.yaml").code == 0
    manifest(A.replace("A", "B"))
    with broken(fault="RequestLimitExceeded"):
        result = kvsync("sync", "m.yaml", "--retries", "0", "--failures", FILE)
    assert (result.code, listed().keys(), rows()["k"].in_doubt) == (5, {"k"}, False)
    manifest(A)


def _full(kvsync, manifest, monkeypatch):
    assert "nothing to do" in kvsync("sync", "m.yaml").out


def _twice(kvsync, manifest, monkeypatch):
    _full(kvsync, manifest, monkeypatch)
    _full(kvsync, manifest, monkeypatch)


def _only(kvsync, manifest, monkeypatch):
    assert kvsync("sync", "m.yaml", "--only", "k").code == 0


def _with_another_key_refused(kvsync, manifest, monkeypatch):
    manifest(A.replace("z: v", f"z: {BAD}"))
    assert kvsync("sync", "m.yaml").code == 6


def _with_a_file_of_its_own(kvsync, manifest, monkeypatch):
    manifest(A.replace("z: v", f"z: {BAD}"))
    assert kvsync("sync", "m.yaml", "--failures", "other.jsonl").code == 6


def _by_a_clock_set_back(kvsync, manifest, monkeypatch):
    real = time.time
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: real() - 3600)
        manifest(A.replace("z: v", "z: w"))
        assert kvsync("sync", "m.yaml").code == 0


def _cut_off(kvsync, manifest, monkeypatch):
    with State.write(os.path.abspath(".kvsync/state.db")) as state:
        (target,) = state.targets()
        state.begin_run(target, "./m.yaml", time.time())


def _verified(kvsync, manifest, monkeypatch):
    assert kvsync("sync", "m.yaml", "--verify").code == 0


def _rebuilt(kvsync, manifest, monkeypatch):
    assert kvsync("state", "rebuild", "m.yaml").code == 0


def _rebuilt_with_more_to_do(kvsync, manifest, monkeypatch):
    manifest(A.replace("z: v", "z: w"))
    assert kvsync("state", "rebuild", "m.yaml").code == 0


def _rebuilt_from_nothing(kvsync, manifest, monkeypatch):
    os.unlink(".kvsync/state.db")
    _rebuilt(kvsync, manifest, monkeypatch)


SINCE = [
    _full, _twice, _only, _with_another_key_refused, _with_a_file_of_its_own, _by_a_clock_set_back,
    _cut_off, _verified, _rebuilt, _rebuilt_with_more_to_do, _rebuilt_from_nothing,
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("since", SINCE, ids=lambda since: since.__name__.strip("_"))
def test_what_the_source_has_said_since(kvsync, edge, manifest, refused, monkeypatch, since):
    """Once a run has found the key as its source says, an older file has no say in it."""
    since(kvsync, manifest, monkeypatch)
    for command in ("plan", "sync"):
        result = kvsync(command, FILE)
        assert (result.code, held(edge)["k"]) == (0, "A")
        assert re.search("not sent, since (a later run of its source|something newer)", result.err)
    assert kvsync("sync", "m.yaml").code in {0, 6}
    assert held(edge)["k"] == "A"


@pytest.mark.parametrize("ahead", [-5, 0, 5])
def test_a_file_of_another_machine(kvsync, edge, refused, ahead):
    """Where the state is not that of the run which wrote the file, the clocks tell what was since,
    and that may be a few seconds off."""
    head, _, rest = Path(FILE).read_text().partition("\n")
    fields = json.loads(head)
    fields["written"] += ahead + 0.001
    Path(FILE).write_text(f"{json.dumps(fields)}\n{rest}")
    assert kvsync("sync", "m.yaml").code == 0
    result = kvsync("sync", FILE)
    assert (held(edge)["k"], "not sent, since" in result.err) == ("A", True)


def test_a_rebuild_of_what_is_still_to_be_sent(kvsync, edge, manifest, refused):
    """Where the source says what the file lists, the file is as good after it as before."""
    manifest(A.replace("A", "B"))
    assert kvsync("state", "rebuild", "m.yaml").code == 0
    assert "1 updated" in kvsync("sync", FILE).out
    assert held(edge)["k"] == "B"


def test_a_key_that_is_gone_when_the_state_is_rebuilt(kvsync, edge, manifest):
    """What the source named no more when nothing was left to do does not come back."""
    manifest(A)
    with broken(fault="RequestLimitExceeded"):
        kvsync("sync", "m.yaml", "--retries", "0", "--failures", FILE)
    os.unlink(".kvsync/state.db")
    manifest("keys: {}\n")
    assert kvsync("state", "rebuild", "m.yaml").code == 0
    assert "not sent, since a later run of its source" in kvsync("sync", FILE).err
    assert held(edge) == {}


@pytest.mark.slow
@pytest.mark.parametrize("how", ["renamed", "moved", "only"])
@pytest.mark.parametrize("value", ["A", "C"])
def test_a_key_that_another_source_has_taken_over(
    kvsync, edge, manifest, write, refused, how, value
):
    """It has the last word, be the source another one or of another name; who was refused before is
    not given the key back by an old file."""
    source, more = "m.yaml", []
    if how == "moved":
        source = "n.yaml"
        write("n.yaml", f"version: 1\nkeys: {{k: {value}}}\n")
    else:
        manifest(f"name: new\n{A.replace('A', value)}")
        more = ["--only", "k"] if how == "only" else []
    assert kvsync("sync", source, "--adopt", *more).code == 0
    result = kvsync("sync", FILE, "--adopt")
    assert (result.code, held(edge)["k"]) == (0, value)
    assert "not sent, since" in result.err
    assert kvsync("plan", source, *more).code == 0


@pytest.mark.parametrize("source", ["m.yaml", "n.yaml"])
def test_a_key_taken_over_in_a_state_that_knows_no_file(
    kvsync, edge, manifest, write, refused, source
):
    """Of a file that another machine wrote the clocks tell whether its key has been taken over."""
    write("n.yaml", "version: 1\nkeys: {k: A}\n")
    manifest(f"name: new\n{A}")
    head, _, rest = Path(FILE).read_text().partition("\n")
    fields = json.loads(head)
    fields["written"] += 0.001
    Path(FILE).write_text(f"{json.dumps(fields)}\n{rest}")
    assert kvsync("sync", source, "--adopt").code == 0
    result = kvsync("sync", FILE, "--adopt")
    assert (result.code, held(edge)["k"]) == (0, "A")
    assert LAST_WORD in result.err


@pytest.mark.slow
def test_a_key_that_could_not_be_taken_over(kvsync, edge, manifest, write):
    """The file of who is to take over a key may be sent until its owner has been at it again."""
    write("n.yaml", "version: 1\nkeys: {k: A}\n")
    assert kvsync("sync", "n.yaml").code == 0
    manifest("keys: {k: B}\n")
    with broken(fault="RequestLimitExceeded"):
        kvsync("sync", "m.yaml", "--retries", "0", "--failures", FILE, "--adopt")
        kvsync("sync", FILE, "--retries", "0", "--adopt")
    assert "1 to update" in kvsync("plan", FILE, "--adopt").out
    assert kvsync("sync", "n.yaml").code == 0
    assert "not sent, since" in kvsync("plan", FILE, "--adopt").err


def test_nothing_since(kvsync, edge, refused):
    """Without any later run the file is what its source has said last."""
    assert "1 updated" in kvsync("sync", FILE).out
    assert held(edge)["k"] == "B"


def test_a_retry_that_was_cut_off(kvsync, edge, refused):
    """A retry that did not come to its end may be repeated."""
    with State.write(os.path.abspath(".kvsync/state.db")) as state:
        (target,) = state.targets()
        state.begin_run(target, "./m.yaml", time.time(), partial=True)
    assert "1 updated" in kvsync("sync", FILE).out


@pytest.mark.slow
def test_the_same_value_refused_again(kvsync, edge, manifest, refused):
    """A later run that could not deliver the same value either leaves the file as good as it was,
    one that could not deliver another value does not."""
    manifest(A.replace("A", "B"))
    with broken(fault="RequestLimitExceeded"):
        kvsync("sync", "m.yaml", "--retries", "0")
    assert "1 to update" in kvsync("plan", FILE).out
    manifest(A.replace("A", "C"))
    with broken(fault="RequestLimitExceeded"):
        kvsync("sync", "m.yaml", "--retries", "0", "--failures", "later.jsonl")
    assert LAST_WORD in kvsync("plan", FILE).err
    assert "1 updated" in kvsync("sync", "later.jsonl").out
    assert "something newer got through meanwhile: k" in kvsync("sync", FILE).err
    assert held(edge)["k"] == "C"


@pytest.mark.slow
def test_a_key_that_was_renamed(kvsync, edge, manifest, refused):
    """Under its old name nothing is sent any more, be the old pair deleted or not."""
    manifest("keys: {k2: B, z: v}\n")
    assert kvsync("sync", "m.yaml").code == 0
    assert LAST_WORD in kvsync("sync", FILE).err
    assert kvsync("sync", "m.yaml", "--delete", "--force").code == 0
    assert "went through without it: k" in kvsync("sync", FILE).err
    assert held(edge) == {"k2": "B", "z": "v"}


def test_a_key_in_doubt(kvsync, edge, manifest):
    """A key that is in doubt is tried again from the file, until a run of its source is through."""
    manifest(A)
    assert kvsync("sync", "m.yaml").code == 0
    manifest(A.replace("A", "B"))
    with broken():
        kvsync("sync", "m.yaml", "--retries", "0", "--failures", FILE)
    assert rows()["k"].in_doubt
    assert "1 to update" in kvsync("plan", FILE).out
    manifest("keys: {z: v}\n")
    assert kvsync("sync", "m.yaml").code == 0
    assert LAST_WORD in kvsync("plan", FILE).err


@pytest.mark.slow
def test_a_run_that_ends_before_it_reads(kvsync, edge, manifest, refused, monkeypatch):
    """What is listed makes void what a run without anything to do has kept."""
    monkeypatch.setattr("kvsync.sources.files._TICK", -3600.0)
    for _ in range(2):
        kvsync("sync", "m.yaml")
    manifest(A.replace("A", "B"))
    monkeypatch.delenv("TENCENTCLOUD_SECRET_ID")
    with monkeypatch.context() as patch:
        patch.setenv("TENCENTCLOUD_SECRET_KEY", "")
        assert kvsync("sync", "m.yaml", "--failures", FILE).code == 7
    monkeypatch.setenv("TENCENTCLOUD_SECRET_ID", "AKIDtest")
    manifest(A)
    assert "nothing to do" in kvsync("sync", "m.yaml").out
    assert LAST_WORD in kvsync("sync", FILE).err
    assert held(edge)["k"] == "A"
