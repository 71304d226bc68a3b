"""Ctrl-C and SIGTERM, sent to a real process."""

import asyncio
import json
import os
import signal
import subprocess
import sys

import pytest

from kvsync.emulator.server import Emulator
from kvsync.state.sqlite import State
from tests.waiting import until


@pytest.fixture
def start(edge, manifest, monkeypatch):
    """Starts a sync of 200 keys in a process of its own."""
    monkeypatch.setenv("KVSYNC_RATE", "20")
    manifest("keys: {" + ", ".join(f"k{n}: v" for n in range(200)) + "}\n")
    children = []

    def started(*options: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "kvsync", "sync", "m.yaml", "--json", *options]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        children.append(child)
        return child

    yield started
    for child in children:
        child.kill()
        child.communicate()


def until_sending(edge) -> None:
    """Wait until the service has seen a few writes."""
    until(lambda: len(edge.pairs("zone-1", "ns")) >= 5)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_soft_stop(start, edge, clean_environment, number, code):
    """A signal ends the run within the grace time: state saved, summary printed, 128 + signal."""
    child = start()
    until_sending(edge)
    child.send_signal(number)
    out, err = child.communicate(timeout=20)
    assert child.returncode == code
    assert err == (
        "kvsync: stopping: requests in flight get 10 s to finish; once more stops at once\n"
        "kvsync: m.yaml: run the same command again to go on\n"
    )
    summary = json.loads(out)["runs"][0]["summary"]
    held = edge.pairs("zone-1", "ns")
    assert 5 <= summary["create"] == len(held) < 200
    assert summary["create"] + summary["skipped"] == 200
    with State.read(str(clean_environment / ".kvsync" / "state.db")) as state:
        (target,) = state.targets()
        assert set(state.rows(target)) == set(held)
        assert state.runs(target, "./m.yaml")[0].exit_code == code


@pytest.mark.slow
def test_second_signal(start, serve_emulator, clean_environment):
    """A second signal does not wait for requests in flight: their keys stay in doubt."""
    stuck = serve_emulator(fault=1.0, faults=frozenset({"hang"}))
    child = start("--endpoint", stuck.url, "--grace", "1h")
    until(lambda: any(action == "EdgeKVPut" for _, action in stuck.arrivals))
    child.send_signal(signal.SIGINT)
    assert child.stderr.readline().startswith("kvsync: stopping")
    child.send_signal(signal.SIGINT)
    out, _ = child.communicate(timeout=20)
    assert child.returncode == 130
    failures = json.loads(out)["runs"][0]["failures"]
    assert failures[0]["code"] == "Interrupted"
    with State.read(str(clean_environment / ".kvsync" / "state.db")) as state:
        rows = state.rows(state.targets()[0])
    assert {key for key, row in rows.items() if row.in_doubt} == {f["key"] for f in failures}


@pytest.mark.slow
def test_killed_run(start, edge, kvsync, clean_environment):
    """After SIGKILL the lock is free, and the next run completes without a false "unchanged"."""
    child = start()
    until_sending(edge)
    child.kill()
    child.wait()
    document = kvsync("sync", "m.yaml", "--json", "--rate", "100000").json
    assert document["exit_code"] == 0
    assert len(edge.pairs("zone-1", "ns")) == 200
    reasons = {change["reason"] for change in document["runs"][0]["changes"]}
    assert reasons == {"not in the state", "last outcome unknown"}
    assert "nothing to do" in kvsync("sync", "m.yaml").out


class StuckCredentials:
    """Credentials whose provider never answers; a signal comes while it is waited for."""

    def __init__(self, number: int) -> None:
        self.number = number

    async def get(self) -> None:
        os.kill(os.getpid(), self.number)
        await asyncio.Event().wait()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_before_anything_is_sent(kvsync, edge, manifest, monkeypatch, number, code):
    """A signal while credentials are fetched ends the run; nothing was sent or marked."""
    manifest("keys: {a: one}\n")
    stuck = StuckCredentials(number)
    monkeypatch.setattr("kvsync.engine.connections.default_credentials", lambda *_, **__: stuck)
    result = kvsync("sync", "m.yaml", "--json")
    assert (result.code, edge.pairs("zone-1", "ns")) == (code, {})
    assert result.json["runs"][0]["summary"]["skipped"] == 1
    assert "1 to create" in kvsync("plan", "m.yaml").out


