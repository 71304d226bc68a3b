"""Other stores' dumps as sources: from the command line to what the service holds."""

import os
import threading
import time

import pytest

from tests.cli.dumping import DUMPS, FOREVER, SOON, lines, wrapped
from tests.cli.watching import asked, held

ONE = lines({"key": "a", "value": "one"})
TWO = ONE + lines({"key": "b", "value": "two"})


def _assert_holds(edge, pairs, begun):
    stored = edge.pairs("zone-1", "ns")
    assert {key: value for key, (value, _) in stored.items()} == {
        key: value for key, (value, _) in pairs.items()
    }
    for key, (_, expires) in stored.items():
        wanted = pairs[key][1]
        if wanted == SOON:
            assert begun + SOON - 1 <= expires <= time.time() + SOON + 1
        else:
            assert expires == wanted


@pytest.mark.parametrize("form", DUMPS)
def test_each_format(kvsync, edge, write, form):
    """A dump is stored byte for byte, with its expiries; again, there is nothing to do."""
    dump = DUMPS[form]
    write(dump.name, dump.content)
    call = (dump.name, "--format", form, *dump.options)
    begun = int(time.time())
    assert kvsync("validate", *call).code == 0
    assert f"{len(dump.pairs)} to create" in kvsync("plan", *call).out
    assert edge.arrivals == []
    first = kvsync("sync", *call)
    assert first.code == 0
    assert f"{len(dump.pairs)} created" in first.out
    _assert_holds(edge, dump.pairs, begun)
    again = kvsync("sync", *call)
    assert (again.code, asked(edge)["EdgeKVPut"]) == (0, len(dump.pairs))
    assert f"nothing to do; {len(dump.pairs)} keys unchanged" in again.out
    verified = kvsync("verify", *call, "--wait", "0", "--json")
    assert (verified.code, verified.json["runs"][0]["summary"]["same"]) == (0, len(dump.pairs))


@pytest.mark.parametrize("form", DUMPS)
def test_each_format_guessed(kvsync, edge, write, form):
    """What tells its format needs none, and it is said; what does not names the option."""
    dump = DUMPS[form]
    write(dump.name, dump.content)
    result = kvsync("sync", dump.name, *dump.options)
    if dump.guessed:
        assert result.code == 0
        assert held(edge) == {key: value for key, (value, _) in dump.pairs.items()}
        assert f"kvsync: warning: {dump.name}: read as {form}, as its " in result.err
        assert (
            f"{dump.name}: read as {form}, as its"
            in kvsync("sync", dump.name, *dump.options, "-q").err
        )
    else:
        assert (result.code, edge.arrivals) == (2, [])
        assert "--format" in result.err


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("d.csv", "id,body\na,one\n"),
        ("d.tsv", "a\tone\n"),
        ("d.json", '{"a": {"value": "one"}, "b": {"value": "two"}}'),
        ("d.json", '{"a": "one"}'),
        ("d.json", '[{"key":"a","value":"one","other":1}]'),
        ("d.json", '{"key":"a","value":"one"}\n{"key":"b","value":"one"}\n'),
        ("d.jsonl", lines({"key": "a", "value": wrapped("one")})),
        ("d.txt", "a,one\n"),
        ("d", b"\x00\xff"),
        ("d.json", ""),
    ],
)
def test_what_is_not_guessed(kvsync, edge, write, name, content):
    """Whatever may be something else is an error that names --format, and nothing is sent."""
    write(name, content)
    result = kvsync("sync", name)
    assert (result.code, edge.arrivals) == (2, [])
    assert "--format" in result.err
    assert "one" not in result.err.replace("for one file", "")


def test_a_manifest_may_be_called_one(kvsync, edge, manifest):
    """--format manifest, or --from manifest, says that of a file, and is no mistake."""
    manifest("keys: {a: one}\n")
    assert kvsync("sync", "m.yaml", "--format", "manifest").code == 0
    assert held(edge) == {"a": "one"}
    assert kvsync("convert", "m.yaml", "--from", "manifest", "-o", "out.jsonl").code == 0


def test_a_name_in_yaml_with_another_format(kvsync, edge, write, monkeypatch):
    """What is typed beats a name in .yaml, for convert as well; a variable does not."""
    write("d.yaml", DUMPS["cloudflare"].content)
    assert kvsync("sync", "d.yaml", "--format", "cloudflare").code == 0
    assert kvsync("convert", "d.yaml", "--from", "cloudflare", "-o", "out.jsonl").code == 0
    write("m.yaml", "version: 1\nkeys: {x: one}\n")
    monkeypatch.setenv("KVSYNC_FORMAT", "cloudflare")
    assert kvsync("sync", "m.yaml").code == 0
    assert "x" in held(edge)


def test_a_variable_names_the_format(kvsync, edge, write, monkeypatch):
    """KVSYNC_FORMAT speaks of dumps, and leaves folders and manifests what they are."""
    for form in ("csv", "redis"):
        monkeypatch.setenv("KVSYNC_FORMAT", form)
        write("folder/y", "two")
        assert kvsync("sync", "folder").code == 0
    monkeypatch.setenv("KVSYNC_FORMAT", "csv")
    write("d.txt", "key,value\nx,one\n")
    assert kvsync("sync", "d.txt").code == 0
    assert held(edge) == {"x": "one", "y": "two"}


