"""``kvsync copy``, from one namespace to another."""

import io
import sqlite3
import time
from collections import Counter
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from tests.cli.copying import Sides, rows
from tests.cli.test_export import FOREVER, HOSTILE
from tests.cli.watching import asked, counted

WITHIN = ["copy", "--zone", "zone-1", "--from-namespace", "ns"]


def numbers(result) -> dict:
    """The summary of the one run."""
    return result.json["runs"][0]["summary"]


def gap(*, after: list[float], before: list[float]) -> float:
    """Seconds from the last of the ones to the first of the others."""
    return min(before) - max(after)


@pytest.mark.slow
def test_the_main_job(kvsync, sides):
    """A copy is byte for byte and expires at the same second; a second one sends nothing."""
    for number, (key, value) in enumerate(HOSTILE.items()):
        sides.old.put("zone-1", "ns", key, value, FOREVER + number if number % 3 == 0 else 0)
    first = kvsync(*sides.command)
    assert (first.code, first.err) == (0, "")
    assert first.out.startswith(f"zone-1/ns → zone-1/ns: {len(HOSTILE)} created; 1.0 MiB, ")
    assert sides.target == sides.source
    with counted(sides.new) as seen:
        again = kvsync(*sides.command)
    assert seen == {}
    assert again.out == f"zone-1/ns → zone-1/ns: nothing to do; {len(HOSTILE)} keys unchanged.\n"


@pytest.mark.slow
def test_each_side_is_asked_as_little_as_possible(kvsync, sides):
    """n keys are ⌈n/1000⌉ Lists, twice ⌈n/20⌉ Gets and n Puts; the report counts them all."""
    sides.fill(1045)
    result = kvsync(*sides.command, "--json")
    assert asked(sides.old) == {"EdgeKVList": 2, "EdgeKVGet": 2 * 53}
    assert asked(sides.new) == {"EdgeKVPut": 1045}
    assert numbers(result)["requests"] == {"EdgeKVList": 2, "EdgeKVGet": 2 * 53, "EdgeKVPut": 1045}
    sides.old.put("zone-1", "ns", "k7", "new")
    with counted(sides.old) as seen:
        assert numbers(kvsync(*sides.command, "--json"))["update"] == 1
    assert seen == {"EdgeKVList": 2, "EdgeKVGet": 53 + 1}
    assert sides.target == sides.source


@pytest.mark.slow
def test_reading_and_writing_go_on_at_the_same_time(kvsync, sides):
    """Values are read while others are sent: neither side waits for the other."""
    sides.fill(400)
    assert kvsync(*sides.command).code == 0
    gets = [moment for moment, action in sides.old.arrivals if action == "EdgeKVGet"]
    puts = [moment for moment, _ in sides.new.arrivals]
    assert gap(after=gets, before=puts) < 0
    # The first half of the Gets was for the plan.
    assert gap(after=gets[:20], before=puts) > 0


@pytest.mark.slow
def test_from_namespace_to_namespace(kvsync, edge):
    """Within one service the keys belong to the side that they come from, or to a name."""
    edge.put("zone-1", "ns", "a", "one")
    to = ["--to-namespace", "other", "--create-namespace"]
    first = kvsync(*WITHIN, *to, "--json")
    assert (first.code, first.json["command"]) == (0, "copy")
    assert first.err == "kvsync: created the namespace other in zone-1\n"
    assert edge.pairs("zone-1", "other") == {"a": ("one", 0)}
    owner = f"copy:zone-1/ns at {first.json['runs'][0]['target']['endpoint']}"
    assert {(row.owner, row.origin) for row in rows().values()} == {(owner, "zone-1/ns")}
    named = kvsync(*WITHIN, *to, "--name", "mine")
    assert (named.code, f"owned by {owner}; if you renamed it, --adopt" in named.err) == (
        11, True,
    )  # fmt: skip
    assert kvsync(*WITHIN, *to, "--name", "mine", "--adopt").code == 0
    assert {row.owner for row in rows().values()} == {"mine"}


@pytest.mark.slow
def test_two_services_with_the_same_names(kvsync, sides):
    """Neither copy deletes what the other has brought; whose the older keys are has to be said."""
    sides.old.put("zone-1", "ns", "a", "one")
    sides.new.put("zone-1", "ns", "b", "two")
    to = ["--to-namespace", "both", "--create-namespace", "--delete", "--max-delete", "100%"]
    from_new = ["--from-endpoint", sides.new.url, "--from-profile", "new"]
    for _ in range(2):
        for side in ([], from_new):
            assert kvsync(*sides.command, *side, *to).code == 0
    assert set(sides.new.pairs("zone-1", "both")) == {"a", "b"}
    with closing(sqlite3.connect(".kvsync/state.db")) as connection, connection:
        connection.execute("UPDATE entry SET owner = 'copy:zone-1/ns', checksum = NULL")
    refused = kvsync(*sides.command, *to)
    assert refused.code == 11
    assert "a is owned by copy:zone-1/ns; if you renamed it, --adopt" in refused.err
    assert kvsync(*sides.command, *to, "--adopt").code == 0
    assert set(sides.new.pairs("zone-1", "both")) == {"a", "b"}


