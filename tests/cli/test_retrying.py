"""The way back: ``kvsync sync`` of a file that lists what did not get through."""

import json
from pathlib import Path

import pytest

from tests.cli.copying import rows
from tests.cli.failing import FILE, broken, header, listed, manifest_of
from tests.cli.watching import counted, held, long_ago


@pytest.fixture
def failed(kvsync, edge, manifest):
    """Six keys, of which two did not get through; returns which."""

    def run(*options: str) -> set[str]:
        manifest(manifest_of(*range(6)))
        with broken(2):
            result = kvsync("sync", "m.yaml", "--retries", "0", "--failures", FILE, *options)
        assert result.code == 5
        return set(listed())

    return run


@pytest.mark.slow
@pytest.mark.parametrize("form", [[], ["--format", "jsonl"]])
def test_exactly_those(kvsync, edge, failed, form):
    """Just what failed is sent, doubt is settled, and then the source has nothing to do."""
    missing = failed()
    assert len(missing) == 2
    assert {key for key, row in rows().items() if row.in_doubt} == missing
    with counted(edge) as seen:
        result = kvsync("sync", FILE, *form)
    assert (result.code, result.err, seen) == (0, "", {"EdgeKVPut": 2})
    assert held(edge) == {f"k{n}": f"v{n}" for n in range(6)}
    assert not any(row.in_doubt for row in rows().values())
    assert {row.owner for row in rows().values()} == {"./m.yaml"}
    for source in (FILE, "m.yaml"):
        with counted(edge) as seen:
            assert "nothing to do" in kvsync("sync", source).out
        assert seen == {}


@pytest.mark.slow
def test_the_same_file_again(kvsync, edge, failed):
    """The file that is retried may be the one that lists what fails once more."""
    missing = failed()
    with broken(1):
        assert kvsync("sync", FILE, "--retries", "0", "--failures", FILE).code == 5
    assert len(listed()) == 1
    assert missing > set(listed())
    assert header()["owner"] == "./m.yaml"
    assert kvsync("sync", FILE, "--failures", FILE).code == 0
    assert listed() == {}
    result = kvsync("sync", FILE, "--failures", FILE)
    assert (result.code, result.err) == (0, "")
    assert "nothing to do" in kvsync("sync", "m.yaml").out


def test_the_same_file_in_part(kvsync, edge, failed):
    """With --only, the rest of the file would be lost: that is refused."""
    missing = sorted(failed())
    result = kvsync("sync", FILE, "--only", missing[0], "--failures", FILE)
    assert (result.code, set(listed())) == (2, set(missing))
    assert "--only would drop the rest" in result.err
    assert kvsync("sync", FILE, "--only", missing[0], "--failures", "other.jsonl").code == 0
    assert len(held(edge)) == 5


def test_from_anywhere(kvsync, edge, failed, clean_environment, monkeypatch):
    """State and owner are those of the source, wherever the file lies and whoever is where."""
    failed()
    elsewhere = clean_environment.parent / "elsewhere"
    elsewhere.mkdir()
    (clean_environment / FILE).rename(elsewhere / "f")
    monkeypatch.chdir(elsewhere)
    assert kvsync("sync", "f").code == 0
    assert [path.name for path in elsewhere.iterdir()] == ["f"]
    monkeypatch.chdir(clean_environment)
    assert "nothing to do" in kvsync("sync", "m.yaml").out


def test_home_that_is_not_here(kvsync, edge, failed, clean_environment, monkeypatch):
    """Where the source's folder is not there, the file's own has the state, and that is said."""
    failed()
    moved = clean_environment.parent / "moved"
    clean_environment.rename(moved)
    monkeypatch.chdir(moved)
    result = kvsync("sync", FILE)
    assert result.code == 0
    assert "is not here, so its state is not" in result.err
    assert "nothing to do" in kvsync("sync", "m.yaml").out


