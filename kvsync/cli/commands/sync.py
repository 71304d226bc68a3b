"""Push what has changed, and remember it."""

from typing import Any

import click

from kvsync.cli.call import call_from
from kvsync.cli.console import Console
from kvsync.cli.dump_options import dump_options
from kvsync.cli.options import (
    output_options,
    plan_options,
    push_options,
    run_options,
    sources_argument,
    target_options,
)
from kvsync.cli.shell_expansion import PatternCommand
from kvsync.engine.call import Verifying
from kvsync.engine.plan import plan
from kvsync.engine.sync import sync


@click.command(
    "sync",
    cls=PatternCommand,
    epilog="Example: kvsync sync ./bundle --zone zone-123 --namespace prod",
)
@sources_argument
@dump_options()
@target_options
@plan_options
@push_options
@output_options
@run_options
# What other tools ask for is not asked here, without -i.
@click.option("-y", "--yes", is_flag=True, hidden=True, expose_value=False)
@click.pass_context
def command(ctx: click.Context, /, dry_run: bool, verify: bool, wait: float, **options: Any) -> int:
    """Push what has changed since the last sync, and remember it.

    Several sources are read first, all of them; one bad source, and nothing is sent.
    """
    console = Console(options)
    call = call_from(ctx, Verifying(wait, listing=False) if verify else None)
    if not dry_run:
        return console.show(sync(call, console))
    report = plan(call, console)
    report.command = "sync"
    return console.show(report)