@pytest.mark.slow
def test_from_zone_to_zone(kvsync, edge, monkeypatch):
    """A side's own zone counts before the common one, what is typed before what a variable says."""
    edge.put("zone-1", "ns", "a", "one")
    edge.put("zone-3", "ns", "b", "two")
    both = ["copy", "--from-namespace", "ns", "--to-namespace", "ns", "--json"]
    result = kvsync(*both, "--to-zone", "zone-2")
    assert result.json["runs"][0]["target"]["zone"] == "zone-2"
    assert edge.pairs("zone-2", "ns") == {"a": ("one", 0)}
    monkeypatch.setenv("KVSYNC_FROM_ZONE", "zone-3")
    monkeypatch.setenv("KVSYNC_TO_ZONE", "zone-4")
    assert kvsync(*both).code == 0
    assert edge.pairs("zone-4", "ns") == {"b": ("two", 0)}
    assert kvsync(*both, "--zone", "zone-1", "--to-zone", "zone-5").code == 0
    assert edge.pairs("zone-5", "ns") == {"a": ("one", 0)}


def test_dry_run(kvsync, sides, clean_environment):
    """-n reads the one side and shows the plan; it sends nothing and leaves no state behind."""
    sides.fill(25)
    result = kvsync(*sides.command, "-n")
    assert result.code == 0
    assert "25 to create, 0 to update" in result.out
    assert "25 EdgeKVPut requests" in result.out
    assert asked(sides.new) == {}
    assert asked(sides.old) == {"EdgeKVList": 1, "EdgeKVGet": 2}
    assert not list(clean_environment.iterdir())


def test_asked_first(kvsync, sides, monkeypatch):
    """-i asks before anything is sent, and no is an answer."""
    sides.fill(3)
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    result = kvsync(*sides.command, "-i")
    assert (result.code, "3 to create" in result.err, asked(sides.new)) == (0, True, {})


def test_prefix(kvsync, edge):
    """--prefix copies, and owns, the keys that begin so; it does not go with a mirror."""
    for key in ("cfg-a", "cfg-b", "other"):
        edge.put("zone-1", "ns", key, "v")
    command = [*WITHIN, "--to-zone", "zone-2", "--to-namespace", "ns", "--prefix", "cfg-"]
    assert kvsync(*command).out.startswith("zone-1/ns/cfg-* → zone-2/ns: 2 created")
    assert set(edge.pairs("zone-2", "ns")) == {"cfg-a", "cfg-b"}
    assert {row.owner.partition(" at ")[0] for row in rows().values()} == {"copy:zone-1/ns/cfg-*"}
    mirror = kvsync(*command, "--refresh", "--delete-unmanaged")
    assert (mirror.code, mirror.err) == (
        2, "kvsync: error: --delete-unmanaged would delete all that --prefix leaves out\n",
    )  # fmt: skip


def test_only(kvsync, sides):
    """--only reads no value of the keys that it leaves out, and says so if that is all."""
    sides.fill(100)
    assert numbers(kvsync(*sides.command, "--only", "k4*", "--json"))["create"] == 11
    assert asked(sides.old) == {"EdgeKVList": 1, "EdgeKVGet": 2}
    none = kvsync(*sides.command, "--only", "x*")
    assert "no key of the source matches --only" in none.err


@pytest.mark.slow
def test_delete(kvsync, sides):
    """--delete removes what the one side holds no more, but not unasked, nor too much of it."""
    sides.fill(40)
    kvsync(*sides.command)
    for n in range(20):
        sides.old.delete("zone-1", "ns", f"k{n}")
    assert "20 orphans" in kvsync(*sides.command).out
    refused = kvsync(*sides.command, "--delete")
    assert (refused.code, len(sides.target)) == (11, 40)
    assert kvsync(*sides.command, "--delete", "--max-delete", "50%").code == 0
    assert sides.target == sides.source


@pytest.mark.slow
def test_mirror(kvsync, sides):
    """--refresh --delete-unmanaged makes the other side hold what the one holds."""
    sides.fill(3)
    sides.new.put("zone-1", "ns", "stray", "x")
    assert kvsync(*sides.command, "--refresh", "--delete-unmanaged").code == 0
    assert sides.target == sides.source


@pytest.mark.slow
def test_an_empty_namespace(kvsync, sides):
    """Nothing to copy is a warning, and needs more than --delete to delete what was copied."""
    empty = kvsync(*sides.command)
    assert (empty.code, "the source names no key at all" in empty.err) == (0, True)
    sides.fill(1)
    kvsync(*sides.command)
    sides.old.delete("zone-1", "ns", "k0")
    assert kvsync(*sides.command, "--delete").code == 11
    assert sides.target != {}


