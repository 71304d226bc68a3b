"""Print one value."""

from typing import Any

import click

from kvsync.cli.call import call_from
from kvsync.cli.completing import from_state
from kvsync.cli.console import Console
from kvsync.cli.help_sections import SectionedCommand
from kvsync.cli.options import namespace_options
from kvsync.cli.output import emit, write_raw
from kvsync.engine.single import get


@click.command(
    "get", cls=SectionedCommand, epilog="Example: kvsync get hello --zone zone-1 --namespace ns-1"
)
@click.argument("key", shell_complete=from_state("key"))
@namespace_options
@click.pass_context
def command(ctx: click.Context, /, key: str, **options: Any) -> None:
    """Print one value, as it is and with no newline after it."""
    pair = get(call_from(ctx), Console(options), key)
    value = pair.value or b""
    if not options["as_json"]:
        write_raw(value)
        return
    fields = {"key": key, "value": value.decode(), "expires": pair.expires or None}
    emit("get", options, [], fields)
