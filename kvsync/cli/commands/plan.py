"""Show what a sync would change; send nothing."""

from typing import Any

import click

from kvsync.cli.call import call_from
from kvsync.cli.console import Console
from kvsync.cli.dump_options import dump_options
from kvsync.cli.options import (
    option,
    output_options,
    plan_options,
    sources_argument,
    target_options,
)
from kvsync.cli.shell_expansion import PatternCommand
from kvsync.engine.plan import plan


@click.command(
    "plan", cls=PatternCommand, epilog="Example: kvsync plan manifests/example.yaml --local"
)
@sources_argument
@dump_options()
@target_options
@plan_options
@output_options
@click.option("-n", "--dry-run", is_flag=True, hidden=True, expose_value=False)
@option("--detailed-exitcode", is_flag=True, help="Exit 2 if there are changes, 1 on any error.")
@click.pass_context
def command(ctx: click.Context, /, detailed_exitcode: bool, **options: Any) -> int:
    """Show what a sync would change. Writes nothing, locks nothing.

    Only --refresh reads the target, and needs credentials.
    """
    console = Console(options)
    report = plan(call_from(ctx), console)
    report.detailed = detailed_exitcode
    return console.show(report)
