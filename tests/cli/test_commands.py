"""The commands as such: help, version, schema, emulator, start-up, last lines of defence."""

import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import pytest

from kvsync.formats.record import Loss
from kvsync.sources import SourceOptions
from tests.cli.importing import imported
from tests.emulator.raw import call, error_of, post, signed

COMMANDS = [
    ("plan",), ("sync",), ("validate",), ("state",), ("state", "list"), ("state", "show"),
    ("state", "forget"), ("state", "path"), ("emulator",), ("schema",), ("convert",), ("copy",),
    ("help",),
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(kvsync, command):
    """Each command's help ends with an example of its use."""
    result = kvsync(*command, "--help")
    assert result.code == 0
    assert "Example: kvsync " + " ".join(command) in " ".join(result.out.split())


def test_help(kvsync):
    """The program's help names each command, with its own summary."""
    out = kvsync("--help").out
    for command, *rest in COMMANDS:
        if not rest:
            assert f"  {command} " in out
    assert kvsync("-h").out == out


def test_unknown_command(kvsync):
    """An unknown command is a usage error that names the one that was meant, perhaps."""
    result = kvsync("snyc", "m.yaml")
    assert result.code == 2
    assert result.errors == [
        "kvsync: error: No such command 'snyc'. Did you mean 'sync'?",
        "kvsync: error: see `kvsync --help`",
    ]


def test_durations(kvsync):
    """Durations are seconds or 90s, 15m, 1h30m, 7d; anything else says so."""
    result = kvsync("sync", "m.yaml", "--timeout", "soon")
    assert result.errors[0] == (
        "kvsync: error: Invalid value for '--timeout': not a duration: write seconds, or 90s, 15m,"
        " 1h30m, 7d"
    )


def test_validate(kvsync, write):
    """validate says how much there is where all is well."""
    write("m.yaml", "version: 1\nkeys: {a: one}\n")
    assert kvsync("validate", "m.yaml").out == "m.yaml: 1 key, 3 B; no mistakes\n"
    document = kvsync("validate", "m.yaml", "--json").json
    summary = document["runs"][0]["summary"]
    assert (summary["keys"], summary["bytes"], summary["create"]) == (1, 3, 0)


def test_schema(kvsync):
    """schema prints a JSON Schema that knows the manifest's fields."""
    schema = json.loads(kvsync("schema").out)
    assert "trees" in json.dumps(schema)


@pytest.mark.slow
def test_wide_characters_on_a_narrow_terminal(write):
    """A terminal without the letters gets their codes, not a traceback."""
    write("m.yaml", "version: 1\nkeys: {a: one}\n")
    child = subprocess.run(
        [sys.executable, "-m", "kvsync", "plan", "m.yaml", "--local"],
        env={**os.environ, "PYTHONIOENCODING": "latin-1"}, capture_output=True, check=True,
    )  # fmt: skip
    assert child.stdout.startswith(b"m.yaml \\u2192 zone-local/default")


@pytest.mark.slow
def test_reader_that_leaves(write):
    """`kvsync plan | head` ends without a traceback, and with its own exit code."""
    for number in range(3000):
        write(f"tree/key-{number}", "value")
    command = f"set -o pipefail; {sys.executable} -m kvsync plan tree --local | head -n 1"
    child = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert (len(child.stdout.splitlines()), child.stderr) == (1, "")


@pytest.mark.slow
@pytest.mark.parametrize("option", ["--quiet", "--json"])
def test_full_stdout(write, option):
    """Results that cannot be written are exit 4 and one line."""
    write("m.yaml", "version: 1\nkeys: {a: one}\n")
    command = [sys.executable, "-m", "kvsync", "plan", "m.yaml", "--local"]
    with open("/dev/full", "w") as full:
        child = subprocess.run(
            [*command, option], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    wanted = (4, "kvsync: error: cannot write to stdout: No space left on device\n")
    assert (child.returncode, child.stderr) == ((0, "") if option == "--quiet" else wanted)


@pytest.mark.slow
@pytest.mark.parametrize("stderr", ["2>&-", "2>/dev/full"])
@pytest.mark.parametrize("options", ["sync m.yaml --local --progress bar", "plan m.yaml --bogus"])
def test_stderr_that_cannot_be_written(write, stderr, options):
    """Whether anybody hears the messages decides neither the document nor the exit code."""
    write("m.yaml", "version: 1\nkeys: {a: {value: one, ttl: 10}}\n")
    command = f"{sys.executable} -m kvsync {options} --json {stderr}"
    child = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    document = json.loads(child.stdout)
    assert document["exit_code"] == child.returncode == (2 if "bogus" in options else 0)


@pytest.mark.slow
def test_full_stdout_of_help():
    """Help that cannot be written is no bug of ours."""
    with open("/dev/full", "w") as full:
        child = subprocess.run(
            [sys.executable, "-m", "kvsync", "--version"],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    wanted = "kvsync: error: cannot write: No space left on device\n"
    assert (child.returncode, child.stderr) == (4, wanted)


@pytest.mark.parametrize(
    "options",
    [
        ("--rate", "inf"), ("--rate", "nan"), ("--rate", "0"), ("--timeout", "0"),
        ("--timeout", "nan"), ("--timeout", "-3"), ("--renew-within", "inf"),
        ("--renew-within", "-5"), ("--grace", "nan"), ("--lock-timeout", "-1"),
    ],
)  # fmt: skip
def test_numbers_that_are_none(kvsync, write, clean_environment, options):
    """A number that makes no sense is a usage error, before anything is created."""
    write("m.yaml", "version: 1\nkeys: {a: one}\n")
    result = kvsync("sync", "m.yaml", "--local", *options)
    assert result.code == 2
    assert options[0] in result.errors[0]
    assert not (clean_environment / ".kvsync").exists()


@pytest.mark.parametrize("command", [(), ("state",)])
def test_no_command(kvsync, command):
    """Without a command there is the help, and exit 2."""
    result = kvsync(*command)
    assert result.code == 2
    assert result.err.startswith("Usage: kvsync")


def test_command_in_a_failure(kvsync):
    """The document names the command as it was called, also when it failed."""
    assert kvsync("state", "forget", "--json").json["command"] == "state forget"
    assert kvsync("state", "list", "gone", "--json").json["command"] == "state list"
    assert kvsync("plan", "--nonsense", "--json").json["command"] == "plan"


@pytest.mark.slow
def test_terminated_before_sending(write):
    """SIGTERM while sources are read is exit 143, with the document."""
    write("m.yaml", "version: 1\nkeys: {a: one}\n")
    code = (
        "import os, signal, sys, kvsync.cli.commands.plan as plan; from kvsync.cli import main\n"
        "plan.plan = lambda *_: os.kill(os.getpid(), signal.SIGTERM)\n"
        "sys.argv[1:] = ['plan', 'm.yaml', '--local', '--json']; main()"
    )
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (child.returncode, json.loads(child.stdout)["exit_code"]) == (143, 143)


def test_unexpected_error(kvsync, write, monkeypatch):
    """A bug is exit 1 and one line without values; -v adds the traceback."""
    write("m.yaml", "version: 1\nkeys: {a: one}\n")

    def broken(*_: object) -> None:
        raise ZeroDivisionError("hunter2")

    monkeypatch.setattr("kvsync.cli.commands.plan.plan", broken)
    result = kvsync("plan", "m.yaml", "--local", "--json")
    assert (result.code, result.json["exit_code"]) == (1, 1)
    assert result.err.startswith("kvsync: error: unexpected ZeroDivisionError at test_commands.py:")
    assert "hunter2" not in result.err + result.out
    assert "Traceback" in kvsync("plan", "m.yaml", "--local", "-v").err


def test_interrupted_before_sending(kvsync, monkeypatch):
    """Ctrl-C while sources are read is exit 130, in JSON too."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("kvsync.cli.commands.plan.plan", interrupted)
    result = kvsync("plan", "x")
    assert (result.code, result.err) == (130, "\nkvsync: error: interrupted\n")
    assert kvsync("plan", "x", "--json").json["error"]["kind"] == "interrupted"


def test_interrupted_while_a_class_is_made(kvsync, monkeypatch):
    """Ctrl-C while modules are loaded is exit 130, also where Python makes another error of it."""

    class Stopping:
        def __set_name__(self, *_: object) -> None:
            raise KeyboardInterrupt

    def interrupted(*_: object) -> None:
        type("Made", (), {"part": Stopping()})

    monkeypatch.setattr("kvsync.cli.commands.plan.plan", interrupted)
    result = kvsync("plan", "x", "--json")
    assert (result.code, result.json["error"]["kind"]) == (130, "interrupted")


@pytest.mark.slow
def test_start_up_is_light(kvsync, write):
    """--version imports click alone; a run with nothing to send no network and no bar."""
    heavy = {"aiohttp", "tqdm", "requests", "tencentcloud", "tenacity"}
    assert not imported("--version") & (heavy | {"yaml", "msgspec", "sqlite3", "asyncio"})
    write("m.yaml", "version: 1\nkeys: {a: one}\n")
    kvsync("sync", "m.yaml", "--local")
    assert not imported("sync", "m.yaml", "--local") & (heavy | {"asyncio"})


@pytest.fixture
def start_emulator():
    """Starts `kvsync emulator` and returns the process and its first line."""
    children = []

    def started(*options: str) -> tuple[subprocess.Popen[str], str]:
        command = [sys.executable, "-m", "kvsync", "emulator", *options]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        children.append(child)
        return child, child.stdout.readline()

    yield started
    for child in children:
        child.kill()
        child.communicate()


@pytest.mark.slow
def test_emulator(kvsync, start_emulator, write, credentials, clean_environment):
    """The emulator prints its address once it listens, serves, and ends with Ctrl-C, exit 0."""
    data = str(clean_environment / "edge.db")
    child, line = start_emulator("--data", data, "--namespace", "ns")
    assert line.startswith("EdgeKV emulator at http://127.0.0.1:")
    write("m.yaml", "version: 1\nzone: z\nnamespace: ns\nkeys: {a: one}\n")
    result = kvsync("sync", "m.yaml", "--endpoint", line.split()[-1])
    assert "1 created" in result.out
    child.send_signal(signal.SIGINT)
    assert child.wait(20) == 0
    _, line = start_emulator("--data", data, "--namespace", "ns")
    assert "nothing to do" in kvsync("sync", "m.yaml", "--endpoint", line.split()[-1]).out


@pytest.mark.slow
def test_emulator_speaks_tls(kvsync, start_emulator, write, credentials, clean_environment):
    """--tls without a file makes its own pair beside the data, and tells what clients need.

    Its address is the one line on stdout, as ever; at the next start the pair is the same.
    """
    data = str(clean_environment / "edge.db")
    write("m.yaml", "version: 1\nzone: z\nnamespace: ns\nkeys: {a: one}\n")
    for told in ("1 created", "nothing to do"):
        child, line = start_emulator("--tls", "--data", data, "--namespace", "ns")
        assert line.startswith("EdgeKV emulator at https://127.0.0.1:")
        needed = child.stderr.readline()
        assert needed == f"Its clients need --ca-file {data}.ca.pem\n"
        ca = ["--ca-file", needed.split()[-1]]
        assert told in kvsync("sync", "m.yaml", "--endpoint", line.split()[-1], *ca).out
        child.send_signal(signal.SIGTERM)
        assert child.wait(20) == 0


@pytest.mark.slow
def test_emulator_in_memory_leaves_no_certificate(start_emulator):
    """Without data, the pair lasts as long as the emulator; its folder is the user's alone."""
    child, _ = start_emulator("--tls", "--port", "0")
    ca = Path(child.stderr.readline().split()[-1])
    assert ca.is_file()
    assert ca.parent.stat().st_mode & 0o777 == 0o700
    child.send_signal(signal.SIGTERM)
    assert child.wait(20) == 0
    assert not ca.parent.exists()


def test_emulator_without_a_certificate_does_not_start(kvsync):
    """A file that is not there is named."""
    result = kvsync("emulator", "--tls", "none.pem")
    assert (result.code, result.out) == (2, "")
    assert "--tls: none.pem cannot be read: No such file or directory" in result.err


@pytest.mark.slow
def test_emulator_lags(start_emulator):
    """--lag takes a duration, and a write cannot be read before it has passed."""
    _, line = start_emulator("--lag", "1h", "--namespace", "ns")
    server = SimpleNamespace(url=line.split()[-1])
    call(server, "EdgeKVPut", Key="k", Value="v")
    assert call(server, "EdgeKVList")["Keys"] == []


@pytest.mark.slow
def test_emulator_jitters(start_emulator):
    """--jitter takes a duration, and a request arrives up to twice as long after it was sent."""
    _, line = start_emulator("--jitter", "0.05", "--fault-seed", "1", "--namespace", "ns")
    server = SimpleNamespace(url=line.split()[-1])
    begun = time.monotonic()
    call(server, "EdgeKVPut", Key="k", Value="v")
    with urllib.request.urlopen(f"{server.url}/_emulator/stats", timeout=10) as answer:
        arrived = json.load(answer)["arrivals"][0][0]
    # The clock is the system's: both processes read the same one.
    assert arrived - begun >= random.Random(1).uniform(0, 0.1)


@pytest.mark.slow
def test_emulator_fails_as_it_is_told(start_emulator):
    """--fault-kind says how requests fail, and --fault-seed which: the same ones again."""
    fault = ["--fault", "0.5", "--fault-kind", "InternalError", "--fault-kind", "502"]

    def failed(seed: str) -> list[str | int]:
        _, line = start_emulator(*fault, "--fault-seed", seed, "--namespace", "ns", "--rate", "0")
        server = SimpleNamespace(url=line.split()[-1])
        body = json.dumps({"ZoneId": "z", "Namespace": "ns", "Key": "k", "Value": "v"}).encode()
        replies = [post(server, body, signed(server, "EdgeKVPut", body)) for _ in range(30)]
        return [
            502 if r.status == 502 else error_of(json.loads(r.body)["Response"]) for r in replies
        ]

    first = failed("1")
    assert set(first) == {"", "InternalError", 502}
    assert failed("1") == first != failed("2")


def test_emulator_fails_in_no_other_way(kvsync):
    """A kind that there is not is refused with those that there are."""
    result = kvsync("emulator", "--fault-kind", "meteor")
    assert result.code == 2
    assert "'reset-after'" in result.err


@pytest.mark.slow
def test_emulator_checks_credentials(kvsync, start_emulator, write, credentials, monkeypatch):
    """--check-credentials lets in the pair in the environment, and no other."""
    _, line = start_emulator("--check-credentials")
    write("m.yaml", "version: 1\nzone: z\nnamespace: default\nkeys: {a: one}\n")
    url = line.split()[-1]
    assert kvsync("sync", "m.yaml", "--endpoint", url).code == 0
    write("m.yaml", "version: 1\nzone: z\nnamespace: default\nkeys: {a: two}\n")
    monkeypatch.setenv("TENCENTCLOUD_SECRET_KEY", "another")
    assert kvsync("sync", "m.yaml", "--endpoint", url).code == 7


def test_emulator_without_credentials_to_check(kvsync):
    """--check-credentials without a pair is a usage error."""
    result = kvsync("emulator", "--check-credentials")
    assert (result.code, result.errors) == (
        2,
        [
            "kvsync: error: --check-credentials: set TENCENTCLOUD_SECRET_ID and"
            " TENCENTCLOUD_SECRET_KEY"
        ],
    )


def test_emulator_on_a_taken_port(kvsync, emulator):
    """A port that is taken is told in one line."""
    port = emulator.url.rpartition(":")[2]
    result = kvsync("emulator", "--port", port)
    assert result.code == 2
    assert port in result.err


def test_every_tree_flag_reaches_the_source():
    """The command line offers each field of a tree."""
    from kvsync.cli.commands.sync import command

    offered = {parameter.name for parameter in command.params}
    derived = {"from_environment", "left_out", "dump"}
    assert set(SourceOptions.__dataclass_fields__) - derived <= offered
    assert {str(kind).replace("-", "_") for kind in Loss} <= offered