def test_local(kvsync, manifest, monkeypatch):
    """Under --local the retry needs it again, and a run without is refused with these words."""
    manifest(manifest_of(1, 2))
    with broken():
        told = kvsync("sync", "m.yaml", "--local", "--retries", "0", "--failures", FILE)
    assert told.errors[-1].endswith(f"kvsync sync {FILE} --local retries them")
    refused = kvsync("sync", FILE)
    assert refused.code == 2
    assert refused.err.rstrip().endswith("and is for no other target: give --local")
    assert "2 updated" in kvsync("sync", FILE, "--local").out
    assert "nothing to do" in kvsync("sync", "m.yaml", "--local").out
    Path(".kvsync/emulator.db").unlink()
    refused = kvsync("sync", FILE, "--local")
    assert refused.code == 2
    assert "--local has other data now, so sync the source itself" in refused.err


@pytest.mark.parametrize("command", ["sync", "plan", "verify"])
def test_another_endpoint(kvsync, edge, failed, serve_emulator, monkeypatch, command):
    """A file is for one target: another one is refused before anything is asked or sent."""
    failed()
    other = serve_emulator()
    result = kvsync(command, FILE, "--endpoint", other.url)
    assert (result.code, other.arrivals) == (2, [])
    assert "give --endpoint with that emulator's address" in result.err
    result = kvsync(command, FILE, "--namespace", "other")
    assert result.code == 2
    assert "leave out --zone and --namespace" in result.err


def test_an_endpoint_that_was_forgotten(kvsync, credentials, write):
    """The words that refuse a run name the endpoint to give."""
    first = {
        "format": "kvsync-failures", "version": 1, "owner": "./m.yaml", "zone": "z",
        "namespace": "n", "endpoint": "https://teo.tencentcloudapi.com",
    }  # fmt: skip
    write(FILE, json.dumps(first) + '\n{"key":"a","value":"x"}\n')
    result = kvsync("plan", FILE)
    assert result.code == 2
    assert result.err.rstrip().endswith("give --endpoint https://teo.tencentcloudapi.com")
    assert kvsync("plan", FILE, "--endpoint", "mainland").code == 0


def test_explicit_state(kvsync, edge, failed, clean_environment):
    """With --state the retry needs that again, too; the hint has it, and so has the refusal."""
    failed("--state", "s/s.db")
    refused = kvsync("sync", FILE)
    assert refused.code == 2
    assert "give that with --state" in refused.err
    assert str(clean_environment / "s" / "s.db") in refused.err
    assert kvsync("sync", FILE, "--state", "s/s.db").code == 0
    assert "nothing to do" in kvsync("sync", "m.yaml", "--state", "s/s.db").out
    assert not (clean_environment / ".kvsync").exists()


@pytest.mark.slow
def test_a_file_that_was_overtaken(kvsync, edge, failed, manifest):
    """A key that got through meanwhile, with another value, keeps that; and that is said."""
    one, two = sorted(failed())
    manifest(f"keys: {{{one}: newer}}\n")
    assert kvsync("sync", "m.yaml").code == 0
    result = kvsync("sync", FILE)
    assert result.code == 0
    last_word = "a later run of its source has had the last word: sync the source itself"
    assert result.errors == [
        f"kvsync: warning: {FILE}: not sent, since something newer got through meanwhile: {one}",
        f"kvsync: warning: {FILE}: not sent, since {last_word}: {two}",
    ]
    assert held(edge)[one] == "newer"
    manifest(f"keys: {{{one}: newest}}\n")
    with broken():
        kvsync("sync", "m.yaml", "--retries", "0")
    plan = kvsync("plan", FILE, "--json")
    assert plan.json["runs"][0]["changes"] == []
    assert f"{last_word}: {one}, {two}" in plan.err


@pytest.mark.slow
def test_it_deletes_nothing(kvsync, edge, failed, manifest):
    """What the file does not name is no orphan: nothing of it is counted, read or deleted."""
    failed()
    long_ago()
    for options in (["--delete"], ["--delete-unmanaged", "--refresh"]):
        result = kvsync("sync", FILE, *options, "--max-delete", "100%", "--json")
        assert result.code == 0
        (run,) = result.json["runs"]
        assert (run["summary"]["delete"], run["orphans"]) == (0, [])
        assert "it lists what did not get through: nothing is deleted" in result.err
    assert len(held(edge)) == 6


