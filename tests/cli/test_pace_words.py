"""What is said of the pace: whose it is, who else draws on it, and how to have more."""

import re

import pytest

from tests.cli.documents import DOCUMENTS, ROOT
from tests.servers import ServedEmulator


def test_no_word_of_a_pace_per_account():
    """It is the sub-account's; nothing that people read says otherwise."""
    texts = {path: path.read_text() for path in (ROOT / "kvsync").rglob("*.py")}
    texts |= {path: path.read_text() for path in DOCUMENTS}
    wrong = re.compile(r"per account|(?<!sub-)account's (pace|budget)|API allows an account")
    assert [str(path) for path, text in texts.items() if wrong.search(text)] == []


@pytest.mark.parametrize("command", ["plan", "sync", "verify", "copy", "get", "put", "export"])
def test_help(kvsync, command):
    """--rate says what 20 is, and how more is had."""
    told = " ".join(kvsync(command, "--help").out.split()).replace("sub- account", "sub-account")
    assert "20 is what a sub-account may, by the console and tccli, too; more is granted by" in told


def test_a_refusal(kvsync, edge: ServedEmulator, serve_emulator, manifest):
    """Whoever is refused for the pace hears who may have drawn on it."""
    busy = serve_emulator(fault=1.0, faults=frozenset({"RequestLimitExceeded"}))
    result = kvsync("put", "a", "v", "--endpoint", busy.url, "--retries", "0")
    assert result.code == 5
    assert "all that signs as this sub-account, the console and tccli too, draws on" in result.err


def test_a_rate_above(kvsync, credentials, manifest):
    """A plan at a higher rate says that it has to be granted."""
    manifest("zone: z-1\nnamespace: ns\nkeys: {a: v}\n")
    assert "if no ticket has granted more" in kvsync("plan", "m.yaml", "--rate", "30").err
    assert kvsync("plan", "m.yaml").err == ""
