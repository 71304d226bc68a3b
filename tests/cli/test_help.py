"""``kvsync help``: the guide on a terminal and on a pipe."""

import os
import pty
import subprocess
import sys

import pytest

from kvsync.cli.guide import Topic, plain, topics
from tests.cli.importing import imported

TEXT = """# Title

The **purpose** of it.

See [the state](state.md#check), `kvsync help *`, and *never* `**`:

- first item, which is so long that it goes on
  in the next line
- second
1. numbered:

   ```sh
   kvsync  sync   # as it is, however long the line may be, since this is code
   ```

## A table

| a | b |
|---|---|
| one | two |
"""

PLAIN = """Title
=====

The purpose of it.

See the state, `kvsync help *`, and
never `**`:

- first item, which is so long that it
  goes on in the next line
- second
1. numbered:

       kvsync  sync   # as it is, however long the line may be, since this is code

A table
-------

a    b
one  two

See also: kvsync help state"""


def test_plain():
    """Markdown becomes text: no targets, no emphasis, prose wrapped, code as it is."""
    assert plain(Topic("title", "", TEXT), 40) == PLAIN


def test_a_wide_table():
    """Cells are wrapped in their columns, and rows are kept apart then."""
    table = "| a | what it is |\n|---|---|\n| one | two words and more |\n| three | four |\n"
    assert plain(Topic("t", "", table), 20).splitlines() == [
        "a      what it is", "", "one    two words and", "       more", "", "three  four",
    ]  # fmt: skip


def test_words_longer_than_the_line():
    """A table that cannot be made narrow enough is wider than the terminal."""
    table = f"| a | b |\n|---|---|\n| {'x' * 30} | {'y' * 30} |\n"
    assert len(plain(Topic("t", "", table), 20).splitlines()[-1]) == 62


def test_the_list(kvsync, monkeypatch):
    """help lists all topics, each with its sentence, at most 80 columns wide."""
    monkeypatch.setenv("COLUMNS", "200")
    result = kvsync("help")
    assert result.code == 0
    told = " ".join(result.out.split())
    assert all(f" {topic.name} {topic.purpose} " in told for topic in topics().values())
    assert told.index(" quickstart ") < told.index(" manifests ") < told.index(" security ")
    assert max(map(len, result.out.splitlines())) <= 80


@pytest.mark.parametrize("name", topics())
def test_each_topic_is_readable(kvsync, monkeypatch, name):
    """Prose and tables of a topic fit in 80 columns, and nothing of Markdown is left but code."""
    monkeypatch.setenv("COLUMNS", "80")
    result = kvsync("help", name)
    assert (result.code, result.err) == (0, "")
    assert "\x1b" not in result.out
    lines = [line for line in result.out.splitlines() if not line.startswith("    ")]
    assert [line for line in lines if len(line) > 80] == []
    assert [line for line in lines if "](" in line or "```" in line or "|--" in line] == []


@pytest.mark.parametrize(("name", "near"), [("drfit", "drift"), ("manifest", "manifests")])
def test_an_unknown_topic(kvsync, name, near):
    """The error names the nearest topic; exit 2."""
    result = kvsync("help", name)
    wanted = (2, f"kvsync: error: no topic '{name}': did you mean '{near}'?\n")
    assert (result.code, result.err, result.out) == (*wanted, "")


def test_nothing_near(kvsync):
    """Where nothing is near, the error says where all are."""
    assert kvsync("help", "x").err == "kvsync: error: no topic 'x': `kvsync help` lists them\n"


def test_a_command(kvsync):
    """The name of a command that is no topic prints that command's help."""
    assert kvsync("help", "sync").out == kvsync("sync", "--help").out
    assert kvsync("help", "export").out.startswith("Export\n======\n")
    assert kvsync("help", "push").out == kvsync("sync", "--help").out


def test_a_command_of_another_tool(kvsync):
    """What other tools have and kvsync has not is answered with the way to it."""
    result = kvsync("help", "status")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("kvsync: error: there is no 'status': kvsync plan SOURCE tells")


@pytest.mark.slow
def test_the_pager(tmp_path):
    """On a terminal a topic goes through $PAGER, on a pipe it does not."""
    pager = tmp_path / "pager"
    pager.write_text('#!/bin/sh\necho "the pager:"\ncat "$@"\n')
    pager.chmod(0o755)
    command = [sys.executable, "-m", "kvsync", "help", "pace"]
    environment = {**os.environ, "PAGER": str(pager), "TERM": "xterm"}
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, env=environment) as child:
        os.close(theirs)
        shown = b""
        while b"Measured" not in shown:
            shown += os.read(ours, 1 << 16)
        os.close(ours)
    assert child.returncode is not None
    assert shown.startswith(b"the pager:\r\nPace\r\n====")
    piped = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert piped.stdout.startswith("Pace\n====\n")


@pytest.mark.slow
def test_help_is_light():
    """The guide loads nothing that a sync needs."""
    heavy = {"aiohttp", "tqdm", "yaml", "sqlite3", "asyncio", "tencentcloud"}
    assert not imported("help", "state") & heavy
