"""``kvsync state rebuild``."""

from typing import Any

import click

from kvsync.cli.dumps import dump_options
from kvsync.cli.options import (
    adopt_option,
    lock_timeout_option,
    network_options,
    output_options,
    sources_argument,
    target_options,
)


@click.command("rebuild", epilog="Example: kvsync state rebuild ./bundle --zone zone-123")
@sources_argument
@dump_options()
@target_options
@adopt_option
@network_options
@lock_timeout_option
@output_options
@click.pass_context
def rebuild_command(ctx: click.Context, /, **options: Any) -> int:
    """Make the state anew from what the target holds. Sends and deletes nothing.

    A key that holds what its source says is known again; every other is sent by the next sync. A
    damaged state file is set aside, as state.db.damaged- and the time; a sound one is corrected.
    """
    from kvsync.cli.call import call_from
    from kvsync.cli.console import Console
    from kvsync.engine.sync import rebuild
    from kvsync.report import rebuilt_lines

    console = Console(options)
    report = rebuild(call_from(ctx), console)
    verbose = bool(options["verbose"])
    return console.show(
        report, [line for run in report.runs for line in rebuilt_lines(run, verbose=verbose)]
    )
