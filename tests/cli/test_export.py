"""``kvsync export``, from what the service holds to files, and back by ``kvsync sync``."""

import csv
import io
import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.watching import counted
from tests.waiting import until

HOSTILE = {
    "../../etc/passwd": "root",
    "a/b": "below",
    "a": "beside",
    "A": "upper",
    "CON": "device",
    "con": "device in lower case",
    "-rf": "an option",
    ".kvsync-index": "not the index",
    ".git": "left out of a tree",
    "__proto__": "no prototype",
    "<<": "no merge",
    "~": "no null",
    "yes": "no",
    " ": " ",
    "\u202egnp.exe": "right to left",
    "new\nline": "\n",
    "\x1b[2J": "".join(map(chr, range(32))) + "\x7f\x85\u2028\ufeff",
    "k" * 512: "long",
    "é" * 512: "longer",
    "🎉": "🎉" * 1000,
    "large": "x" * (1 << 20),
    "crlf": "a\r\nb\r",
    "quotes": "'\"`${HOME} %s {}",
}
FOREVER = 4102444800


@pytest.fixture
def hostile(edge):
    """A namespace with keys and values that somebody chose with care."""
    for number, (key, value) in enumerate(HOSTILE.items()):
        edge.put("zone-1", "ns", key, value, FOREVER + number if number % 3 == 0 else 0)
    return edge.pairs("zone-1", "ns")


@pytest.mark.slow
@pytest.mark.parametrize("out", ["dump", "dump.yaml"])
def test_round_trip(kvsync, edge, hostile, monkeypatch, out):
    """What export wrote, sync puts back byte for byte, with the same expiries."""
    result = kvsync("export", "-o", out)
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith(f"zone-1/ns → {out}: {len(HOSTILE)} keys read; 1.0 MiB, ")
    monkeypatch.setenv("KVSYNC_NAMESPACE", "copy")
    options = ["--namespace", "copy", "--create-namespace"]
    assert kvsync("sync", out, *options).code == 0
    assert edge.pairs("zone-1", "copy") == hostile
    assert "nothing to do" in kvsync("sync", out, *options).out
    assert kvsync("verify", out, "--namespace", "copy", "--exact").code == 0


def test_nothing_is_written_outside(kvsync, edge, hostile, clean_environment):
    """Whatever the keys are called, all files lie in the directory, and nobody else may read."""
    before = set(clean_environment.parent.iterdir())
    assert kvsync("export", "-o", "dump").code == 0
    assert set(clean_environment.parent.iterdir()) == before
    assert [path.name for path in clean_environment.iterdir()] == ["dump"]
    files = list(Path("dump").iterdir())
    assert len(files) == len(HOSTILE) + 1
    assert len({path.name.lower() for path in files}) == len(files)
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE(Path("dump").stat().st_mode) == 0o700


@pytest.mark.parametrize("out", ["dump.jsonl", "-"])
def test_json_lines(kvsync, edge, hostile, out):
    """JSON Lines have a pair a line, in a file or on stdout; the summary is not among them."""
    result = kvsync("export", "-o", out, "--format", "jsonl")
    assert result.code == 0
    text = result.out if out == "-" else Path(out).read_text()
    pairs = [json.loads(line) for line in text.split("\n") if line]
    assert {p["key"]: (p["value"], p.get("expiration", 0)) for p in pairs} == hostile
    assert ("keys read" in result.err) == (out == "-")


@pytest.mark.parametrize("out", ["dump.json", "-"])
def test_cloudflare(kvsync, edge, hostile, out):
    """The bulk file of wrangler is one JSON array, in a file or on stdout."""
    result = kvsync("export", "-o", out, "--format", "cloudflare")
    assert result.code == 0
    pairs = json.loads(result.out if out == "-" else Path(out).read_text())
    assert {p["key"]: (p["value"], p.get("expiration", 0)) for p in pairs} == hostile


@pytest.mark.parametrize("out", ["dump.csv", "-"])
def test_csv(kvsync, edge, hostile, out):
    """CSV has a record a pair, as the csv module reads it, in a file or on stdout."""
    result = kvsync("export", "-o", out, *([] if out != "-" else ["--format", "csv"]))
    assert result.code == 0
    text = result.out if out == "-" else Path(out).read_bytes().decode()
    limit = csv.field_size_limit(1 << 21)
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    csv.field_size_limit(limit)
    assert header == ["key", "value", "expiration", "expiration_ttl"]
    assert {key: (value, int(at or 0)) for key, value, at, _ in rows} == hostile