def test_what_runs_out_is_not_copied(kvsync, serve_emulator, clean_environment):
    """A pair whose expiry has passed by the clock here is left out, with a warning."""
    behind = Sides.serve(
        serve_emulator, clean_environment.parent / "home", clock=lambda: time.time() - 120
    )
    behind.old.put("zone-1", "ns", "past", "x", int(time.time()) - 60)
    behind.fill(1)
    result = kvsync(*behind.command)
    assert (result.code, "past their `expires`, not sent: past" in result.err) == (0, True)
    assert set(behind.target) == {"k0"}


@pytest.mark.slow
def test_verify_and_refresh_keep_the_pace(kvsync, sides):
    """Who reads the target waits until the service has forgotten what was read before."""
    sides.fill(5)
    result = kvsync(*sides.command, "--refresh", "--verify")
    assert "verified: 5 same" in result.out
    _, for_the_plan, for_the_push = [moment for moment, _ in sides.old.arrivals]
    refresh, verify = (m for m, action in sides.new.arrivals if action == "EdgeKVGet")
    reads = [for_the_plan, refresh, for_the_push, verify]
    assert min(later - earlier for earlier, later in pairwise(reads)) > 1


@pytest.mark.parametrize("options", [["--from-namespace", "a"], ["--to-namespace", "b"], []])
def test_sides_that_are_not_known(kvsync, edge, options):
    """Both namespaces must be named: the variable for one would mean the wrong one of them."""
    result = kvsync("copy", *options)
    side = "to" if "--from-namespace" in options else "from"
    assert (result.code, result.err) == (
        2, f"kvsync: error: no namespace to copy {side}: give --{side}-namespace\n",
    )  # fmt: skip


def test_zones_that_are_not_known(kvsync):
    """Without a zone it is said how to give one."""
    result = kvsync("copy", "--to-zone", "zone-1", "--from-namespace", "a", "--to-namespace", "b")
    assert (result.code, result.err) == (
        2, "kvsync: error: no zone to copy from: give --from-zone, or --zone for both sides\n",
    )  # fmt: skip


def test_to_itself(kvsync, edge):
    """A namespace is not copied to itself, by whatever address."""
    alias = edge.url.replace("127.0.0.1", "localhost")
    result = kvsync(*WITHIN, "--to-namespace", "ns", "--to-endpoint", alias, "--json")
    assert (result.code, result.json["error"]["kind"]) == (2, "usage")
    assert "zone-1/ns would be copied to itself" in result.err
    assert asked(edge) == {}


@pytest.mark.slow
def test_local(kvsync, manifest, clean_environment):
    """--local copies within the emulator of this folder, with a look at either side."""
    command = ["copy", "--local", "--from-namespace", "a", "--to-namespace", "b"]
    assert kvsync(*command).code == 2
    assert not list(clean_environment.iterdir())
    manifest("keys: {a: one, b: {value: two, expires: 2100-01-01T00:00:00Z}}\n")
    kvsync("sync", "m.yaml", "--local", "--namespace", "a")
    assert "2 to create" in kvsync(*command, "-n", "--refresh").out
    result = kvsync(*command, "--verify")
    assert (result.code, "verified: 2 same" in result.out) == (0, True)
    assert "nothing to do" in kvsync(*command).out
    kvsync("export", "--local", "--namespace", "b", "-o", "dump.jsonl")
    assert '"expiration":4102444800' in Path("dump.jsonl").read_text().replace(" ", "")
    assert "would be copied to itself" in kvsync("copy", "--local").err
    missing = kvsync("copy", "--local", "--from-namespace", "none", "--to-namespace", "b")
    assert missing.code == 7


def test_local_is_both_endpoints(kvsync, monkeypatch):
    """--local and a side's endpoint exclude each other, unless a variable is overruled."""
    command = ["copy", "--from-namespace", "a", "--to-namespace", "b"]
    typed = kvsync(*command, "--local", "--to-endpoint", "intl")
    assert typed.err == (
        "kvsync: error: --local is the endpoint of both sides: leave out --to-endpoint\n"
    )
    monkeypatch.setenv("KVSYNC_FROM_ENDPOINT", "intl")
    assert "there is nothing of --local" in kvsync(*command, "--local").err
    monkeypatch.setenv("KVSYNC_LOCAL", "1")
    assert "leave out KVSYNC_FROM_ENDPOINT" in kvsync(*command).err


@pytest.mark.slow
def test_faults(kvsync, serve_emulator, clean_environment):
    """A fifth of all reads failing changes nothing of what is copied, and retries are counted."""
    faulty = Sides.serve(
        serve_emulator, clean_environment.parent / "home",
        fault=0.2, seed=3, faults=frozenset({"502", "cut-off", "reset-after"}),
    )  # fmt: skip
    faulty.fill(400)
    result = kvsync(*faulty.command, "--json")
    assert (result.code, faulty.target) == (0, faulty.source)
    seen = Counter(asked(faulty.old)) + Counter(asked(faulty.new))
    assert numbers(result)["requests"] == dict(seen)
    assert numbers(result)["retries"] == sum(seen.values()) - 441
