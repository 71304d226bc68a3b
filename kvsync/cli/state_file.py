"""Which state file a command line means, and who has keys in it."""

import os
from typing import Any

import click

from kvsync.model.errors import UsageError
from kvsync.model.files import absolute
from kvsync.model.text import count_text, printable
from kvsync.state import StateLocation, locate

source_argument = click.argument("source", required=False, type=click.Path())


def location_of(source: str | None, state: str) -> StateLocation:
    """Return where the state of a SOURCE is, or the one that ``--state`` names. Raises
    `UsageError`.
    """
    place = absolute(source or ".")
    if not os.path.exists(place):
        raise UsageError(f"{source}: no such file or directory")
    if not source and not state:
        raise UsageError("give a SOURCE, or --state FILE")
    return locate(place if os.path.isdir(place) else os.path.dirname(place), state)


def owner_line(fields: dict[str, Any]) -> str:
    """Return what one owner has in one target."""
    return (
        f"{fields['zone']}/{fields['namespace']} at {fields['endpoint']}"
        f"  owner {printable(fields['owner'])}: {count_text(fields['keys'], 'key')},"
        f" {fields['in_doubt']} in doubt"
    )