@pytest.mark.parametrize("out", ["dump.json", "dump.csv"])
def test_a_finished_file_is_taken_up(kvsync, edge, hostile, out):
    """What is new goes in front of the end that the file had; what is there is not read again."""
    command = ["export", "-o", out, "--format", "cloudflare" if out == "dump.json" else "csv"]
    assert kvsync(*command).code == 0
    before = Path(out).read_bytes().removesuffix(b"]\n")
    edge.put("zone-1", "ns", "new", "x")
    summary = kvsync(*command, "--json").json["runs"][0]["summary"]
    assert (summary["read"], summary["kept"]) == (1, len(hostile))
    assert Path(out).read_bytes() in {
        before + b',{"key":"new","value":"x"}\n]\n',
        before + b"new,x,,\n",
    }


def test_a_name_that_may_be_anything(kvsync, edge, monkeypatch):
    """Which JSON is meant has to be said on the command line, and no variable says it."""
    monkeypatch.setenv("KVSYNC_FORMAT", "cloudflare")
    result = kvsync("export", "-o", "dump.json")
    assert result.code == 2
    assert "dump.json may be anything in JSON: give --format cloudflare" in result.err
    assert not os.listdir()


def test_a_second_run_reads_only_what_is_new(kvsync, edge):
    """What is there already is not read again; --refresh reads it, and removes what is gone."""
    for n in range(45):
        edge.put("zone-1", "ns", f"k{n}", "v")
    assert kvsync("export", "-o", "dump").code == 0
    edge.put("zone-1", "ns", "k0", "changed")
    edge.put("zone-1", "ns", "new", "x")
    edge.delete("zone-1", "ns", "k1")
    with counted(edge) as seen:
        again = kvsync("export", "-o", "dump", "--json")
    assert seen == {"EdgeKVList": 1, "EdgeKVGet": 1}
    summary = again.json["runs"][0]["summary"]
    assert (summary["read"], summary["written"], summary["kept"]) == (1, 1, 44)
    with counted(edge) as seen:
        refreshed = kvsync("export", "-o", "dump", "--refresh", "--json")
    assert seen == {"EdgeKVList": 1, "EdgeKVGet": 3}
    summary = refreshed.json["runs"][0]["summary"]
    assert (summary["read"], summary["written"], summary["removed"]) == (45, 1, 1)
    assert summary["complete"]
    assert kvsync("verify", "dump", "--exact").code == 0


def test_prefix(kvsync, edge):
    """--prefix exports the keys that begin so, and no variable asks for it."""
    for key in ("cfg-a", "cfg-b", "other"):
        edge.put("zone-1", "ns", key, "v")
    assert kvsync("export", "-o", "dump.jsonl", "--prefix", "cfg-").code == 0
    keys = [json.loads(line)["key"] for line in Path("dump.jsonl").read_text().splitlines()]
    assert sorted(keys) == ["cfg-a", "cfg-b"]


