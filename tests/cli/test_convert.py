"""``kvsync convert``: from any source to one file, without network or state."""

import csv
import json
import os
import stat
from pathlib import Path

import pytest

from kvsync.formats.output import open_new
from tests.cli.importing import imported

MANIFEST = """\
zone: z-1
keys:
  greeting: "hello, world"
  soon: {value: "1", ttl: 1h}
  later: {value: "a\\r\\nb\\r", expires: 2100-01-01T00:00:00Z}
"""
FOREVER = 4102444800
TAKEN = "is there already: name another place with -o, or replace it with --force"


@pytest.fixture
def source(manifest):
    """A manifest with every kind of expiry."""
    return manifest(MANIFEST)


def test_json_lines(kvsync, source):
    """Every pair is a line, with its expiry as the source declares it."""
    result = kvsync("convert", "m.yaml", "-o", "out.jsonl")
    assert result == (0, "m.yaml → out.jsonl (jsonl): 3 keys written; 18 B.\n", "")
    assert [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()] == [
        {"key": "greeting", "value": "hello, world"},
        {"key": "soon", "value": "1", "expiration_ttl": 3600},
        {"key": "later", "value": "a\r\nb\r", "expiration": FOREVER},
    ]
    assert stat.S_IMODE(os.stat("out.jsonl").st_mode) == 0o600
    assert sorted(os.listdir()) == ["m.yaml", "out.jsonl"]


def test_cloudflare(kvsync, source):
    """With --to cloudflare it is one JSON array, as wrangler takes it."""
    assert kvsync("convert", "m.yaml", "--to", "cloudflare", "-o", "out.json").code == 0
    found = json.loads(Path("out.json").read_text())
    assert [item["key"] for item in found] == ["greeting", "soon", "later"]
    assert found[1]["expiration_ttl"] == 3600