@pytest.mark.parametrize(
    ("source", "flags"),
    [
        ("d.jsonl", "--key escape"),
        ("d.jsonl", "--extension drop"),
        ("d.jsonl", "--include *"),
        ("d.jsonl", "--exclude *"),
        ("d.jsonl", "--encoding base64"),
        ("m.yaml", "--metadata drop"),
        ("m.yaml", "--separator /"),
        ("m.yaml", "--value-json"),
        ("m.yaml", "--empty skip"),
        ("folder", "--format csv"),
        ("folder", "--short-ttl skip"),
        ("folder", "--keys escape"),
        ("folder", "--ttl-column life"),
        ("d.jsonl", "--key-column key"),
        ("d.jsonl", "--value-json"),
        ("d.jsonl", "--separator /"),
        ("d.csv", "--separator /"),
    ],
)
def test_options_beside_the_wrong_source(kvsync, edge, write, source, flags):
    """Options that make no sense for the source are a usage error that names them."""
    write("d.jsonl", ONE)
    write("d.csv", "key,value\na,one\n")
    write("m.yaml", "version: 1\nkeys: {a: one}\n")
    write("folder/a", "one")
    for command in ("validate", "plan", "sync"):
        result = kvsync(command, source, *flags.split(" "))
        assert (result.code, edge.arrivals) == (2, [])
        assert flags.split()[0] in result.err
        assert source in result.err


@pytest.mark.slow
def test_stdin(kvsync, edge, typed, clean_environment):
    """- is what comes through a pipe: it needs a format and a name, and is read once."""
    call = ("sync", "-", "--format", "jsonl", "--name", "prod")
    typed(TWO)
    assert kvsync(*call).code == 0
    assert held(edge) == {"a": "one", "b": "two"}
    typed(TWO)
    assert "nothing to do; 2 keys unchanged" in kvsync(*call).out
    typed(ONE)
    deleted = kvsync(*call, "--delete", "--json").json["runs"][0]
    assert (deleted["summary"]["delete"], deleted["source"]) == (1, "-")
    assert held(edge) == {"a": "one"}
    assert os.listdir(clean_environment) == [".kvsync"]


def test_stdin_that_says_too_little(kvsync, edge, typed):
    """Without --format or --name, stdin is not even read."""
    typed(ONE)
    for options, told in (
        ([], "--format"),
        (["--name", "x"], "--format"),
        (["--format", "jsonl"], "--name"),
    ):
        result = kvsync("sync", "-", *options)
        assert (result.code, edge.arrivals) == (2, [])
        assert told in result.err


def test_stdin_leaves_nobody_to_ask(kvsync, edge, typed):
    """With -i a dump on stdin is an error, not a yes."""
    typed(ONE)
    result = kvsync("sync", "-", "--format", "jsonl", "--name", "x", "-i")
    assert (result.code, held(edge)) == (2, {})
    assert "needs somebody who answers" in result.err


def test_a_fifo(kvsync, edge, clean_environment):
    """A FIFO is read once, and its pairs are those of the name that is given."""
    os.mkfifo("pipe")

    def pour():
        with open("pipe", "w", encoding="utf-8") as pipe:
            pipe.write(TWO)

    pouring = threading.Thread(target=pour)
    pouring.start()
    result = kvsync("sync", "pipe", "--format", "jsonl", "--name", "x")
    pouring.join()
    assert (result.code, held(edge)) == (0, {"a": "one", "b": "two"})


def test_a_process_substitution(kvsync, edge):
    """What a shell makes of <(…) is read once, for sync and for convert."""
    for call in (["sync"], ["convert", "-o", "out.csv"]):
        reading, writing = os.pipe()
        os.write(writing, ONE.encode())
        os.close(writing)
        form = "--from" if call[0] == "convert" else "--format"
        result = kvsync(*call, f"/dev/fd/{reading}", form, "jsonl", "--name", "x")
        os.close(reading)
        assert result.code == 0
    assert held(edge) == {"a": "one"}


def test_two_dumps_in_one_call(kvsync, edge, write):
    """Each is read in its own format, and is a run of its own; they may not share a key."""
    write("one.jsonl", ONE)
    write("two.json", '[{"key": "b", "value": "two"}]')
    first = kvsync("sync", "one.jsonl", "two.json", "--json")
    assert [run["summary"]["create"] for run in first.json["runs"]] == [1, 1]
    assert held(edge) == {"a": "one", "b": "two"}
    write("two.json", '[\n{"key": "a", "value": "two"}]')
    both = kvsync("sync", "one.jsonl", "two.json")
    assert both.code == 2
    assert both.errors[-3] == "two.json:2: the key a is also named by one.jsonl:1"


def test_a_dump_beside_a_manifest(kvsync, edge, write, manifest):
    """They go together in one call, and one that is wrong keeps the other back."""
    manifest("keys: {m: one}\n")
    write("d.jsonl", ONE)
    assert kvsync("sync", "m.yaml", "d.jsonl").code == 0
    assert held(edge) == {"m": "one", "a": "one"}
    write("d.jsonl", ONE + "{\n")
    manifest("keys: {m: two}\n")
    assert kvsync("sync", "m.yaml", "d.jsonl").code == 2
    assert held(edge) == {"m": "one", "a": "one"}


def test_prefix_and_ttl(kvsync, edge, write):
    """--prefix is put before each key, and --ttl is for the pairs that say nothing."""
    write("d.jsonl", ONE + lines({"key": "b", "value": "x", "expiration": FOREVER}))
    begun = int(time.time())
    assert kvsync("sync", "d.jsonl", "--prefix", "p-", "--ttl", "1h").code == 0
    _assert_holds(edge, {"p-a": ("one", SOON), "p-b": ("x", FOREVER)}, begun)


def test_a_row_as_the_value(kvsync, edge, write):
    """--value-json stores the row as an object, its columns in their order."""
    write("d.csv", "id,name,n\nx,ü,1\n")
    assert (
        kvsync("sync", "d.csv", "--format", "csv", "--key-column", "id", "--value-json").code == 0
    )
    assert held(edge) == {"x": '{"id":"x","name":"ü","n":"1"}'}
