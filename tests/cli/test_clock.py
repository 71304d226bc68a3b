"""A machine whose clock is wrong."""

import os
import time
from email.utils import formatdate
from functools import partial

import pytest

from kvsync.edgekv.namespace import Namespace
from kvsync.engine.call import Call
from kvsync.state.sqlite import State
from tests.middlebox import Exchange, middlebox, with_date


@pytest.mark.parametrize("hours", [1, -1])
def test_clock_off_by_an_hour(kvsync, edge, serve_emulator, manifest, hours):
    """A clock that is off by an hour is corrected for the run, with a warning."""
    offset = 3600 * hours
    other = serve_emulator(clock=lambda: time.time() + offset)
    manifest("keys: {a: one, b: {value: two, ttl: 2h}}\n")
    result = kvsync("sync", "m.yaml", "--endpoint", other.url)
    assert result.code == 0
    assert len([line for line in result.errors if "clock" in line]) == 1
    assert "corrected" in result.err
    pairs = other.pairs("zone-1", "ns")
    assert pairs["a"][0] == "one"
    assert pairs["b"][1] == pytest.approx(time.time() + offset + 7200, abs=5)


def test_ttl_by_the_clock_of_the_service(kvsync, edge, serve_emulator, manifest):
    """A TTL that is over by the service's clock is not unchanged, however slow ours is."""
    moved = [250.0]
    other = serve_emulator(clock=lambda: time.time() + moved[0])
    manifest("keys: {a: {value: one, ttl: 60s}}\n")
    kvsync("sync", "m.yaml", "--endpoint", other.url)
    assert "1 unchanged" in kvsync("plan", "m.yaml", "--endpoint", other.url).out
    manifest("keys: {a: {value: one, ttl: 60s}, b: two}\n")
    moved[0] += 200
    kvsync("sync", "m.yaml", "--endpoint", other.url)
    plan = kvsync("plan", "m.yaml", "--endpoint", other.url, "--json").json["runs"][0]
    assert [(c["key"], c["reason"]) for c in plan["changes"]] == [("a", "its TTL has run out")]


@pytest.mark.parametrize("hours", [1, -1])
def test_a_clock_that_jumps_while_keys_are_sent(kvsync, edge, manifest, monkeypatch, hours):
    """What is remembered of each key's end is what the service says, whatever ours says."""
    real, jumped = time.time, [0.0]
    put = Namespace.put

    async def jumping(self, key, value, expiry):
        jumped[0] = 3600.0 * hours if key > "k2" else 0.0
        return await put(self, key, value, expiry)

    monkeypatch.setattr(time, "time", lambda: real() + jumped[0])
    monkeypatch.setattr(Namespace, "put", jumping)
    keys = "".join(f"  k{n}: {{value: v, ttl: 2h}}\n" for n in range(6))
    manifest(f"keys:\n{keys}  until: {{value: v, expires: {int(real()) + 1800}}}\n")
    result = kvsync("sync", "m.yaml", "--workers", "1")
    assert (result.code, "7 created" in result.out) == (0, True)
    pairs = edge.pairs("zone-1", "ns")
    with State.read(os.path.abspath(".kvsync/state.db")) as state:
        (target,) = state.targets()
        rows = state.rows(target)
    for key, (_, expires) in pairs.items():
        # Later than it is would leave a gap; a minute earlier only renews sooner.
        assert expires - 60 < rows[key].runs_out <= expires + 1


@pytest.mark.parametrize("days", [0.01, 1, 5])
def test_a_clock_that_was_set_back_between_runs(kvsync, edge, manifest, monkeypatch, days):
    """A pair with a TTL may be gone: it is not unchanged, not even by the way that is short."""
    real = time.time
    manifest("keys: {a: {value: one, ttl: 5m}, b: two}\n")
    kvsync("sync", "m.yaml")
    assert "nothing to do" in kvsync("sync", "m.yaml").out
    edge.delete("zone-1", "ns", "a")
    monkeypatch.setattr(time, "time", lambda: real() - 86400 * days)
    monkeypatch.setattr("kvsync.cli.call.Call", partial(Call, clock=time.time))
    result = kvsync("sync", "m.yaml", "--json").json["runs"][0]
    (change,) = result["changes"]
    assert (change["key"], change["action"]) == ("a", "renew")
    assert change["reason"] == "more time left than its TTL"
    assert edge.pairs("zone-1", "ns")["a"][0] == "one"
    # What was sent by the clock that is wrong now is right by it.
    assert "nothing to do" in kvsync("sync", "m.yaml").out


@pytest.mark.parametrize("ahead", [18_000, 250, -250, -18_000, 86_400 * 400])
@pytest.mark.parametrize("keys", [1, 9])
def test_one_answer_with_a_date_of_its_own(kvsync, edge, manifest, ahead, keys):
    """No key is thought to last longer for it, and no other key is sent again for it."""

    def tamper(exchange: Exchange) -> list[tuple[float, bytes]]:
        wrong = formatdate(time.time() + ahead, usegmt=True) if exchange.number == keys // 2 else ""
        return [(0.0, with_date(exchange.answer, wrong) if wrong else exchange.answer)]

    pairs = "".join(f"  k{n}: {{value: v, ttl: 10m}}\n" for n in range(keys))
    manifest(f"keys:\n{pairs}")
    with middlebox(edge.url, tamper) as box:
        assert kvsync("sync", "m.yaml", "--endpoint", box.url, "--workers", "1").code == 0
    with State.read(os.path.abspath(".kvsync/state.db")) as state:
        (target,) = state.targets()
        ends = {key: row.runs_out for key, row in state.rows(target).items()}
    for key, (_, expires) in edge.pairs("zone-1", "ns").items():
        assert expires - 260 < ends[key] <= expires + 1
    assert "nothing to do" in kvsync("sync", "m.yaml").out


@pytest.mark.parametrize("date", ["", "yesterday", "Thu, 32 Jan 2026 25:61:00 GMT"])
def test_answers_without_a_date(kvsync, edge, manifest, date):
    """This machine's clock is then all there is."""

    def tamper(exchange: Exchange) -> list[tuple[float, bytes]]:
        return [(0.0, with_date(exchange.answer, date))]

    manifest("keys: {a: {value: one, ttl: 1h}, b: {value: two, ttl: 1h}}\n")
    with middlebox(edge.url, tamper) as box:
        assert kvsync("sync", "m.yaml", "--endpoint", box.url).code == 0
    assert "nothing to do" in kvsync("sync", "m.yaml").out


def test_summer_time(kvsync, edge, manifest, monkeypatch):
    """The two half past two of the night in which summer time ends are an hour apart, and the same
    Unix seconds wherever the machine stands."""
    manifest(
        "keys:\n"
        "  first: {value: v, expires: 2099-10-25T02:30:00+02:00}\n"
        "  second: {value: v, expires: 2099-10-25T02:30:00+01:00}\n"
        "  short: {value: v, ttl: 1h}\n"
    )
    for zone in ("Europe/Berlin", "America/New_York", "Pacific/Chatham"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        told = kvsync("sync", "m.yaml").out
        pairs = edge.pairs("zone-1", "ns")
        assert [pairs[key][1] for key in ("first", "second")] == [4096571400, 4096575000]
        assert pairs["short"][1] == pytest.approx(time.time() + 3600, abs=10)
        assert "3 created" in told if zone == "Europe/Berlin" else "nothing to do" in told
    monkeypatch.undo()
    time.tzset()