def test_csv(kvsync, source):
    """A name with .csv makes it CSV."""
    assert kvsync("convert", "m.yaml", "-o", "out.csv").code == 0
    with open("out.csv", encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [
            ["key", "value", "expiration", "expiration_ttl"],
            ["greeting", "hello, world", "", ""],
            ["soon", "1", "", "3600"],
            ["later", "a\r\nb\r", str(FOREVER), ""],
        ]


def test_manifest(kvsync, source, write, monkeypatch):
    """A manifest says the same again; of zone and namespace what source or command line say."""
    monkeypatch.setenv("KVSYNC_ZONE", "z-env")
    monkeypatch.setenv("KVSYNC_NAMESPACE", "n-env")
    assert kvsync("convert", "m.yaml", "-o", "out.yaml").code == 0
    assert Path("out.yaml").read_text() == (
        'version: 1\nzone: "z-1"\ncharset: utf-8\nkeys:\n  "greeting": "hello, world"\n'
        f'  "soon": {{value: "1", ttl: 3600}}\n'
        f'  "later": {{value: "a\\r\\nb\\r", expires: {FOREVER}}}\n'
    )
    assert (
        kvsync("convert", "m.yaml", "-o", "named.yaml", "--zone", "z", "--namespace", "n").code == 0
    )
    assert 'zone: "z"\nnamespace: "n"\n' in Path("named.yaml").read_text()
    assert kvsync("convert", "out.yaml", "-o", "again.yaml").code == 0
    assert Path("again.yaml").read_text() == Path("out.yaml").read_text()


@pytest.mark.parametrize("form", ["jsonl", "cloudflare", "csv", "manifest"])
def test_stdout(kvsync, source, form):
    """With -o - stdout has what a file would, and nothing else; the summary is on stderr."""
    assert kvsync("convert", "m.yaml", "--to", form, "-o", "file").code == 0
    result = kvsync("convert", "m.yaml", "--to", form, "-o", "-")
    assert result.out.encode() == Path("file").read_bytes()
    assert result.err == f"kvsync: m.yaml → stdout ({form}): 3 keys written; 18 B.\n"
    assert kvsync("convert", "m.yaml", "--to", form, "-o", "-", "-q").err == ""


def test_folder(kvsync, write):
    """A directory is read with the options that plan and sync take."""
    write("site/a/b.txt", "one")
    write("site/skipped", "two")
    options = ["--key", "escape", "--prefix", "p-", "--ttl", "1d", "--exclude", "skipped"]
    assert kvsync("convert", "site", "-o", "out.jsonl", *options).code == 0
    assert json.loads(Path("out.jsonl").read_text()) == {
        "key": "p-a_2fb_2etxt",
        "value": "one",
        "expiration_ttl": 86400,
    }


def test_an_exported_folder(kvsync, edge):
    """What export wrote is a source as any other, with the exact keys."""
    edge.put("zone-1", "ns", "../x", "1", FOREVER)
    assert kvsync("export", "-o", "dump").code == 0
    assert kvsync("convert", "dump", "-o", "out.jsonl").code == 0
    assert kvsync("export", "-o", "direct.jsonl").code == 0
    assert Path("out.jsonl").read_text() == Path("direct.jsonl").read_text()


def test_a_file_inside_the_folder(kvsync, write):
    """What is written into the folder that is read is no part of it, the second time neither."""
    write("site/a", "one")
    for options in ([], ["--force"]):
        assert kvsync("convert", "site", "-o", "site/out.jsonl", *options).code == 0
        assert Path("site/out.jsonl").read_text() == '{"key":"a","value":"one"}\n'


def test_onto_itself(kvsync, source):
    """A source may be replaced by what it is converted to."""
    assert kvsync("convert", "m.yaml", "--to", "manifest", "-o", "m.yaml").code == 2
    assert kvsync("convert", "m.yaml", "-o", "m.yaml", "--force").code == 0
    assert kvsync("validate", "m.yaml").out == "m.yaml: 3 keys, 18 B; no mistakes\n"


def test_json_document(kvsync, manifest):
    """--json says what was written where, and counts what was left out."""
    manifest('keys: {a: one, b: {value: two, expires: "2020-01-01T00:00:00Z"}}')
    result = kvsync("convert", "m.yaml", "-o", "out.csv", "--json")
    document = result.json
    assert (document["version"], document["command"], document["exit_code"]) == (1, "convert", 0)
    (run,) = document["runs"]
    assert run["summary"].pop("elapsed_s") >= 0
    warning = "past their `expires`, not written: b (m.yaml:2)"
    assert run == {
        "source": "m.yaml", "exit_code": 0, "error": None, "warnings": [warning], "target": None,
        "out": "out.csv", "format": "csv",
        "summary": {"written": 1, "expired": 1, "bytes": 3, "complete": True},
    }  # fmt: skip
    assert result.err == f"kvsync: warning: m.yaml: {warning}\n"


def test_past_expiries_are_left_out(kvsync, manifest):
    """They could not be put anywhere; the line counts them."""
    manifest('keys: {a: one, b: {value: two, expires: "2020-01-01T00:00:00Z"}}')
    result = kvsync("convert", "m.yaml", "-o", "out.jsonl")
    assert result.out == "m.yaml → out.jsonl (jsonl): 1 key written, 1 expired; 3 B.\n"
    assert Path("out.jsonl").read_text() == '{"key":"a","value":"one"}\n'


def test_nothing_to_write(kvsync, manifest):
    """A source without keys makes a file without keys, and a warning."""
    manifest("keys:")
    result = kvsync("convert", "m.yaml", "--to", "cloudflare", "-o", "out")
    assert (result.code, json.loads(Path("out").read_text())) == (0, [])
    assert result.err == (
        "kvsync: warning: m.yaml: the source names no key at all; is it the right one?\n"
    )


def test_mistakes(kvsync, write, manifest):
    """All of them are told before anything is written, and what was there stays."""
    manifest("keys:\n  a: 1\n  b: {file: none}")
    write("out.jsonl", "old")
    result = kvsync("convert", "m.yaml", "-o", "out.jsonl", "--force")
    assert (result.code, result.out) == (2, "")
    assert [line.split(": ")[0] for line in result.errors] == [
        "m.yaml:3:6",
        "m.yaml:4:13",
        "kvsync",
    ]
    assert result.errors[-1] == "kvsync: error: 2 mistakes; nothing was written"
    assert sorted(os.listdir()) == ["m.yaml", "out.jsonl"]
    assert Path("out.jsonl").read_text() == "old"
    assert kvsync("convert", "m.yaml", "-o", "-").out == ""
    assert kvsync("convert", "none.yaml", "-o", "out").code == 2


@pytest.mark.parametrize("out", ["out.jsonl", "-"])
def test_a_value_that_goes_meanwhile(kvsync, write, monkeypatch, out):
    """It ends the conversion with its place; no file is there that lacks it."""
    write("site/a", "one")
    write("site/b", "two")

    def opened(*args, **options):
        os.remove("site/b")
        return open_new(*args, **options)

    monkeypatch.setattr("kvsync.engine.convert.open_new", opened)
    result = kvsync("convert", "site", "-o", out)
    assert result.code == 2
    became = "what was written is not all" if out == "-" else "nothing was written"
    assert result.errors == [
        "site/b: no such file: check the path",
        f"kvsync: error: 1 mistake; {became}",
    ]
    assert os.listdir() == ["site"]


def test_what_is_there_stays(kvsync, source, write):
    """An existing file, or a part that an export would go on with, needs --force."""
    for name in ("out.csv", "out.csv.part"):
        write(name, "old")
        result = kvsync("convert", "m.yaml", "-o", "out.csv")
        assert (result.code, result.errors) == (2, [f"kvsync: error: {name} {TAKEN}"])
        assert Path(name).read_text() == "old"
        assert kvsync("convert", "m.yaml", "-o", "out.csv", "--force").code == 0
        assert Path("out.csv").read_text().startswith("key,value")
        assert sorted(os.listdir()) == ["m.yaml", "out.csv"]
        os.remove("out.csv")


def test_no_variable_asks_for_it(kvsync, source, write, monkeypatch):
    """Where to, which format and --force have to be typed."""
    write("out.csv", "old")
    for name, value in (("FORCE", "1"), ("TO", "jsonl"), ("OUT", "x")):
        monkeypatch.setenv(f"KVSYNC_{name}", value)
    assert kvsync("convert", "m.yaml", "-o", "out.csv").code == 2
    assert kvsync("convert", "m.yaml").code == 2
    assert kvsync("convert", "m.yaml", "-o", "new.csv").code == 0
    assert Path("new.csv").read_text().startswith("key,value")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["-o", "out"], "the name of OUT speaks of no format: give --to jsonl or manifest or"),
        (["-o", "out.json"], "out.json may be anything in JSON: give --to cloudflare for"),
        (["-o", "-", "--json"], "--json and -o - both write to stdout"),
        (["-o", "out", "--to", "dir"], "Invalid value for '--to': 'dir' is not one of"),
        (["-o", "."], "the name of OUT speaks of no format"),
        (["-o", ".", "--to", "csv"], ". is no regular file"),
        (["-o", "no/out.csv"], "cannot write no/out.csv: No such file or directory"),
        ([], "Missing option '-o' / '--out'"),
    ],
)
def test_what_makes_no_sense(kvsync, source, options, told):
    """Usage errors say what to do instead, and nothing is written."""
    result = kvsync("convert", "m.yaml", *options)
    assert result.code == (4 if "cannot write" in told else 2)
    assert told in result.err + result.out
    assert os.listdir() == ["m.yaml"]


@pytest.mark.slow
def test_start_up_is_light(source):
    """Nothing of the network or the state is imported."""
    heavy = {"aiohttp", "tqdm", "tencentcloud", "tenacity", "sqlite3", "filelock"}
    assert not imported("convert", "m.yaml", "-o", "out.csv") & (heavy | {"asyncio"})