def test_a_header_alone(kvsync, edge, manifest):
    """A file that lists nothing is no empty source: there is nothing to warn of."""
    manifest(manifest_of(1))
    kvsync("sync", "m.yaml", "--failures", FILE)
    result = kvsync("sync", FILE, "--delete", "--max-delete", "100%")
    assert (result.code, held(edge)) == (0, {"k1": "v1"})
    assert "nothing to do" in result.out
    assert "no key at all" not in result.err


def test_keys_stay_as_they_were(kvsync, edge, write, monkeypatch):
    """Prefix, TTL and charset are in the pairs already: variables do not add them once more."""
    monkeypatch.setenv("KVSYNC_PREFIX", "cfg-")
    monkeypatch.setenv("KVSYNC_TTL", "1d")
    write("tree/a", "one")
    options = ["tree", "--charset", "utf-8", "--prefix", "é/", "--ttl", "never", "--name", "mine"]
    with broken():
        kvsync("sync", *options, "--retries", "0", "--failures", FILE)
    monkeypatch.setenv("KVSYNC_NAME", "other")
    assert kvsync("sync", FILE).code == 0
    assert edge.pairs("zone-1", "ns") == {"é/a": ("one", 0)}
    assert "nothing to do" in kvsync("sync", *options).out


@pytest.mark.parametrize(
    "flag", [["--prefix", "x-"], ["--ttl", "1d"], ["--charset", "strict"], ["--keys", "escape"]]
)
def test_flags_that_would_change_pairs(kvsync, edge, failed, flag):
    """Typed, such flags are refused."""
    failed()
    result = kvsync("sync", FILE, *flag)
    assert result.code == 2
    assert f"{flag[0]}: the pairs of {FILE} are as they were to be sent" in result.err


def test_expiries(kvsync, edge, manifest):
    """A pair keeps its TTL or its expiry, and one that is too late by now is left out and named."""
    manifest(
        "keys:\n  a: {value: one, expires: 2100-01-01T00:00:00Z}\n  b: {value: two, ttl: 1d}\n"
    )
    with broken():
        kvsync("sync", "m.yaml", "--retries", "0", "--failures", FILE)
    path = Path(FILE)
    late = '{"key":"late","value":"x","expiration":1}\n'
    path.write_text(path.read_text() + late)
    result = kvsync("sync", FILE)
    assert result.code == 0
    assert "late" in result.err
    pairs = edge.pairs("zone-1", "ns")
    assert pairs.keys() == {"a", "b"}
    assert pairs["a"][1] == 4102444800
    assert "nothing to do" in kvsync("sync", "m.yaml").out


@pytest.mark.slow
def test_any_name(kvsync, edge, manifest, monkeypatch):
    """The hint names the format where the file's name or a variable would mislead."""
    manifest(manifest_of(1))
    for name in ("f.yaml", "f.csv", ".env"):
        with broken():
            told = kvsync("sync", "m.yaml", "--retries", "0", "--failures", name)
        more = " --format jsonl" if name == "f.yaml" else ""
        assert f"kvsync sync {name}{more} retries it" in told.errors[-1]
        assert kvsync("plan", name, *more.split()).code == 0
    monkeypatch.setenv("KVSYNC_FORMAT", "csv")
    with broken():
        told = kvsync("sync", "m.yaml", "--retries", "0", "--failures", FILE)
    assert f"kvsync sync {FILE} --format jsonl retries it" in told.errors[-1]


def test_a_dump_and_a_pipe(kvsync, edge, write, monkeypatch):
    """What a dump could not deliver comes back under its name, by whatever way it was read."""
    write("d.csv", "key,value\na,one\nb,two\n")
    with broken(), open("d.csv", "rb") as pipe:
        monkeypatch.setattr("sys.stdin", type("In", (), {"buffer": pipe}))
        options = ["-", "--format", "csv", "--name", "mine"]
        assert kvsync("sync", *options, "--retries", "0", "--failures", FILE).code == 5
    assert {key: line["value"] for key, line in listed().items()} == {"a": "one", "b": "two"}
    assert kvsync("sync", FILE).code == 0
    assert {row.owner for row in rows().values()} == {"mine"}
    assert held(edge) == {"a": "one", "b": "two"}
