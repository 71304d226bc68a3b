"""Compare the target with the sources; write nothing."""

from typing import Any

import click

from kvsync.cli.call import call_from
from kvsync.cli.console import Console
from kvsync.cli.dump_options import dump_options
from kvsync.cli.options import (
    network_options,
    only_option,
    option,
    output_options,
    sources_argument,
    target_options,
)
from kvsync.cli.param_types import Duration
from kvsync.cli.shell_expansion import PatternCommand
from kvsync.engine.call import Verifying
from kvsync.engine.verify import verify


@click.command("verify", cls=PatternCommand, epilog="Example: kvsync verify ./bundle --wait 60s")
@sources_argument
@dump_options()
@target_options
@option(
    "--wait",
    type=Duration(),
    default="0",
    show_default=True,
    metavar="DURATION",
    help="How long to read again what differs; a write takes up to 60 s to be seen.",
)
@option("--exact", is_flag=True, help="Keys that the source does not name are differences, too.")
@option("--show-values", variable=False, is_flag=True, help="Show the values that differ.")
@only_option
@network_options
@output_options
@click.pass_context
def command(
    ctx: click.Context, /, wait: float, exact: bool, show_values: bool, **options: Any
) -> int:
    """Compare the target with the sources. Writes nothing, and exits 3 if they differ.

    Each key that differs is a line: * another value or expiry, - missing, + not in the source;
    with -v also = the same.
    """
    console = Console(options)
    verifying = Verifying(wait, exact=exact, values=show_values)
    return console.show(verify(call_from(ctx, verifying), console))
