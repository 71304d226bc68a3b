"""``kvsync sync``."""

from typing import Any

import click

from kvsync.cli.call import call_from
from kvsync.cli.console import Console
from kvsync.cli.options import (
    Duration,
    option,
    output_options,
    plan_options,
    push_options,
    sources_argument,
    target_options,
)
from kvsync.settings import Verifying
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
@option("--verify", is_flag=True, help="Afterwards, compare the target with the source.")
@option(
    "--wait",
    type=Duration(),
    default="60",
    show_default=True,
    metavar="DURATION",
    help="How long --verify reads again what differs.",
)
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
