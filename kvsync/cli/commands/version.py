"""Show the version."""

import click

from kvsync import __version__
from kvsync.cli.output import write_result


@click.command("version")
def command() -> None:
    """Show the version."""
    write_result(f"kvsync {__version__}")
