"""Look into the state file, or forget parts of it."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import click

from kvsync.cli.options import lock_timeout_option, option, output_options, state_option
from kvsync.cli.output import emit
from kvsync.cli.shell_expansion import PatternCommand
from kvsync.cli.state_check import check_command, rebuild_command
from kvsync.cli.state_file import location_of, owner_line, source_argument
from kvsync.model.errors import UsageError
from kvsync.model.keys import matches
from kvsync.model.text import count_text, printable, size_text
from kvsync.model.values import Row, Target
from kvsync.state import State

_zone = option("--zone", default="", metavar="ID", help="Only targets in this zone.")
_namespace = option("--namespace", default="", metavar="NAME", help="Only this namespace.")
_only = option("--only", multiple=True, metavar="PATTERN", help="Only keys like this.")


@click.group("state", epilog="Example: kvsync state list manifests/example.yaml")
def command() -> None:
    """Look into the state file, forget parts of it, or repair it.

    SOURCE is the manifest or directory whose state is meant; --state names the file itself.
    """


command.add_command(check_command)
command.add_command(rebuild_command)


@command.command("path", epilog="Example: kvsync state path manifests/example.yaml")
@source_argument
@state_option
@output_options
def path_command(source: str | None, state: str, **options: Any) -> None:
    """Print where the state file is, or would be."""
    path = location_of(source, state).name
    emit("state path", options, [printable(path)], {"path": path})


@command.command("list", epilog="Example: kvsync state list ./bundle")
@source_argument
@state_option
@output_options
def list_command(source: str | None, state: str, **options: Any) -> None:
    """List the targets and owners that the state knows."""
    location = location_of(source, state)
    path = location.name
    with location.read() as opened:
        found = [fields for target in opened.targets() for fields in _owners(opened, target)]
    lines = [
        f"{owner_line(fields)}; last run {fields['last_run'] or 'unknown'}" for fields in found
    ]
    emit(
        "state list", options, lines or [f"no state yet at {path}"], {"path": path, "owners": found}
    )


@command.command(
    "show", cls=PatternCommand, epilog="Example: kvsync state show ./bundle --only 'cfg-*'"
)
@source_argument
@state_option
@_zone
@_namespace
@_only
@output_options
def show_command(source: str | None, state: str, **options: Any) -> None:
    """Show what the state remembers of each key; it knows digests, never values."""
    location = location_of(source, state)
    path = location.name
    with location.read() as opened:
        rows = [
            (target, row)
            for target in _targets(opened, options)
            for row in opened.rows(target).values()
            if not options["only"] or matches(row.key, options["only"])
        ]
    lines = [_row_line(target, row) for target, row in rows]
    fields = {"path": path, "keys": [_row_fields(target, row) for target, row in rows]}
    emit("state show", options, lines or [f"no such keys in {path}"], fields)


@command.command(
    "forget", cls=PatternCommand, epilog="Example: kvsync state forget ./bundle --only 'cfg-*'"
)
@source_argument
@state_option
@_zone
@_namespace
@_only
@lock_timeout_option
@option("--all", "every", variable=False, is_flag=True, help="Forget every key.")
@output_options
def forget_command(
    source: str | None, state: str, every: bool, lock_timeout: float, **options: Any
) -> None:
    """Forget keys: they are sent anew by the next sync, and are no one's orphans.

    Nothing is deleted from the namespace.
    """
    if every == bool(options["only"]):
        raise UsageError("give either --only PATTERN or --all")
    location = location_of(source, state)
    forgotten = 0
    with ExitStack() as stack:
        if location.exists():
            location.refuse_foreign()
            stack.enter_context(location.lock(lock_timeout))
            opened = stack.enter_context(location.write())
            for target in _targets(opened, options):
                keys = [
                    key for key in opened.rows(target) if every or matches(key, options["only"])
                ]
                forgotten += opened.forget(target, keys)
    fields = {"path": location.name, "forgotten": forgotten}
    emit("state forget", options, [f"forgot {count_text(forgotten, 'key')}"], fields)


def _targets(state: State, options: dict[str, Any]) -> Iterator[Target]:
    for target in state.targets():
        if options["zone"] in ("", target.zone) and options["namespace"] in ("", target.namespace):
            yield target


def _owners(state: State, target: Target) -> Iterator[dict[str, Any]]:
    rows = list(state.rows(target).values())
    for owner in sorted({row.owner for row in rows}):
        owned = [row for row in rows if row.owner == owner]
        runs = state.runs(target, owner, 1)
        yield {
            **target._asdict(),
            "owner": owner,
            "keys": len(owned),
            "bytes": sum(row.size for row in owned),
            "in_doubt": sum(row.in_doubt for row in owned),
            "last_run": _time(runs[0].started) if runs else "",
        }


def _row_fields(target: Target, row: Row) -> dict[str, Any]:
    return {
        "target": target._asdict(),
        "key": row.key,
        "sha256": row.digest.hex(),
        "bytes": row.size,
        "ttl": row.expiry.ttl or None,
        "expires": row.expiry.at or None,
        "runs_out": _time(row.runs_out),
        "acknowledged": _time(row.acknowledged),
        "request_id": row.request_id,
        "owner": row.owner,
        "origin": row.origin,
        "in_doubt": row.in_doubt,
    }


def _row_line(target: Target, row: Row) -> str:
    ends = f", runs out {_time(row.runs_out)}" if row.runs_out else ""
    doubt = ", in doubt" if row.in_doubt else ""
    return (
        f"{target.zone}/{target.namespace}  {row.key}  {size_text(row.size)},"
        f" sha256 {row.digest.hex()[:12]}, sent {_time(row.acknowledged) or 'never'}{ends}{doubt}"
        f"  ({printable(row.owner)}, {row.origin})"
    )


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if seconds else ""
