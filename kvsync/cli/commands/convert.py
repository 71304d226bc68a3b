"""Write a source as one file of another format; no state, no network."""

from typing import Any

import click

from kvsync.cli.call import call_from
from kvsync.cli.console import Console
from kvsync.cli.dump_options import dump_options, policy_rows
from kvsync.cli.options import option, output_options, read_options
from kvsync.cli.shell_expansion import PatternCommand
from kvsync.engine.call import Converting
from kvsync.engine.convert import convert
from kvsync.formats import WRITTEN
from kvsync.formats.output import STDOUT, guess_format, usual_endings
from kvsync.model.errors import UsageError


class _Command(PatternCommand):
    """Its help lists what EdgeKV cannot hold."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("What EdgeKV cannot hold, and what may become of it"):
            formatter.write_text(
                "Each may be error (nothing is written, or sent; the default unless said) or skip"
                " (the pair is left out), or what is said here."
            )
            formatter.write_dl(list(policy_rows()))
        super().format_epilog(ctx, formatter)


@click.command(
    "convert",
    cls=_Command,
    epilog="Example: kvsync convert dump.json --from cloudflare -o dump.jsonl",
)
@click.argument("source", metavar="IN", type=click.Path())
@option(
    "-o",
    "--out",
    variable=False,
    type=click.Path(),
    required=True,
    metavar="OUT",
    help="File; - is stdout.",
)
@option(
    "--to",
    "to",
    variable=False,
    type=click.Choice(WRITTEN),
    help=f"[default: by the name: {usual_endings()}]",
)
@option("--force", "overwrite", variable=False, is_flag=True, help="Replace OUT if it is there.")
@dump_options("--from")
@read_options
@output_options
@click.pass_context
def command(
    ctx: click.Context, /, source: str, out: str, to: str | None, overwrite: bool, **options: Any
) -> int:
    """Write a source as one file of another format. No state, no network (but to read Redis).

    Keys, values and expiries are the same, byte for byte, but for what EdgeKV cannot hold of a
    dump. OUT is there once it is whole, and is readable by you alone.
    """
    console = Console(options)
    if out == STDOUT and options["as_json"]:
        raise UsageError("--json and -o - both write to stdout: give a file as OUT")
    converting = Converting(source, out, to or _guess(out), overwrite)
    return console.show_conversion(convert(call_from(ctx), converting), out)


def _guess(out: str) -> str:
    form = guess_format(out, "--to")
    if form not in WRITTEN:
        raise UsageError(f"the name of OUT speaks of no format: give --to {' or '.join(WRITTEN)}")
    return form