@pytest.mark.slow
def test_signal_stops_all_sources(start, edge, write):
    """A signal during the first of two sources keeps the second from being tried."""
    write("tree/x", "1")
    child = start("tree")
    until_sending(edge)
    child.send_signal(signal.SIGINT)
    out, _ = child.communicate(timeout=20)
    document = json.loads(out)
    assert [run["exit_code"] for run in document["runs"]] == [130, 130]
    assert document["runs"][1]["summary"]["skipped"] == 1
    assert "x" not in edge.pairs("zone-1", "ns")


def test_signal_between_two_sources(kvsync, write, monkeypatch):
    """A signal after the first source's push keeps the second from being sent, and is heard."""
    write("x/m.yaml", "version: 1\nkeys: {a: one}\n")
    write("y/m.yaml", "version: 1\nkeys: {b: two}\n")
    real = Emulator.__aenter__
    started = []

    async def enter(emulator: Emulator) -> Emulator:
        started.append(emulator)
        if len(started) == 2:
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.Event().wait()
        return await real(emulator)

    monkeypatch.setattr(Emulator, "__aenter__", enter)
    result = kvsync("sync", "x/m.yaml", "y/m.yaml", "--local", "--json")
    assert result.code == 130
    x, y = result.json["runs"]
    assert (x["exit_code"], x["summary"]["create"]) == (0, 1)
    assert (y["exit_code"], y["summary"]["skipped"]) == (130, 1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_after_the_push(kvsync, edge, manifest, monkeypatch, number):
    """A signal that comes when all is sent costs neither the state's last rows nor the report."""
    manifest("keys: {a: one}\n")
    real = State.end_run

    def end_run(*args: object) -> None:
        os.kill(os.getpid(), number)
        real(*args)

    monkeypatch.setattr(State, "end_run", end_run)
    result = kvsync("sync", "m.yaml", "--json")
    assert (result.code, result.json["runs"][0]["summary"]["create"]) == (0, 1)
    monkeypatch.undo()


@pytest.mark.slow
def test_many_signals(start, edge):
    """However often Ctrl-C is pressed, there is one document, and it has the exit code."""
    child = start("--progress", "none")
    until_sending(edge)
    for _ in range(6):
        child.send_signal(signal.SIGINT)
    out, _ = child.communicate(timeout=20)
    document = json.loads(out)
    assert (child.returncode, document["exit_code"]) == (130, 130)
    summary = document["runs"][0]["summary"]
    assert summary["create"] + summary["failed"] + summary["skipped"] == 200


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize(
    "command", ["verify m.yaml", "plan m.yaml --refresh", "sync m.yaml --refresh", "get a"]
)
def test_signal_while_reading(serve_emulator, credentials, manifest, command, number, code):
    """A read that is interrupted is not waited for: nothing is compared, planned or sent."""
    stuck = serve_emulator(fault=1.0, faults=frozenset({"hang"}))
    manifest("keys: {a: one, b: two}\n")
    target = ["--endpoint", stuck.url, "--zone", "zone-1", "--namespace", "ns", "--json"]
    with subprocess.Popen(
        [sys.executable, "-m", "kvsync", *command.split(), *target],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as child:  # fmt: skip
        until(lambda: any(action == "EdgeKVGet" for _, action in stuck.arrivals))
        child.send_signal(number)
        out, err = child.communicate(timeout=20)
    assert (child.returncode, json.loads(out)["exit_code"]) == (code, code)
    assert "Traceback" not in err
    assert not any(action == "EdgeKVPut" for _, action in stuck.arrivals)
