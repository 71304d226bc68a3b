"""Help: what everybody uses first, in sections; all of it on demand."""

from importlib import import_module

import click
import pytest

from kvsync.cli import cli
from kvsync.cli.help_sections import SectionedCommand

COMMANDS = [
    name
    for name in cli.list_commands(click.Context(cli))
    if isinstance(import_module(f"kvsync.cli.commands.{name}").command, SectionedCommand)
]


@pytest.mark.parametrize("command", COMMANDS)
def test_each_option_has_its_section(kvsync, command):
    """No option is told under a title that says nothing, and --help-all leaves none out."""
    told = kvsync(command, "--help").out
    assert "More:" not in told
    parameters = import_module(f"kvsync.cli.commands.{command}").command.params
    options = [
        one.opts[-1] for one in parameters if isinstance(one, click.Option) and not one.hidden
    ]
    if "--help-all" in told:
        told = kvsync(command, "--help-all").out
    assert [option for option in options if option not in told] == []


def test_what_everybody_uses_comes_first(kvsync):
    """Zone, namespace, dry run and delete; the policies for dumps are a line that says where."""
    told = kvsync("sync", "--help").out
    first = told.split("Everyday:")[1].split("\n\n")[0]
    assert [line.split()[0] for line in first.strip().splitlines()] == [
        "--zone", "--namespace", "-n,", "--delete",
    ]  # fmt: skip
    titles = [line[:-1] for line in told.splitlines() if line.endswith(":") and line[0] != " "]
    assert titles == [
        "Everyday", "Source", "Target", "What to change", "Safety", "Sending", "Output", "Dumps",
    ]  # fmt: skip
    assert "kvsync help dumps" in told
    assert "--short-ttl" not in told
    assert "--short-ttl" in kvsync("sync", "--help-all").out


def test_help_is_as_wide_as_the_terminal(kvsync, monkeypatch):
    """But no wider than 100 columns, which nobody reads well."""
    for columns, widest in ((70, 70), (90, 90), (200, 100)):
        monkeypatch.setenv("COLUMNS", str(columns))
        lines = kvsync("sync", "--help-all").out.splitlines()
        assert widest - 12 < max(map(len, lines)) <= max(widest, 84)


def test_commands_are_in_groups(kvsync):
    """Each command is listed once, under what it is for."""
    told = kvsync("--help").out
    titles = [line[:-1] for line in told.splitlines() if line.endswith(":") and line[0] != " "]
    assert titles == ["Options", "Everyday", "Looking", "Moving", "Upkeep"]
    rows = [line.split()[0] for line in told.splitlines() if line.startswith("  ")]
    assert [rows.count(name) for name in cli.list_commands(click.Context(cli))] == [1] * len(
        cli.list_commands(click.Context(cli))
    )