@pytest.mark.slow
@pytest.mark.parametrize("out", ["dump", "dump.jsonl", "dump.yaml", "dump.csv", "dump.json"])
def test_interrupted(kvsync, serve_emulator, credentials, out):
    """Interrupted, an export is no source yet; run again, it goes on where it was."""
    edge = serve_emulator(rate=20.0)
    for n in range(300):
        edge.put("zone-1", "ns", f"k{n}", "v")
    target = ["--endpoint", edge.url, "--zone", "zone-1", "--namespace", "ns"]
    export = ["export", "-o", out, *target]
    if out == "dump.json":
        export += ["--format", "cloudflare"]
    command = [sys.executable, "-m", "kvsync", *export, "--json"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        until(lambda: sum(action == "EdgeKVGet" for _, action in edge.arrivals) >= 5)
        child.send_signal(signal.SIGINT)
        told, err = child.communicate(timeout=20)
    summary = json.loads(told)["runs"][0]["summary"]
    assert (child.returncode, summary["complete"]) == (130, False)
    assert 0 < summary["written"] < 300
    assert "run the same command again to go on" in err
    assert kvsync("sync", out, *target).code == 2
    with counted(edge) as seen:
        assert kvsync(*export).code == 0
    assert seen["EdgeKVGet"] == -(-(300 - summary["written"]) // 20)
    if out in {"dump", "dump.yaml"}:
        assert kvsync("verify", out, *target, "--exact").code == 0


@pytest.mark.slow
def test_interrupted_while_nobody_answers(serve_emulator, credentials, clean_environment):
    """A list of keys that hangs does not keep Ctrl-C waiting."""
    stuck = serve_emulator(fault=1.0, faults=frozenset({"hang"}))
    target = ["--endpoint", stuck.url, "--zone", "zone-1", "--namespace", "ns"]
    with subprocess.Popen(
        [sys.executable, "-m", "kvsync", "export", "-o", "dump", *target], stderr=subprocess.DEVNULL
    ) as child:
        until(lambda: stuck.arrivals)
        child.send_signal(signal.SIGTERM)
        assert child.wait(20) == 143


def test_places_that_are_refused(kvsync, edge, write):
    """A place that holds something else is left as it is."""
    edge.put("zone-1", "ns", "a", "v")
    write("mine/file", "mine")
    write("mine.jsonl", "mine")
    for out in ("mine", "mine.jsonl"):
        result = kvsync("export", "-o", out)
        assert (result.code, out in result.err) == (2, True)
    assert Path("mine.jsonl").read_text() == "mine"
    assert [path.name for path in Path("mine").iterdir()] == ["file"]
    assert kvsync("export", "-o", "dump").code == 0
    other = kvsync("export", "-o", "dump", "--prefix", "x")
    assert other.code == 2
    assert kvsync("export", "-o", "-", "--json").code == 2
    assert kvsync("export", "-o", "-", "--format", "dir").code == 2


def test_an_export_that_misses_keys_is_not_finished(kvsync, serve_emulator, credentials):
    """Keys that could not be read are failures, and the export is no source without them."""
    edge = serve_emulator()
    edge.put("zone-1", "ns", "a", "v")
    target = ["--endpoint", edge.url, "--zone", "zone-1", "--namespace", "none", "--json"]
    result = kvsync("export", "-o", "dump", *target)
    assert (result.code, result.json["error"]["kind"]) == (7, "fatal")
    assert result.json["runs"][0]["summary"]["complete"] is False
    assert kvsync("plan", "dump", *target).code == 2


@pytest.mark.slow
def test_faults(kvsync, serve_emulator, credentials):
    """A fifth of all requests failing changes nothing of what is exported."""
    edge = serve_emulator(fault=0.2, seed=3, faults=frozenset({"502", "cut-off", "reset-after"}))
    for n in range(400):
        edge.put("zone-1", "ns", f"k{n}", f"v{n}")
    target = ["--endpoint", edge.url, "--zone", "zone-1", "--namespace", "ns", "--rate", "10000"]
    assert kvsync("export", "-o", "dump.jsonl", *target).code == 0
    pairs = [json.loads(line) for line in Path("dump.jsonl").read_text().splitlines()]
    assert {p["key"]: p["value"] for p in pairs} == {f"k{n}": f"v{n}" for n in range(400)}


@pytest.mark.slow
def test_reader_that_leaves(edge, credentials):
    """A reader of stdout that has had enough ends the export without a traceback."""
    for n in range(200):
        edge.put("zone-1", "ns", f"k{n}", "x" * 2000)
    command = f"{sys.executable} -m kvsync export -o - | head -n 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert json.loads(done.stdout)["value"] == "x" * 2000
    assert "Traceback" not in done.stderr


def test_local(kvsync, manifest):
    """Under --local the data beside the state are exported, if there are any."""
    assert kvsync("export", "--local", "-o", "dump").code == 2
    manifest("keys: {a: one}\n")
    kvsync("sync", "m.yaml", "--local")
    assert kvsync("export", "--local", "-o", "dump").code == 0
    assert kvsync("sync", "dump", "--local", "--namespace", "copy").code == 0


def test_put_back_with_deletes(kvsync, edge):
    """A directory that was exported is a source as any other: what is deleted there goes."""
    for key in ("a", "b", "B/c"):
        edge.put("zone-1", "ns", key, "v")
    assert kvsync("export", "-o", "dump").code == 0
    assert kvsync("sync", "dump", "--refresh").code == 0
    edge.delete("zone-1", "ns", "b")
    assert kvsync("export", "-o", "dump", "--refresh").code == 0
    assert kvsync("sync", "dump", "--delete").code == 0
    assert sorted(edge.pairs("zone-1", "ns")) == ["B/c", "a"]
