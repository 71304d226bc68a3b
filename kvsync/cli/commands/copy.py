"""Push what another namespace, zone or account holds."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import click

from kvsync.cli.call import call_from, side_from
from kvsync.cli.console import Console
from kvsync.cli.help_sections import SectionedCommand
from kvsync.cli.options import (
    adopt_option,
    network_options,
    only_option,
    option,
    output_options,
    push_options,
    refresh_options,
    run_options,
    service_options,
    zone_option,
)
from kvsync.engine.call import Copying, Verifying
from kvsync.engine.copy import copy
from kvsync.model.errors import UsageError


def _side_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return where to copy from, and where to."""
    for side in ("to", "from"):
        for name, metavar, told in (
            ("endpoint", "URL", "The endpoint"),
            ("profile", "NAME", "The tccli profile"),
            ("namespace", "NAME", "The namespace"),
            ("zone", "ID", "The zone"),
        ):
            shared = "" if name == "namespace" else f" [default: --{name}]"
            told_all = f"{told} to copy {side}{shared}."
            decorate = option(f"--{side}-{name}", default="", metavar=metavar, help=told_all)
            function = decorate(function)
    return function


@click.command(
    "copy",
    cls=SectionedCommand,
    epilog="Example: kvsync copy --zone z-1 --from-namespace a --to-namespace b",
)
@_side_options
@option("--prefix", variable=False, default="", metavar="TEXT", help="Only keys that begin so.")
@option("--name", variable=False, default="", metavar="NAME", help="The owner of the keys.")
@zone_option
@service_options
@refresh_options
@adopt_option
@only_option
@network_options
@push_options
@output_options
@run_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    dry_run: bool,
    verify: bool,
    wait: float,
    prefix: str,
    name: str,
    **options: Any,
) -> int:
    """Push what another namespace holds, with its expiries.

    All of it is read first and compared with the state in this directory; what has changed is read
    again while it is sent. An interrupted copy goes on where it was.
    """
    if prefix and options["delete_unmanaged"]:
        raise UsageError("--delete-unmanaged would delete all that --prefix leaves out")
    console = Console(options)
    call = call_from(ctx, Verifying(wait, listing=False) if verify else None)
    common = call.settings
    copying = Copying(side_from(ctx, "from", common), prefix, name)
    to = replace(call, settings=side_from(ctx, "to", common))
    return console.show(copy(to, console, copying, dry=dry_run))
