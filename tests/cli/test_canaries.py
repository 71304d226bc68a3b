"""Secrets and values are in nothing that a run leaves behind, however it ends.

Canaries are planted as secret key, token and values of every kind, and looked for in stdout,
stderr, the state with all that lies beside it, the temporary folder and the command lines of
processes. Only what is meant to hold values is left out: sources, exports and an emulator's data.
"""

import base64
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote

import pytest

from kvsync.emulator.options import ALL_FAULTS
from tests.hostile.serving import by_action, hostile

KEY = "canary/0secret+key"
TOKEN = "canary1token/of+the+session"
VALUES = [f"canary-{number}-value" for number in ("inline", "json", "env", "file", "tree", "dump")]
THEIRS = "canary-their-value"
SAID = [KEY, TOKEN, THEIRS, *VALUES]

MANIFEST = f"""version: 1
keys:
  inline: {VALUES[0]}
  json: {{json: {{deep: {VALUES[1]}}}}}
  env: {{env: SOME_VALUE}}
  file: {{file: value.txt}}
trees:
  - path: tree
"""
LOUD = [["-vv"], ["-vv", "--json", "--log-format", "json"]]
NOISE = [[], ["--log-format", "json"], *LOUD]


def forms(canary: str) -> set[bytes]:
    """How a text may stand somewhere: as it is, or encoded once."""
    plain = canary.encode()
    coded = {base64.b64encode(plain), plain.hex().encode(), quote(canary, safe="").encode()}
    return {plain, plain[:12], *coded}


def check(place: str, content: bytes) -> None:
    """No canary stands here."""
    for canary in SAID:
        for form in forms(canary):
            assert form not in content, f"{canary} in {place}"


@pytest.fixture(autouse=True)
def planted(clean_environment, write, monkeypatch):
    """Canaries in every place that secrets and values come from; nothing kept anywhere else."""
    for name, value in (
        ("TENCENTCLOUD_SECRET_ID", "AKIDtest"),
        ("TENCENTCLOUD_SECRET_KEY", KEY),
        ("TENCENTCLOUD_TOKEN", TOKEN),
        ("SOME_VALUE", VALUES[2]),
        ("KVSYNC_ZONE", "zone-1"),
        ("KVSYNC_NAMESPACE", "ns"),
        ("KVSYNC_RATE", "100000"),
    ):
        monkeypatch.setenv(name, value)
    temporary = clean_environment.parent / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", None)
    write("m.yaml", MANIFEST)
    write("value.txt", VALUES[3])
    write("tree/leaf", VALUES[4])
    write("dump.jsonl", f'{{"key": "dumped", "value": "{VALUES[5]}"}}\n')
    yield
    meant = {"m.yaml", "value.txt", "leaf", "dump.jsonl", "emulator.db"}
    for path in clean_environment.parent.rglob("*"):
        if path.is_file() and path.name not in meant and "out" not in path.parts:
            check(str(path), path.read_bytes())
    assert list(temporary.iterdir()) == []


@pytest.fixture
def said(kvsync):
    """Runs a command line, looks for canaries in all that it says, and returns its result."""

    def call(*args: str):
        result = kvsync(*args)
        check(f"stdout of {args}", result.out.encode())
        check(f"stderr of {args}", result.err.encode())
        return result

    return call


STEPS = [
    "validate m.yaml",
    "validate dump.jsonl --format jsonl",
    "plan m.yaml",
    "sync m.yaml --verify --wait 0",
    "sync dump.jsonl --format jsonl",
    "plan m.yaml --refresh --checksum",
    "verify m.yaml",
    "sync m.yaml --refresh --delete-unmanaged --force",
    "export -o out",
    "convert m.yaml -o out/of.jsonl",
    "copy --from-namespace ns --to-namespace other --create-namespace",
    # What it prints of a key that is there is the value.
    "get nothing",
    "namespaces list",
    "state list m.yaml",
    "state show m.yaml",
    "state forget m.yaml --all",
]


@pytest.mark.slow
@pytest.mark.parametrize("noise", NOISE, ids=" ".join)
def test_every_command(said, serve_emulator, write, noise):
    """All is well, and everything is told of it."""
    edge = serve_emulator()
    edge.put("zone-1", "ns", "inline", THEIRS)
    edge.put("zone-1", "ns", "stray", THEIRS)
    offline = {"validate", "convert", "state"}
    for step in STEPS:
        words = step.split()
        target = [] if words[0] in offline else ["--endpoint", edge.url]
        result = said(*words, *target, *noise)
        assert result.code in {0, 3, 6}, result.err
    check("the emulator's statistics", str(edge.stats()).encode())


@pytest.mark.slow
@pytest.mark.parametrize("fault", sorted(ALL_FAULTS))
def test_every_fault(said, serve_emulator, fault):
    """Half of the requests fail, or all of them, and the run tells what it can."""
    for share, retries, loud in ((0.5, "1", LOUD[0]), (1.0, "0", LOUD[1])):
        edge = serve_emulator(fault=share, faults=frozenset({fault}), seed=7)
        target = ["--endpoint", edge.url, "--retries", retries, "--timeout", "0.1"]
        for step in ("sync m.yaml", "verify m.yaml", f"export -o out/{share}", "put inline x"):
            assert said(*step.split(), *target, *loud).code in {0, 3, 5}


