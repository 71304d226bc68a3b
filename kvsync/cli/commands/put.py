"""Write one pair, past every state."""

import os
import sys
from typing import Any

import click

from kvsync.cli.call import call_from
from kvsync.cli.completing import from_state
from kvsync.cli.console import Console
from kvsync.cli.help_sections import SectionedCommand
from kvsync.cli.options import namespace_options, option
from kvsync.cli.output import emit
from kvsync.cli.param_types import Duration
from kvsync.engine.single import put
from kvsync.model.errors import UsageError
from kvsync.model.values import Expiry


class _Discreet(SectionedCommand):
    """Says what is wrong with its arguments without repeating them: one may be the value."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Do as click's. Raises `click.UsageError`."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if error.possibilities:
                raise
        except click.UsageError as error:
            if type(error) is not click.UsageError:
                raise
        raise click.UsageError(
            "give one KEY and one VALUE: several words need quotes, and what begins with - comes"
            " after all options and --",
            ctx,
        )


@click.command(
    "put", cls=_Discreet, epilog="Example: kvsync put hello world --zone zone-1 --namespace ns-1"
)
@click.argument("key", shell_complete=from_state("key"))
@click.argument("value")
@option(
    "--ttl", variable=False, type=Duration(least=1), metavar="DURATION", help="How long it lives."
)
@namespace_options
@click.pass_context
def command(ctx: click.Context, /, key: str, value: str, ttl: float | None, **options: Any) -> None:
    """Write one pair; VALUE - is stdin.

    No state hears of it: to a source that has this key, it is drift (see sync --refresh).
    """
    data = sys.stdin.buffer.read() if value == "-" else os.fsencode(value)
    try:
        data.decode()
    except UnicodeDecodeError:
        raise UsageError("the value is not UTF-8 text, and EdgeKV stores no other") from None
    ack = put(call_from(ctx), Console(options), key, data, Expiry(ttl=int(ttl or 0)))
    emit("put", options, [], {"key": key, "bytes": len(data), "request_id": ack.request_id})
