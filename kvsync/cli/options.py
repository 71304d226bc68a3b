"""Options that several commands share, and the values that they become."""

from collections.abc import Callable
from functools import reduce
from typing import Any, TypeVar

import click

from kvsync.cli.completing import from_state
from kvsync.cli.param_types import Duration, MaxDelete, Rate
from kvsync.model.api import API_RATE, MAX_VALUE_TEXT
from kvsync.model.choices import CHOICES

_F = TypeVar("_F", bound=Callable[..., Any])


class _Option(click.Option):
    """An option whose variable may have a line's end behind it: files of Windows leave one.

    ``section`` is the title that it is told under, if `kvsync.cli.help_sections` does not say so.
    """

    def __init__(self, *args: Any, section: str = "", **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.section = section

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        """Return what the variable says, if anything."""
        text = super().resolve_envvar_value(ctx)
        return (text.strip() or None) if text else None


def option(
    *names: str, variable: bool = True, section: str = "", **attributes: Any
) -> Callable[[_F], _F]:
    """Return a click option that can also be set by ``KVSYNC_`` and its name, unless
    ``variable``.
    """
    long = next(name for name in names if name.startswith("--")).split("/")[0]
    if variable:
        attributes["envvar"] = "KVSYNC_" + long[2:].upper().replace("-", "_")
    return click.option(*names, cls=_Option, section=section, **attributes)


def _group(*decorators: Callable[[Any], Any]) -> Callable[[_F], _F]:
    def decorate(function: _F) -> _F:
        decorated: _F = reduce(lambda f, decorator: decorator(f), reversed(decorators), function)
        return decorated

    return decorate


sources_argument = click.argument(
    "sources", metavar="SOURCE...", nargs=-1, required=True, type=click.Path()
)

state_option = option(
    "--state",
    type=click.Path(),
    default="",
    metavar="FILE",
    help="The state file [default: .kvsync/state.db beside the source].",
)

lock_timeout_option = option(
    "--lock-timeout",
    type=Duration(),
    default="0",
    show_default=True,
    metavar="DURATION",
    help="How long to wait for another run.",
)

output_options = _group(
    option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout."),
    option(
        "--log-format",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="How messages on stderr look.",
    ),
    option("-q", "--quiet", is_flag=True, help="Only warnings and errors."),
    option("-v", "--verbose", count=True, help="Show each key; -vv: each request too."),
    # Nothing here has colours: scripts that ask other tools for none need not know.
    click.option("--no-color", is_flag=True, hidden=True, expose_value=False),
)

zone_option = option(
    "--zone",
    default="",
    metavar="ID",
    help="The EdgeOne zone, as zone-...",
    shell_complete=from_state("zone"),
)

namespace_option = option(
    "--namespace",
    default="",
    metavar="NAME",
    help="The EdgeKV namespace.",
    shell_complete=from_state("namespace"),
)

read_options = _group(
    zone_option,
    namespace_option,
    option(
        "--name",
        metavar="NAME",
        help="The owner of the keys of a directory, dump or pipe.",
        shell_complete=from_state("owner"),
    ),
    option(
        "--charset",
        type=click.Choice(CHOICES["charset"]),
        help="Keys of a directory or dump: strict has letters, digits, - and _, as documented;"
        " utf-8 any, as the service takes them since mid-2026 [default: strict].",
    ),
    option("--prefix", metavar="TEXT", help="Put before each key of a directory or dump."),
    option(
        "--key",
        type=click.Choice(CHOICES["key"]),
        help="How a path becomes a key [default: join; with utf-8: path].",
    ),
    option(
        "--extension",
        type=click.Choice(CHOICES["extension"]),
        help="config.json becomes config.json or config [default: keep].",
    ),
    option(
        "--include", multiple=True, metavar="PATTERN", help="Only such files (gitignore style)."
    ),
    option("--exclude", multiple=True, metavar="PATTERN", help="Not such files; wins."),
    option(
        "--encoding",
        type=click.Choice(CHOICES["encoding"]),
        help="How a directory's files are stored; auto: text where one is UTF-8, else base64"
        " [default: text].",
    ),
    option(
        "--empty",
        type=click.Choice(CHOICES["empty"]),
        help="What an empty file or value is [default: error].",
    ),
    option(
        "--large",
        variable=False,
        type=click.Choice(CHOICES["large"]),
        help=f"What a file or value of more than {MAX_VALUE_TEXT} is [default: error].",
    ),
    option("--ttl", metavar="DURATION", help="How long keys live whose source does not say."),
)

service_options = _group(
    option(
        "--endpoint",
        default="",
        metavar="URL",
        help="intl, mainland, or a URL [default: intl].",
    ),
    option("--local", is_flag=True, help="Use the built-in emulator; no account needed."),
    state_option,
)

target_options = _group(read_options, service_options)

only_option = option(
    "--only",
    multiple=True,
    metavar="PATTERN",
    help="Only keys like this (shell pattern); may be repeated.",
    shell_complete=from_state("key"),
)

rate_option = option(
    "--rate",
    type=Rate(),
    default=API_RATE,
    show_default=True,
    metavar="N",
    help=f"Requests per second and action. {API_RATE:g} is what a sub-account may, by the console"
    " and tccli, too; more is granted by ticket.",
)

network_options = _group(
    rate_option,
    option("--profile", default="", metavar="NAME", help="Credentials of this tccli profile."),
    option(
        "--workers",
        type=click.IntRange(min=1),
        default=64,
        show_default=True,
        help="Requests under way at a time, at most.",
    ),
    option(
        "--retries",
        type=click.IntRange(min=0),
        default=8,
        show_default=True,
        help="Further tries for a request that failed.",
    ),
    option(
        "--timeout",
        type=Duration(least=0.001),
        default="30",
        show_default=True,
        help="Silence that ends a request.",
    ),
    option(
        "--ca-file",
        type=click.Path(),
        default="",
        metavar="FILE",
        help="Trust these CAs too, besides the system's (PEM).",
    ),
    option(
        "--progress",
        type=click.Choice(["auto", "bar", "lines", "none"]),
        default="auto",
        show_default=True,
        help="How to show progress on stderr.",
    ),
)

refresh_options = _group(
    option("--refresh", is_flag=True, help="Read the target first, and correct the state by it."),
    option("--delete", variable=False, is_flag=True, help="Delete what the source names no more."),
    option(
        "--delete-unmanaged",
        variable=False,
        is_flag=True,
        help="With --refresh: delete all that no source names, so that the target mirrors them.",
    ),
    option(
        "--max-delete",
        variable=False,
        type=MaxDelete(),
        metavar="N|P%",
        help="Refuse to delete more [default: 30% of the keys, from 10 deletes on].",
    ),
    option("--force", variable=False, is_flag=True, help="Delete however many keys it would be."),
    option(
        "--create-namespace",
        is_flag=True,
        help="Ask for the namespace; create it if it is missing.",
    ),
)

adopt_option = option(
    "--adopt", variable=False, is_flag=True, help="Take over keys that another source owns."
)

plan_options = _group(
    refresh_options,
    option(
        "--renew-within",
        type=Duration(),
        callback=lambda _, __, seconds: None if seconds is None else int(seconds),
        metavar="DURATION",
        help="Renew a key when so little of its TTL is left [default: half of it].",
    ),
    adopt_option,
    option("--checksum", is_flag=True, help="Read every file, even if it looks unchanged."),
    only_option,
    network_options,
)

run_options = _group(
    option("-n", "--dry-run", is_flag=True, help="Show the plan and stop, as `kvsync plan` does."),
    option("-i", "--interactive", is_flag=True, help="Show the plan and ask before sending."),
    option("--verify", is_flag=True, help="Afterwards, compare the target with the source."),
    option(
        "--wait",
        type=Duration(),
        default="60",
        show_default=True,
        metavar="DURATION",
        help="How long --verify reads again what differs.",
    ),
    option(
        "--failures",
        type=click.Path(),
        default="",
        metavar="FILE",
        help="List there what did not get through; `kvsync sync FILE` retries just that.",
    ),
)

zone_options = _group(zone_option, service_options, network_options, output_options)
"""For commands that speak of a zone, without a source."""

namespace_options = _group(
    zone_option, namespace_option, service_options, network_options, output_options
)
"""For commands that speak of a namespace, without a source."""

push_options = _group(
    option(
        "--grace",
        type=Duration(),
        default="10",
        show_default=True,
        help="What requests in flight get to finish once the call stops.",
    ),
    option(
        "--max-duration",
        type=Duration(least=0.001),
        metavar="DURATION",
        help="Send nothing more after so long, and exit 10; the next run goes on.",
    ),
    option(
        "--max-errors",
        type=click.IntRange(min=1),
        metavar="N",
        help="Send nothing more once N keys, of all sources together, failed or were rejected.",
    ),
    lock_timeout_option,
)
