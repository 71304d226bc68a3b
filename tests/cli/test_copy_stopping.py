"""``kvsync copy`` where something ends it: signals, kills, a side that goes wrong."""

import json
import signal
from contextlib import ExitStack

import pytest

from kvsync.emulator.options import EmulatorOptions
from tests.cli.copying import Sides, rows
from tests.cli.watching import asked, counted
from tests.emulator.raw import Pair, post, signed
from tests.servers import ServedEmulator
from tests.waiting import until

WINDOW = 64
WORKERS = 64
"""How many requests may be in flight."""


@pytest.fixture
def between(monkeypatch):
    """Lets something happen between the plan and the sending."""

    def happens(deed) -> None:
        def approve(*_: object) -> bool:
            deed()
            return True

        monkeypatch.setattr("kvsync.cli.console.Console.approve", approve)

    return happens


def refused(result) -> tuple:
    """How a run ended: exit code, kind of error, how many keys were sent."""
    document = result.json
    return result.code, document["error"]["kind"], document["runs"][0]["summary"]["create"]


@pytest.mark.slow
@pytest.mark.parametrize("sent", [100, 150])
def test_killed(kvsync, sides, sent):
    """After a kill the next copy sends what is missing, and what was under way or marked."""
    sides.fill(400)
    with sides.start("--rate", "100") as child:
        until(lambda: len(sides.target) >= sent)
        child.kill()
    there = len(sides.target)
    assert sent <= there < 400
    with counted(sides.new) as seen:
        assert kvsync(*sides.command).code == 0
    assert sides.target == sides.source
    assert 400 - there <= seen["EdgeKVPut"] <= 400 - there + WORKERS + WINDOW
    assert "nothing to do" in kvsync(*sides.command).out


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_sending(kvsync, sides, number, code):
    """A signal stops both sides at once: what is in flight ends, and the state is saved."""
    sides.fill(400)
    with sides.start("--rate", "50", "--json") as child:
        until(lambda: len(sides.target) >= 10)
        child.send_signal(number)
        out, err = child.communicate(timeout=20)
    summary = json.loads(out)["runs"][0]["summary"]
    assert child.returncode == code
    assert summary["create"] + summary["skipped"] == 400
    assert "run the same command again to go on" in err
    assert set(rows()) == set(sides.target)
    assert not any(row.in_doubt for row in rows().values())
    with counted(sides.new) as seen:
        assert kvsync(*sides.command).code == 0
    assert seen == {"EdgeKVPut": 400 - summary["create"]}


@pytest.mark.slow
@pytest.mark.parametrize("signals", [1, 2])
def test_a_signal_while_a_value_is_read_again_and_again(serve_emulator, clean_environment, signals):
    """A side that answers no more does not hold up a stop, however patient its retries are."""
    home = clean_environment.parent / "home"
    sides = Sides.serve(serve_emulator, home)
    with ServedEmulator(EmulatorOptions(namespaces=("ns",), rate=0)) as old:
        sides = Sides(old, sides.new)
        sides.fill(5)
        child = sides.start("-i", "-vv", "--retries", "1000", "--grace", "1h", "--json")
        until(lambda: child.stderr.read(1) == "[")
    with child:
        child.stdin.write("y\n")
        child.stdin.flush()
        until(lambda: "EdgeKVGet 5 keys: ConnectionError" in child.stderr.readline())
        for _ in range(signals):
            child.send_signal(signal.SIGINT)
        out, _ = child.communicate(timeout=20)
    assert child.returncode == 130
    assert json.loads(out)["runs"][0]["summary"]["skipped"] == 5
    assert asked(sides.new) == {}


@pytest.mark.slow
@pytest.mark.parametrize("options", [["-n"], []])
def test_a_signal_while_reading(sides, serve_emulator, options):
    """A signal while the one side is read for the plan ends the copy; nothing is sent."""
    stuck = serve_emulator(fault=1.0, faults=frozenset({"hang"}))
    with Sides(stuck, sides.new).start("--json", *options) as child:
        until(lambda: stuck.arrivals)
        child.send_signal(signal.SIGTERM)
        out, err = child.communicate(timeout=20)
    document = json.loads(out)
    assert (child.returncode, document["exit_code"], document["error"]) == (143, 143, None)
    assert (err, asked(sides.new)) == ("", {})


