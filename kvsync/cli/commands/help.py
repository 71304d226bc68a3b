"""Print the guide: its topics, or one of them."""

import difflib
import shutil
import sys
from typing import cast

import click

from kvsync.cli import ALSO, INSTEAD
from kvsync.cli.guide import Topic, plain, topics
from kvsync.cli.output import write_text
from kvsync.model.errors import UsageError

_WIDTH = 80
"""The widest that lines of prose get: longer ones are hard to read."""


@click.command("help", epilog="Example: kvsync help manifests")
@click.argument("topic", required=False)
@click.pass_context
def command(context: click.Context, topic: str | None) -> None:
    """Print the guide: without TOPIC its topics, else that one, through $PAGER on a terminal.

    The name of a command that is no topic prints the command's help.
    """
    guide = topics()
    width = min(shutil.get_terminal_size().columns, _WIDTH)
    if topic is None:
        _show(_listed(guide, width))
    elif topic in guide:
        _show(f"{plain(guide[topic], width)}\n")
    else:
        _show(_command_help(context, topic, guide))


def _listed(guide: dict[str, Topic], width: int) -> str:
    formatter = click.HelpFormatter(width=width)
    with formatter.section("Topics, each printed by `kvsync help TOPIC`"):
        formatter.write_dl([(topic.name, topic.purpose) for topic in guide.values()])
    formatter.write("\n`kvsync COMMAND --help` lists the options of a command.\n")
    return formatter.getvalue()


def _command_help(context: click.Context, name: str, guide: dict[str, Topic]) -> str:
    """Return the help of a command. Raises `UsageError` if there is none of that name."""
    parent = context.find_root()
    group = cast("click.Group", parent.command)
    known = group.list_commands(parent)
    name = ALSO.get(name, name)
    if name not in known:
        if way := INSTEAD.get(name):
            raise UsageError(f"there is no '{name}': {way}")
        near = difflib.get_close_matches(name, [*guide, *known], 1)
        meant = f"did you mean '{near[0]}'?" if near else "`kvsync help` lists them"
        raise UsageError(f"no topic '{name}': {meant}")
    found = cast("click.Command", group.get_command(parent, name))
    return f"{found.get_help(click.Context(found, parent, name))}\n"


def _show(text: str) -> None:
    if sys.stdin and sys.stdin.isatty() and sys.stdout.isatty():
        click.echo_via_pager(text)
    else:
        write_text([text])
