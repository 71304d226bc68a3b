"""Options for dumps: how one is read, and what becomes of what EdgeKV cannot hold."""

from collections.abc import Callable, Iterator
from functools import partial, reduce
from typing import Any

import click
from click.core import ParameterSource

from kvsync.cli.help_sections import DUMPS
from kvsync.cli.options import option
from kvsync.cli.param_types import Delimiter
from kvsync.formats import FORMATS, MANIFEST
from kvsync.formats.policies import POLICIES
from kvsync.formats.record import ERROR, SKIP, Layout, Loss
from kvsync.sources.options import DumpOptions

_option = partial(option, section=DUMPS)

_WITH_OWN_OPTION = frozenset({Loss.EMPTY, Loss.LARGE})
"""A tree has these, too."""

_ALWAYS = {ERROR, SKIP}


def _policy_options() -> Iterator[Callable[[Any], Any]]:
    for kind, policy in POLICIES.items():
        if kind not in _WITH_OWN_OPTION:
            ways = list(policy.ways)
            # A variable that someone forgot must not lose anything.
            yield _option(
                f"--{kind}",
                variable=False,
                type=click.Choice(ways),
                help=f"What to do with {policy.what} [default: {ways[0]}].",
            )


def dump_options(form: str = "--format") -> Callable[[Any], Any]:
    """Return the decorator; ``form`` is what the command calls the format of its source."""
    known = click.Choice([MANIFEST, *FORMATS])
    decorators = [
        option(form, "form", type=known, help="Of a dump or a pipe [default: guessed, if safe]."),
        option(
            "--key-column",
            section=DUMPS,
            metavar="NAME",
            help="Of a table: the keys [default: key].",
        ),
        option(
            "--value-column",
            section=DUMPS,
            metavar="NAME",
            help="Of a table: the values [default: value].",
        ),
        option(
            "--ttl-column",
            section=DUMPS,
            metavar="NAME",
            help="Of a table: TTLs in seconds, or as 1h30m.",
        ),
        option(
            "--value-json",
            section=DUMPS,
            is_flag=True,
            help="Of a table: the value is the row as JSON.",
        ),
        _option(
            "--delimiter",
            type=Delimiter(),
            metavar="CHARACTER",
            help="Of a table: what parts cells; tab is one [default: , or as its header shows].",
        ),
        option(
            "--separator",
            section=DUMPS,
            metavar="TEXT",
            help="Between a group and its key [default: _].",
        ),
        *_policy_options(),
    ]

    def decorate(function: Any) -> Any:
        return reduce(lambda f, decorator: decorator(f), reversed(decorators), function)

    return decorate


def dump_options_from(ctx: click.Context) -> DumpOptions:
    """Return what the command line says of a dump."""
    given = ctx.params
    names = (
        "form",
        "key_column",
        "value_column",
        "ttl_column",
        "value_json",
        "delimiter",
        "separator",
    )
    kinds = {kind: kind.replace("-", "_") for kind in Loss if kind not in _WITH_OWN_OPTION}
    typed = ParameterSource.COMMANDLINE
    flags = {parameter.name: parameter.opts[-1] for parameter in ctx.command.params}
    return DumpOptions(
        form=given["form"] or "",
        layout=Layout(
            given["key_column"] or "",
            given["value_column"] or "",
            given["ttl_column"] or "",
            given["value_json"],
            given["delimiter"] or "",
        ),
        ways={kind: given[name] for kind, name in kinds.items() if given[name]},
        separator="_" if given["separator"] is None else given["separator"],
        flag=flags["form"],
        typed=tuple(
            next(opt for opt in (str(flags[name]), f"--{name}") if opt.startswith("--"))
            for name in (*names, *kinds.values())
            if ctx.get_parameter_source(name) is typed
        ),
    )


def policy_rows() -> Iterator[tuple[str, str]]:
    """Yield each kind of loss with the ways to deal with it, as a help page lists them."""
    for kind, policy in POLICIES.items():
        more = [f"{way}: {told}" for way, told in policy.ways.items() if way not in _ALWAYS]
        yield f"--{kind}", ". ".join([policy.what, "; ".join(more)]).rstrip(". ") + "."