@pytest.mark.slow
@pytest.mark.parametrize("options", [["-n"], [], ["--delete", "--max-delete", "100%"]])
def test_a_side_that_refuses(kvsync, sides, options):
    """A fatal answer of the one side ends the copy before anything is sent or deleted."""
    sides.fill(3)
    kvsync(*sides.command, "--name", "shop")
    with counted(sides.new) as seen:
        result = kvsync(*sides.command, "--from-namespace", "none", "--name", "shop",
                        *options, "--json")  # fmt: skip
        assert refused(result) == (7, "fatal", 0)
        assert "error: reading zone-1/none: ResourceUnavailable.NamespaceNotFound" in result.err
        wrong = kvsync(*sides.command, "--from-profile", "new", *options, "--json")
        assert refused(wrong) == (7, "fatal", 0)
        missing = kvsync(*sides.command, "--from-profile", "none", *options, "--json")
        assert refused(missing) == (7, "fatal", 0)
    assert seen == {}


def test_a_key_that_cannot_be_read(kvsync, sides, serve_emulator):
    """A key that cannot be read is not taken for one that has gone: nothing is sent or deleted."""
    sides.fill(2)
    kvsync(*sides.command)
    # The seed lets the List pass, and the Get fail.
    failing = serve_emulator(fault=0.5, seed=10, faults=frozenset({"InternalError"}))
    failing.put("zone-1", "ns", "k0", "new")
    command = Sides(failing, sides.new).command
    with counted(sides.new) as seen:
        result = kvsync(*command, "--retries", "0", "--delete", "--force", "--json")
    assert (refused(result), seen) == ((5, "passing", 0), {})
    assert "error: reading zone-1/ns: k0 could not be read: InternalError" in result.err
    assert asked(failing) == {"EdgeKVList": 1, "EdgeKVGet": 1}


@pytest.mark.slow
def test_what_changes_before_it_is_sent(kvsync, sides, between):
    """What is sent is what the one side holds by then; what has gone is a failure of its key."""
    sides.fill(30)

    def deed() -> None:
        sides.old.put("zone-1", "ns", "k3", "newer", 4102444800)
        sides.old.delete("zone-1", "ns", "k4")

    between(deed)
    result = kvsync(*sides.command, "--json")
    (failure,) = result.json["runs"][0]["failures"]
    assert (result.code, failure["key"], failure["code"]) == (5, "k4", "SourceChanged")
    assert failure["message"] == "it has gone from the source since the plan was made"
    assert sides.target == sides.source
    between(lambda: None)
    assert "nothing to do" in kvsync(*sides.command).out


def test_a_side_that_refuses_midway(kvsync, edge, between):
    """A fatal answer while values are read ends the run as such; the state knows what was sent."""
    for n in range(30):
        edge.put("zone-1", "ns", f"k{n}", "v")

    def deed() -> None:
        body = b'{"ZoneId": "zone-1", "Namespace": "ns"}'
        headers = signed(edge, "DeleteEdgeKVNamespace", body, keys=Pair("AKIDtest", "any"))
        assert b"Error" not in post(edge, body, headers).body

    between(deed)
    command = ["copy", "--from-namespace", "ns", "--to-namespace", "other", "--create-namespace"]
    result = kvsync(*command, "--delete", "--json")
    assert refused(result) == (7, "fatal", 0)
    assert "error: reading zone-1/ns: ResourceUnavailable.NamespaceNotFound" in result.err
    assert result.json["runs"][0]["summary"]["skipped"] == 30
    assert edge.pairs("zone-1", "other") == {}
    assert not any(row.in_doubt for row in rows().values())


@pytest.mark.slow
def test_a_side_that_dies_midway(kvsync, sides, between):
    """A side that answers no more ends the run once eight calls in a row were in vain."""
    with ExitStack() as stack:
        old = stack.enter_context(ServedEmulator(EmulatorOptions(namespaces=("ns",), rate=0)))
        dying = Sides(old, sides.new)
        dying.fill(300)
        between(stack.close)
        result = kvsync(*dying.command, "--retries", "0", "--json")
    assert refused(result) == (5, "passing", 0)
    assert "error: reading zone-1/ns: ConnectionError" in result.err
    assert asked(sides.new) == {}
