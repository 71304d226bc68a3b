"""Patterns that the shell has expanded, since they were not quoted: told before anything is read.

``--exclude *.png`` becomes ``--exclude a.png b.png c.png``: all but the first are then sources, and
where they can be read as such, they would be sent.
"""

import itertools
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import click

from kvsync.cli.help_sections import SectionedCommand
from kvsync.model.text import printable

_OPTIONS = ("--include", "--exclude", "--only")
_FEW = 50
_ORDERS = (str, lambda name: re.sub(r"\W", "", name).casefold())
"""Of names, as shells have it: by their bytes, or as a person would look them up."""


class PatternCommand(SectionedCommand):
    """A command that takes sources, and patterns by `_OPTIONS`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Do as click's. Raises `click.UsageError` for patterns that the shell has expanded."""
        given = list(args)
        try:
            rest = super().parse_args(ctx, args)
        except click.UsageError as error:
            # One source too many is what it says where a command takes one.
            if type(error) is click.UsageError:
                _refuse(ctx, given, given)
            raise
        if ctx.resilient_parsing:
            # A shell asks for words: the line is not whole.
            return rest
        # Where nothing else is a source, what follows the pattern is what was meant.
        _refuse(ctx, given, [*ctx.params.get("sources", ()), ctx.params.get("source") or ""])
        return rest


class _Expansion(NamedTuple):
    option: str
    names: tuple[str, ...]
    pattern: str


def _refuse(ctx: click.Context, args: Sequence[str], sources: Iterable[str]) -> None:
    for found in _expansions(args):
        others = [source for source in sources if source]
        for name in found.names[1:]:
            if name in others:
                others.remove(name)
        if others:
            shown = [printable(name) for name in found.names[:3]]
            more = f" … ({len(found.names)} names)" if len(found.names) > 3 else ""
            raise click.UsageError(
                f"{found.option} {' '.join(shown)}{more}: the shell has expanded a pattern into the"
                f" names of what is there: put it in quotes, as {found.option}"
                f" '{printable(found.pattern)}' (a name that is meant is {found.option}=NAME)",
                ctx,
            )


def _expansions(args: Sequence[str]) -> Iterator[_Expansion]:
    """Yield what may be the expansion of a pattern: all names that are alike, in their order."""
    for number, option in enumerate(args[:-2]):
        if option == "--":
            return
        if option in _OPTIONS and os.path.lexists(args[number + 1]):
            run = _run(args[number + 1 :])
            # A source may stand behind it, and come later in the order, too.
            fewest = 2 if len(run) <= _FEW else len(run) - 2
            for count in range(len(run), fewest - 1, -1):
                if pattern := _pattern_of(run[:count]):
                    yield _Expansion(option, tuple(run[:count]), pattern)
                    break


def _run(names: Sequence[str]) -> list[str]:
    """Return the first of the names, and those behind it that come later in the order of its
    directory.
    """
    folder = os.path.dirname(names[0])
    run = [names[0]]
    for name in names[1:]:
        is_next = any(order(run[-1]) < order(name) for order in _ORDERS)
        if not is_next or os.path.dirname(name) != folder or not os.path.lexists(name):
            break
        run.append(name)
    return run


def _pattern_of(names: Sequence[str]) -> str:
    """Return the pattern that has just these names as its expansion; empty if there is none."""
    folder = os.path.dirname(names[0])
    plain = [os.path.basename(name) for name in names]
    prefix = _beginning(plain)
    suffix = _beginning([name[len(prefix) :][::-1] for name in plain])[::-1]
    there = [name for name in os.listdir(folder or ".") if prefix or not name.startswith(".")]
    alike = {
        name for name in there if name.startswith(prefix) and name[len(prefix) :].endswith(suffix)
    }
    return os.path.join(folder, f"{prefix}*{suffix}") if alike == set(plain) else ""


def _beginning(names: Sequence[str]) -> str:
    """Return what all of them begin with."""
    first, last = min(names), max(names)
    same = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    return "".join(letter for letter, _ in same)
