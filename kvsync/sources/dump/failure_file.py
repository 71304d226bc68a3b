"""A failure file as a dump: what it says of itself need not be said again."""

import os
from collections.abc import Iterator
from dataclasses import replace

from kvsync.formats.failure_file import FailureHeader
from kvsync.formats.record import SKIP, Loss
from kvsync.model.errors import UsageError
from kvsync.model.text import printable
from kvsync.model.values import Destination
from kvsync.sources.options import SourceOptions

_SAID = ("charset", "prefix", "ttl")
_LEFT_OUT = {Loss.MISSING: SKIP, Loss.EXPIRED: SKIP}
"""A pair that cannot be sent any more does not keep the others from being tried again."""


def options_for(header: FailureHeader, options: SourceOptions, path: str) -> SourceOptions:
    """Return how to read the file: its keys and expiries are what they were to be in the target.

    Raises `UsageError` for flags that would change them once more.
    """
    if flags := list(_changing(options)):
        raise UsageError(
            f"{', '.join(flags)}: the pairs of {printable(path)} are as they were to be sent: leave"
            " that out"
        )
    by_variable = "name" in options.from_environment
    return replace(
        options,
        charset="utf-8",
        prefix=None,
        ttl=None,
        name=header.owner if by_variable or not options.name else options.name,
        dump=replace(options.dump, ways={**_LEFT_OUT, **options.dump.ways}),
    )


def unasked(options: SourceOptions) -> frozenset[Loss]:
    """Return what `options_for` leaves out though these options do not say so."""
    return frozenset(_LEFT_OUT.keys() - options.dump.ways.keys())


def _changing(options: SourceOptions) -> Iterator[str]:
    for name in _SAID:
        if getattr(options, name) is not None and name not in options.from_environment:
            yield f"--{name}"
    if Loss.KEYS in options.dump.ways:
        yield f"--{Loss.KEYS}"


def home_of(header: FailureHeader, folder: str) -> tuple[str, list[str]]:
    """Return where the state lies, for a file in this folder, and warnings.

    Pairs that failed go on where they failed, wherever the file lies.
    """
    if os.path.isdir(header.home):
        return header.home, []
    if not header.home or header.state:
        return folder, []
    told = f"{printable(header.home)} is not here, so its state is not: one is kept in this folder"
    return folder, [told]


def destination_of(header: FailureHeader, path: str) -> Destination:
    """Return the one place that the pairs belong."""
    shown = printable(path)
    return Destination(
        header.zone,
        header.namespace,
        shown,
        shown,
        endpoint=header.endpoint,
        state=header.state,
        written=header.written,
    )
