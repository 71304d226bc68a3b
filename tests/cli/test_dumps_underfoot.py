"""Dumps that go or change while they are read, planned, sent or converted."""

import os

import pytest

from kvsync.edgekv.namespace import Namespace
from kvsync.formats.output import open_new
from kvsync.formats.policies import settle
from tests.cli.dumping import lines
from tests.cli.watching import held

ONE = lines({"key": "a", "value": "one"}, {"key": "b", "value": "two"})


def _replace(write):
    os.rename(write("other", ONE.replace("two", "new")), "d.jsonl")


def _rewrite(write):
    # As long as before, and in place: nothing but its times tells.
    status = os.stat("d.jsonl")
    write("d.jsonl", ONE.replace("two", "new"))
    os.utime("d.jsonl", ns=(status.st_atime_ns, status.st_mtime_ns + 1))


def _remove(_):
    os.remove("d.jsonl")


def _fifo(_):
    os.remove("d.jsonl")
    os.mkfifo("d.jsonl")


def _folder(_):
    os.remove("d.jsonl")
    os.mkdir("d.jsonl")


def _device(_):
    os.remove("d.jsonl")
    os.symlink("/dev/zero", "d.jsonl")


CHANGES = [_replace, _rewrite, _remove, _fifo, _folder, _device]


@pytest.mark.parametrize("change", CHANGES)
def test_a_dump_that_changes_meanwhile(kvsync, edge, write, meanwhile, change):
    """Its keys fail with SourceChanged, nothing is sent, and nothing false is remembered."""
    write("d.jsonl", ONE)
    meanwhile(lambda: change(write))
    (run,) = kvsync("sync", "d.jsonl", "-i", "--json").json["runs"]
    assert (run["exit_code"], run["summary"]["failed"], held(edge)) == (5, 2, {})
    assert {failure["code"] for failure in run["failures"]} == {"SourceChanged"}
    assert [failure["key"] for failure in run["failures"]] == ["a", "b"]
    write("whole", ONE)
    if os.path.isdir("d.jsonl"):
        os.rmdir("d.jsonl")
    os.replace("whole", "d.jsonl")
    assert kvsync("sync", "d.jsonl").code == 0
    assert held(edge) == {"a": "one", "b": "two"}
    assert "nothing to do" in kvsync("sync", "d.jsonl").out


@pytest.mark.parametrize("change", CHANGES)
def test_a_dump_of_a_manifest_that_changes_meanwhile(
    kvsync, edge, write, manifest, meanwhile, change
):
    """Its keys fail, what else the manifest names is sent, and nothing false is remembered."""
    write("d.jsonl", ONE)
    manifest("keys: {c: three}\nfiles: [{path: d.jsonl, format: jsonl}]\n")
    meanwhile(lambda: change(write))
    (run,) = kvsync("sync", "m.yaml", "-i", "--json").json["runs"]
    assert (run["exit_code"], held(edge)) == (5, {"c": "three"})
    assert [failure["code"] for failure in run["failures"]] == ["SourceChanged"] * 2


def test_a_dump_that_is_being_written(kvsync, edge, write, monkeypatch):
    """What was read of it may be half of it: nothing is sent, and nothing is deleted."""
    write("d.jsonl", ONE)
    assert kvsync("sync", "d.jsonl").code == 0

    def written(*args):
        write("d.jsonl", ONE + lines({"key": "c", "value": "three"}))
        return settle(*args)

    write("d.jsonl", ONE.splitlines()[0])
    monkeypatch.setattr("kvsync.sources.dump.dumped.settle", written)
    result = kvsync("sync", "d.jsonl", "--format", "jsonl", "--delete")
    assert (result.code, held(edge)) == (2, {"a": "one", "b": "two"})
    assert result.errors[0] == "d.jsonl: it was written to while it was read: run again"


def _many(letter):
    return lines(*({"key": f"k{n:03}", "value": letter * 999} for n in range(100)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("replace", "done"), [(False, {64}), (True, {100})], ids=["in place", "by another"]
)
def test_a_dump_that_changes_while_it_is_sent(kvsync, edge, write, monkeypatch, replace, done):
    """Once it is written to, no more of it is sent; the one that was begun is read to its end."""
    write("d.jsonl", _many("x"))
    put = Namespace.put

    async def changing(self, *args):
        monkeypatch.setattr(Namespace, "put", put)
        path = write("new.jsonl" if replace else "d.jsonl", _many("y"))
        path.replace("d.jsonl")
        return await put(self, *args)

    monkeypatch.setattr(Namespace, "put", changing)
    (run,) = kvsync("sync", "d.jsonl", "--workers", "1", "--json").json["runs"]
    assert {failure["code"] for failure in run["failures"]} <= {"SourceChanged"}
    assert set(held(edge).values()) == {"x" * 999}
    assert {run["summary"]["create"], len(held(edge))} == done
    assert kvsync("sync", "d.jsonl").code == 0
    assert set(held(edge).values()) == {"y" * 999}


def test_a_dump_that_changes_while_it_is_converted(kvsync, write, monkeypatch):
    """A conversion of it ends with the place, and leaves no file."""
    write("d.jsonl", ONE)

    def opened(*args, **options):
        os.remove("d.jsonl")
        return open_new(*args, **options)

    monkeypatch.setattr("kvsync.engine.convert.open_new", opened)
    result = kvsync("convert", "d.jsonl", "-o", "out.csv")
    assert (result.code, os.listdir()) == (2, [])
    assert result.errors[1].startswith("d.jsonl:1: the dump cannot be read: No such file")
