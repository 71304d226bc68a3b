"""The options of a command in sections, those that everybody uses first."""

from collections.abc import Iterator
from typing import Any

import click

_SECTIONS = {
    "Everyday": "zone namespace dry_run delete",
    "Source": (
        "format from name prefix charset key extension include exclude encoding empty large ttl"
        " checksum only"
    ),
    "Target": (
        "local endpoint profile ca_file state from_zone from_namespace from_endpoint from_profile"
        " to_zone to_namespace to_endpoint to_profile create_namespace"
    ),
    "What to change": "refresh adopt renew_within delete_unmanaged",
    "Safety": "interactive max_delete force verify wait exact failures max_errors max_duration",
    "Sending": "rate workers retries timeout grace lock_timeout",
    "Output": (
        "out to json quiet verbose progress log_format detailed_exitcode show_values help help_all"
    ),
}
"""Options by section, in the order in which they are listed; ``-`` is ``_``."""

DUMPS = "Dumps"
"""The section of options that are told in a line, but for ``--help-all``."""

_DANGEROUS = {"--delete", "--delete-unmanaged", "--max-delete", "--force", "--adopt"}
"""What is to be typed by someone who means it."""

_SHORT = (
    "How a table is read, and what to do with what EdgeKV cannot hold: `kvsync help dumps`, or"
    " --help-all."
)
_FEW = 12
"""Options that need no sections."""


class SectionedCommand(click.Command):
    """A command that tells its options in sections, and some of them only under ``--help-all``."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the parameters, and ``--help-all`` where there is more to tell than ``--help``
        does.
        """
        params = super().get_params(ctx)
        if any(getattr(param, "section", "") == DUMPS for param in params):
            params.append(_help_all())
        return params

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Do as click's. Raises `click.UsageError`, which never suggests an option that deletes."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            near = sorted(set(error.possibilities or ()) - _DANGEROUS)
            raise click.NoSuchOption(error.option_name, possibilities=near, ctx=ctx) from None

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, section by section."""
        options = {
            param.opts[-1].lstrip("-").replace("-", "_"): param
            for param in self.get_params(ctx)
            if isinstance(param, click.Option) and not param.hidden
        }
        if len(options) <= _FEW:
            super().format_options(ctx, formatter)
            return
        for title, rows in _rows(ctx, options):
            with formatter.section(title):
                formatter.write_dl(rows)


def _rows(
    ctx: click.Context, params: dict[str, click.Option]
) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    sections = {title: names.split() for title, names in _SECTIONS.items()}
    told = {name for names in sections.values() for name in names}
    for name, param in params.items():
        if name not in told:
            sections.setdefault(getattr(param, "section", "") or "More", []).append(name)
    for title, names in sections.items():
        rows = [_record(ctx, params[name]) for name in names if name in params]
        if rows and title == DUMPS and not ctx.meta.get(__name__):
            first, last = (params[names[at]].opts[-1] for at in (0, -1))
            rows = [(f"{first} … {last}", _SHORT)]
        if rows:
            yield title, rows


def _record(ctx: click.Context, param: click.Option) -> tuple[str, str]:
    return param.get_help_record(ctx) or ("", "")


def _help_all() -> click.Option:
    return click.Option(
        ["--help-all"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        help="Show this message with all options for dumps.",
        callback=_show_all,
    )


def _show_all(ctx: click.Context, _: click.Parameter, value: Any) -> None:
    if value and not ctx.resilient_parsing:
        ctx.meta[__name__] = True
        click.echo(ctx.get_help(), color=ctx.color)
        ctx.exit()