@pytest.mark.parametrize("loud", LOUD, ids=" ".join)
@pytest.mark.parametrize("what", [TOKEN, TOKEN[3:-3], "{value}"])
def test_a_service_that_repeats_what_it_was_sent(said, write, loud, what):
    """Its words are left out if they have the value or the token of the session in them."""
    write("one.yaml", f"version: 1\nkeys: {{inline: {VALUES[0]}}}\n").rename("m.yaml")
    words = f"bad request: {what.format(value=VALUES[0])}!"
    refusal = {"Error": {"Code": "InvalidParameter", "Message": words}}
    with hostile(by_action({"EdgeKVPut": refusal, "EdgeKVGet": refusal})) as server:
        target = ["--endpoint", server.url, *loud]
        assert "it is left out" in said("sync", "m.yaml", *target).err
        if what != "{value}":
            assert "repeats the session token" in said("get", "inline", *target).err


BUGS = {
    "signing": "kvsync.edgekv.wire.signed_headers",
    "reading": "kvsync.sources.manifest.manifest.Manifest.entries",
    "sending": "kvsync.edgekv.namespace.Namespace.put",
    "recording": "kvsync.state.sqlite.store.State.record",
    "reporting": "kvsync.cli.console.document",
    "emulator": "kvsync.emulator.service.Service.answer",
}


@pytest.mark.parametrize("noise", [*NOISE, ["-v"]], ids=" ".join)
@pytest.mark.parametrize("where", BUGS)
def test_a_bug_anywhere(said, monkeypatch, where, noise):
    """An exception that holds secrets and values is told by its type and place alone."""

    def broken(*args: object, **kwargs: object) -> None:
        raise LookupError(f"{args} {kwargs} {SAID}") from ValueError(*SAID)

    monkeypatch.setattr(BUGS[where], broken)
    result = said("sync", "m.yaml", "--local", "--retries", "0", *noise)
    if where == "emulator":
        # That is another's bug: the emulator's answer is a page with status 500.
        assert result.code == 5
        assert "LookupError at test_canaries.py" in result.err
    elif where != "reporting" or "--json" in noise:
        assert result.code == 1
        assert "unexpected LookupError at test_canaries.py" in result.err
        assert ("Traceback" in result.err) == any(word.startswith("-v") for word in noise)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (".tencentcloud/credentials", f"[default]\nsecret_id AKID {KEY}\n{TOKEN}\n"),
        (".tencentcloud/credentials", f"[default]\nsecret_id = x\nsecret_key = {KEY} {KEY}\n"),
        (".tencentcloud/credentials", f"[default]\nsecret_key = {KEY}\ntoken = {TOKEN}\n"),
        (".tccli/default.credential", f'{{"secretId": "x", "secretKey": "{KEY}", {TOKEN}}}'),
        (".tccli/default.credential", f'{{"secretId": "x", "secretKey": ["{KEY}"]}}'),
    ],
)
def test_credentials_that_cannot_be_read(said, edge, clean_environment, monkeypatch, name, content):
    """A broken file of credentials is named, and not quoted."""
    for variable in ("SECRET_ID", "SECRET_KEY", "TOKEN"):
        monkeypatch.delenv(f"TENCENTCLOUD_{variable}")
    path = clean_environment.parent / "home" / name
    path.parent.mkdir()
    path.write_text(content)
    try:
        for loud in LOUD:
            result = said("sync", "m.yaml", *loud)
            assert result.code == 7
            assert name in result.err
    finally:
        path.unlink()


@pytest.mark.parametrize(
    "mistake",
    [
        "a: !x {value}",
        "a: {{value: {value}, ttl: {value}}}",
        "a: [{value}]",
        "a: {{json: {value}: 1}}",
        "a: *{value}",
        "a: {{file: value.txt, encoding: {value}}}",
        'a: "{value}',
        "a: >{value}\n{value}",
    ],
)
def test_mistakes_in_a_manifest(said, edge, write, mistake):
    """A mistake is told with its place, and not with what stands there."""
    write("m.yaml", f"version: 1\nkeys:\n  {mistake.format(value=VALUES[0])}\n")
    for command in ("validate", "plan", "sync"):
        for loud in LOUD:
            assert said(command, "m.yaml", *(loud if command != "validate" else [])).code == 2


@pytest.mark.slow
def test_processes_show_nothing(clean_environment):
    """Neither the emulator nor a run has anything of it on its command line, or says any of it."""
    kvsync = [sys.executable, "-m", "kvsync"]
    with subprocess.Popen(
        [*kvsync, "emulator", "--check-credentials", "--namespace", "ns", "--latency", "0.2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as emulator:
        assert emulator.stdout
        line = emulator.stdout.readline()
        url = line.decode().split()[-1]
        with subprocess.Popen(
            [*kvsync, "sync", "m.yaml", "--endpoint", url, "-vv", "--rate", "20"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as run:
            for process in (emulator, run):
                shown = Path(f"/proc/{process.pid}/cmdline")
                check("a command line", shown.read_bytes() if shown.exists() else b"")
            told = run.communicate()
        emulator.terminate()
        rest = emulator.communicate()
    assert run.returncode == 0
    assert re.search(rb"EdgeKVPut .* OK", told[1])
    check("what processes said", b"".join((line, *told, *rest)))
    assert os.listdir(clean_environment / ".kvsync")
