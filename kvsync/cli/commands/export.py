"""Write a namespace to a directory, a file or stdout."""

from typing import Any

import click

from kvsync.cli.call import call_from
from kvsync.cli.console import Console
from kvsync.cli.help_sections import SectionedCommand
from kvsync.cli.options import namespace_options, option
from kvsync.engine.call import Exporting
from kvsync.engine.export import export
from kvsync.formats.output import FORMATS, guess_format, usual_endings
from kvsync.model.errors import UsageError


@click.command(
    "export",
    cls=SectionedCommand,
    epilog="Example: kvsync export --zone zone-1 --namespace ns-1 -o backup",
)
@option(
    "-o",
    "--out",
    variable=False,
    type=click.Path(),
    required=True,
    metavar="OUT",
    help="Directory or file; - is stdout.",
)
@option(
    "--format",
    "form",
    variable=False,
    type=click.Choice(FORMATS),
    help=f"[default: by the name: {usual_endings()}, else a directory]",
)
@option("--prefix", variable=False, default="", metavar="TEXT", help="Only keys that begin so.")
@option(
    "--refresh", variable=False, is_flag=True, help="Read again what is there; remove what is gone."
)
@namespace_options
@click.pass_context
def command(
    ctx: click.Context, /, out: str, form: str | None, prefix: str, refresh: bool, **options: Any
) -> int:
    """Write a namespace to a directory or to one file, with expiries.

    What is there from an earlier run into the same OUT is not read again, so an interrupted export
    goes on where it was. A directory or a manifest is what `kvsync sync` puts back, byte for byte;
    jsonl, cloudflare (a JSON array as wrangler takes it) and csv are for others to read, and come
    back as dumps.
    """
    console = Console(options)
    if out == "-" and options["as_json"]:
        raise UsageError("--json and -o - both write to stdout: give a file as OUT")
    exporting = Exporting(out, form or guess_format(out), prefix, refresh)
    return console.show_export(export(call_from(ctx), console, exporting), out)
