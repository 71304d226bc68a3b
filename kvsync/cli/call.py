"""The call that a command line describes."""

import math
import os
from dataclasses import fields, replace
from typing import Any

import click
from click.core import ParameterSource

from kvsync.cli.dump_options import dump_options_from
from kvsync.engine.call import Call, Choice, Deadline, Settings, Verifying
from kvsync.model.errors import UsageError
from kvsync.model.utf8 import is_text
from kvsync.plan.limits import Deleting
from kvsync.plan.options import PlanOptions
from kvsync.sources import SourceOptions

_VARIABLE = ParameterSource.ENVIRONMENT


def _choice(ctx: click.Context, name: str) -> Choice:
    """Return the option's value, and whether the command line or a variable chose it."""
    value = ctx.params.get(name) or ""
    if not value:
        return Choice()
    if ctx.get_parameter_source(name) is _VARIABLE:
        return Choice(value, f"KVSYNC_{name.upper()}")
    return Choice(value, f"--{name.replace('_', '-')}")


_PATTERNS = ("include", "exclude")
"""They may be for names that are not UTF-8."""


def _refuse_what_is_no_text(ctx: click.Context) -> None:
    """Refuse bytes that are not UTF-8, but in paths. Raises `UsageError`."""
    for parameter in ctx.command.params:
        name = parameter.name or ""
        value = ctx.params.get(name)
        texts = value if isinstance(value, tuple) else (value,)
        if isinstance(parameter.type, click.Path) or name in _PATTERNS:
            continue
        if not all(is_text(text) for text in texts if isinstance(text, str)):
            said_by = max(parameter.opts, key=len)
            if isinstance(parameter, click.Argument):
                said_by = parameter.human_readable_name
            if ctx.get_parameter_source(name) is _VARIABLE:
                said_by = str(parameter.envvar)
            raise UsageError(f"{said_by} is not UTF-8 text: change it")


def call_from(ctx: click.Context, verifying: Verifying | None = None) -> Call:
    """Return the call that the command line describes. Raises `UsageError`."""
    _refuse_what_is_no_text(ctx)
    given = ctx.params
    zone, namespace = _choice(ctx, "zone"), _choice(ctx, "namespace")
    endpoint = _choice(ctx, "endpoint")
    local = given.get("local", False)
    if local and endpoint.value:
        local = _local_wins(ctx, endpoint)
    names = (
        "profile", "state", "rate", "workers", "retries", "timeout", "ca_file", "grace",
        "lock_timeout",
    )  # fmt: skip
    settings = Settings(
        zone=zone,
        namespace=namespace,
        endpoint=endpoint,
        local=local,
        **{name: given[name] for name in names if name in given},
    )
    return Call(
        paths=given.get("sources", ()),
        settings=settings,
        source=_source_options(ctx, zone, namespace),
        environ=dict(os.environ),
        only=given.get("only", ()),
        planning=PlanOptions(
            **{one.name: given[one.name] for one in fields(PlanOptions) if one.name in given}
        ),
        refresh=given.get("refresh", False),
        deleting=_deleting(given),
        create_namespace=given.get("create_namespace", False),
        verifying=verifying,
        failures=given.get("failures", ""),
        deadline=Deadline(given.get("max_duration") or math.inf),
        max_errors=given.get("max_errors"),
    )


def side_from(ctx: click.Context, side: str, common: Settings) -> Settings:
    """Return the settings of one ``side`` of a copy, ``from`` or ``to``: its own, or else the
    common ones.

    What was typed beats what a variable says, here too. Raises `UsageError`.
    """

    def chosen(name: str) -> Choice:
        own, shared = _choice(ctx, f"{side}_{name}"), _choice(ctx, name)
        typed = shared.on_command_line and not own.on_command_line
        return shared if typed or not own.value else own

    zone, namespace = chosen("zone"), _choice(ctx, f"{side}_namespace")
    if common.local:
        _refuse_endpoint(ctx, _choice(ctx, f"{side}_endpoint"))
    elif not zone.value:
        raise UsageError(f"no zone to copy {side}: give --{side}-zone, or --zone for both sides")
    elif not namespace.value:
        raise UsageError(f"no namespace to copy {side}: give --{side}-namespace")
    endpoint, profile = chosen("endpoint"), chosen("profile").value
    return replace(common, zone=zone, namespace=namespace, endpoint=endpoint, profile=profile)


def _refuse_endpoint(ctx: click.Context, endpoint: Choice) -> None:
    """Under ``--local`` no side has an endpoint, unless a variable names one and is overruled."""
    typed = ctx.get_parameter_source("local") is not ParameterSource.ENVIRONMENT
    if endpoint.value and (endpoint.on_command_line or not typed):
        raise UsageError(f"--local is the endpoint of both sides: leave out {endpoint.said_by}")


def _deleting(given: dict[str, Any]) -> Deleting | None:
    """Return what may be deleted; None: nothing. Raises `UsageError`."""
    unmanaged = given.get("delete_unmanaged", False)
    if unmanaged and not given["refresh"]:
        raise UsageError("--delete-unmanaged needs --refresh: the state knows no unmanaged keys")
    allowance, force = given.get("max_delete"), given.get("force", False)
    if given.get("delete") or unmanaged:
        return Deleting(unmanaged, allowance, force)
    if allowance or force:
        raise UsageError("--max-delete and --force go with --delete or --delete-unmanaged")
    return None


def _local_wins(ctx: click.Context, endpoint: Choice) -> bool:
    """Return whether ``--local`` or the endpoint counts: what was typed beats what a variable
    says.
    """
    typed = ctx.get_parameter_source("local") is not ParameterSource.ENVIRONMENT
    if typed == endpoint.on_command_line:
        raise UsageError("--local is an endpoint of its own: leave out --endpoint")
    return typed


def _source_options(ctx: click.Context, zone: Choice, namespace: Choice) -> SourceOptions:
    given = ctx.params
    if "include" not in given:
        # A command without sources.
        return SourceOptions()
    names = ("charset", "prefix", "key", "extension", "encoding", "empty", "large", "ttl", "name")
    fields = (*names, "include", "exclude")
    return SourceOptions(
        from_environment=frozenset(
            name for name in fields if ctx.get_parameter_source(name) is _VARIABLE
        ),
        zone=zone.value if zone.on_command_line else None,
        namespace=namespace.value if namespace.on_command_line else None,
        include=given["include"],
        exclude=given["exclude"],
        checksum=given.get("checksum", False),
        dump=dump_options_from(ctx),
        **{name: given[name] for name in names},
    )
