"""List the namespaces of a zone, or create one."""

from typing import Any

import click

from kvsync.cli.call import call_from
from kvsync.cli.console import Console
from kvsync.cli.options import option, zone_options
from kvsync.cli.output import emit
from kvsync.edgekv.shapes import NamespaceInfo, Reference
from kvsync.engine.single import Created, create_namespace, list_namespaces
from kvsync.model.text import count_text, printable, size_text

_NAMED = 5


@click.group("namespaces", epilog="Example: kvsync namespaces list --zone zone-1")
def command() -> None:
    """List the namespaces of a zone, or create one."""


@command.command("list", epilog="Example: kvsync namespaces list --zone zone-1 --json")
@zone_options
@click.pass_context
def list_command(ctx: click.Context, /, **options: Any) -> None:
    """List the zone's namespaces, how full they are, and which functions are bound to them."""
    found = list_namespaces(call_from(ctx), Console(options))
    width = max((len(info.name) for info in found), default=0)
    lines = [
        f"{info.name.ljust(width)}  {size_text(info.used):>9} of {size_text(info.capacity)},"
        f" created {info.created}{_bound(info)}"
        + (f"  {printable(info.remark)}" if info.remark else "")
        for info in found
    ]
    fields = [
        {
            "namespace": info.name,
            "remark": info.remark,
            "capacity": info.capacity,
            "used": info.used,
            "created": info.created,
            "modified": info.modified,
            "references": [_fields(one) for one in info.references or ()],
        }
        for info in found
    ]
    emit("namespaces list", options, lines or ["no namespaces"], {"namespaces": fields})


def _bound(info: NamespaceInfo) -> str:
    """Return the functions that read from it, if any: deleting it takes it from them."""
    names = [printable(one.name or one.id or "?") for one in info.references or ()]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f", bound to {', '.join(names[:_NAMED])}{more}" if names else ""


def _fields(one: Reference) -> dict[str, str]:
    names = ("type", "id", "name", "zone", "zone_name")
    values = (one.kind, one.id, one.name, one.zone, one.zone_name)
    return {name: value or "" for name, value in zip(names, values, strict=True)}


@command.command("create", epilog="Example: kvsync namespaces create ns-1 --zone zone-1")
@click.argument("name")
@option(
    "--remark",
    variable=False,
    default="",
    metavar="TEXT",
    help="What it is for; 256 characters at most.",
)
@zone_options
@click.pass_context
def create_command(ctx: click.Context, /, name: str, remark: str, **options: Any) -> None:
    """Create a namespace: 1 to 50 letters, digits and -."""
    console = Console(options)
    created = create_namespace(call_from(ctx), console, name, remark)
    fields = {
        "namespace": name,
        "request_id": created.ack.request_id,
        "state": created.state if created.known else None,
        "forgotten": created.known,
    }
    emit("namespaces create", options, [f"created {name}"], fields)
    console.tell(_told(created, name), "warning" if created.known else "info")


def _told(created: Created, name: str) -> str:
    """Return what became of an earlier namespace of that name, which other states may know as
    well.
    """
    shown = printable(created.state)
    if created.known:
        keys = count_text(created.known, "key")
        return (
            f"{shown} no longer believes what it knew of an earlier {name} ({keys}); with any other"
            " state that knows one, sync with --refresh"
        )
    return f"with a state that knows an earlier {name}, sync with --refresh ({shown} knows none)"
