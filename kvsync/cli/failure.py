"""What a command that ended in an exception tells the user, and its exit code."""

import json
import os
import traceback
from collections.abc import Sequence

import click

from kvsync.errors import KvsyncError, UsageError
from kvsync.report import Report, document, error_lines, mistake_lines

__all__ = ["explain"]


def explain(error: BaseException, args: Sequence[str]) -> int:
    """Write the error to stderr, and with ``--json`` as a document to stdout; the exit code."""
    if isinstance(error, KeyboardInterrupt | click.Abort):
        click.echo("kvsync: interrupted; nothing was sent", err=True)
        return 130
    known = _known(error, args)
    for mistake in mistake_lines(known):
        click.echo(mistake, err=True)
    for line in error_lines(known):
        click.echo(f"kvsync: error: {line}", err=True)
    code = known.exit_code
    if code == 2 and _asked_for("--detailed-exitcode", args):
        # Here 2 means that there are changes, as Terraform has it.
        code = 1
    if _asked_for("--json", args):
        command = next((arg for arg in args if not arg.startswith("-")), "")
        fields = document(Report(command, error=known))
        click.echo(json.dumps(fields | {"exit_code": code}))
    return code


def _known(error: BaseException, args: Sequence[str]) -> KvsyncError:
    if isinstance(error, KvsyncError):
        return error
    if isinstance(error, click.ClickException):
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "kvsync"
        return UsageError(f"{error.format_message()}\nsee `{command} --help`")
    if "-v" in args or "--verbose" in args or "-vv" in args:
        traceback.print_exception(error)
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{os.path.basename(place.filename)}:{place.lineno}"
    # Its text may hold anything, a value too, so only its type is told.
    return KvsyncError(
        f"unexpected {type(error).__name__} at {where}; this is a bug in kvsync:"
        " please report it, with the traceback that -v adds"
    )


def _asked_for(flag: str, args: Sequence[str]) -> bool:
    """Whether a flag was given: here click may not have got as far as telling us."""
    variable = "KVSYNC_" + flag[2:].upper().replace("-", "_")
    chosen = os.environ.get(variable, "").lower() in {"1", "true", "t", "yes", "y", "on"}
    return flag in args or chosen
