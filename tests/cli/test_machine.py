"""A machine that gives less than a run would like: few open files, no directory to work in."""

import errno
import json
import os
import resource
from contextlib import contextmanager, suppress

import pytest

from kvsync.edgekv.connector import PacedConnector
from kvsync.edgekv.throttle import Throttle
from kvsync.model.machine import is_short_of_files, spare_files
from tests.cli.watching import held


@contextmanager
def spare(count):
    """Only so many more files may be opened in here."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = len(os.listdir("/dev/fd")) - 1 + count
    filling = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, before[1]))
    try:
        # Numbers that are free below the highest one are no room either.
        for _ in range(1000):
            with suppress(OSError):
                filling.append(os.dup(0))
        for _ in range(count):
            os.close(filling.pop())
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        for number in filling:
            os.close(number)


@pytest.mark.parametrize(("files", "connections"), [(400, 100), (80, 30), (30, 5), (21, 1), (3, 1)])
async def test_connections_are_no_more_than_files(files, connections):
    """Half of what may be opened, once the state and the sources have what they need."""
    with spare(files + 1):
        connector = PacedConnector(Throttle(20.0))
    assert connector.limit == pytest.approx(connections, abs=1)
    await connector.close()


@pytest.mark.slow
def test_few_files_are_enough(kvsync, serve_emulator, credentials, numbered):
    """Where few files may be open, the requests share few connections: all keys are sent."""
    edge = serve_emulator(latency=0.01)
    source = numbered("m", 60)
    target = ["--endpoint", edge.url, "--zone", "zone-1", "--namespace", "ns"]
    kvsync("put", "warm", "up", *target)
    with spare(60):
        result = kvsync("sync", source, *target, "--rate", "100000")
    assert (result.code, len(held(edge))) == (0, 61), result.err


def test_connections_that_cannot_be_opened_are_waited_for(
    kvsync, serve_emulator, credentials, numbered, monkeypatch
):
    """Whoever else opens files meanwhile: the next request takes a connection that is free."""
    edge = serve_emulator(latency=0.02)
    source = numbered("m", 40)
    target = ["--endpoint", edge.url, "--zone", "zone-1", "--namespace", "ns"]
    kvsync("put", "warm", "up", *target)
    monkeypatch.setattr("kvsync.edgekv.connector.spare_files", lambda: 10_000)
    monkeypatch.setattr("kvsync.edgekv.connector.is_short_of_files", lambda _: True)
    opened = []
    original = PacedConnector._wrap_create_connection  # noqa: SLF001 - where they are opened

    async def create(self, *args, **options):
        if len(opened) >= 4:
            raise options["client_error"](options["req"].connection_key, OSError(24, "Too many"))
        opened.append(1)
        return await original(self, *args, **options)

    monkeypatch.setattr(PacedConnector, "_wrap_create_connection", create)
    result = kvsync("sync", source, *target, "--rate", "100000", "--retries", "0")
    assert (result.code, len(held(edge))) == (0, 41), result.err


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
def test_too_few_files_are_told(kvsync, edge, monkeypatch, number):
    """Where no file can be opened, the error says so, and speaks of no bug."""

    def fail(*_, **__):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("asyncio.events.new_event_loop", fail)
    result = kvsync("get", "a")
    assert (result.code, len(result.errors)) == (4, 1)
    assert "ulimit -n" in result.err


def test_what_is_short_of_files(monkeypatch):
    """Where the error does not say it, it is tried; an error of another kind is another one."""
    assert is_short_of_files(OSError(errno.EMFILE, "Too many open files"))
    assert not is_short_of_files(OSError(errno.ENOENT, "No such file"))
    with spare(0):
        assert spare_files() == 0
        assert is_short_of_files(OSError("Multiple exceptions"))


COMMANDS = """\
plan m.yaml --local
plan site --local
plan SITE --local --state s.db
sync m.yaml --local
sync - --format jsonl --name x --local
sync SITE --local --failures f.jsonl
verify site --local
validate m.yaml
validate site
export --local -o x
export --local -o x.jsonl
convert m.yaml -o x.jsonl
convert SITE -o x.jsonl
copy --local --from-namespace a --to-namespace b
namespaces list --local
namespaces create x --local
get k --local
get k
put k v --local
state list site
state list --state s.db
state path m.yaml
state show m.yaml
state check site
state forget site --all
state rebuild site --local
plan redis://127.0.0.1:1/0 --local
"""


@pytest.mark.parametrize("command", COMMANDS.splitlines())
def test_a_working_directory_that_was_deleted(kvsync, edge, tmp_path, monkeypatch, command):
    """It is what the error speaks of, whatever was asked for, also in JSON."""
    monkeypatch.delenv("KVSYNC_ENDPOINT")
    site = tmp_path / "site"
    site.mkdir()
    site.joinpath("a").write_text("v")
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    words = [str(site) if word == "SITE" else word for word in command.split()]
    result = kvsync(*words)
    assert (result.code, result.out) == (4, "")
    told = "the directory that this was started in is not there any more: cd to one that is"
    assert result.errors == [f"kvsync: error: {told}"]
    if words[0] not in {"emulator", "convert"}:
        document = json.loads(kvsync(*words, "--json").out)
        assert document["error"] == {"kind": "machine", "message": told, "details": []}


def test_absolute_paths_need_no_working_directory(kvsync, edge, tmp_path, monkeypatch):
    """Whoever was started in a directory that is gone may still sync one that is there."""
    site = tmp_path / "site"
    site.mkdir()
    site.joinpath("a").write_text("v")
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert kvsync("sync", str(site)).code == 0
    assert kvsync("state", "list", str(site)).code == 0
    assert held(edge) == {"a": "v"}
