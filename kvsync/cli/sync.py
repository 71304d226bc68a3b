"""``kvsync sync``."""

from typing import Any

import click

from kvsync.cli.call import call_from
from kvsync.cli.console import Console
from kvsync.cli.options import (
    option,
    output_options,
    plan_options,
    push_options,
    sources_argument,
    target_options,
)
from kvsync.sync import plan, sync

__all__ = ["command"]


@click.command("sync", epilog="Example: kvsync sync ./bundle --zone zone-123 --namespace prod")
@sources_argument
@target_options
@plan_options
@push_options
@output_options
@option("-n", "--dry-run", is_flag=True, help="Show the plan and stop, as `kvsync plan` does.")
@option("-i", "--interactive", is_flag=True, help="Show the plan and ask before sending.")
@click.pass_context
def command(ctx: click.Context, /, dry_run: bool, **options: Any) -> int:
    """Push what has changed since the last sync, and remember it.

    Several sources are read first, all of them; one bad source, and nothing is sent.
    """
    console = Console(options)
    call = call_from(ctx)
    if not dry_run:
        return console.show(sync(call, console))
    report = plan(call)
    report.command = "sync"
    return console.show(report)
