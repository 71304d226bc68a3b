"""Exceptions as the user hears of them, and the exit code of each.

Of one that no one expected it is told where it was, and never its words: they may hold anything, a
value, a header with a token, a line of a credentials file.
"""

import errno
import logging
import os
import re
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import click

from kvsync.cli import Terminated
from kvsync.cli.output import MessageFormat, told_lines, write_result
from kvsync.model.errors import KvsyncError, OutputError, UsageError
from kvsync.model.machine import lack
from kvsync.report import Report, document, json_pieces


def place_of(error: BaseException) -> str:
    """Return the type of an exception and where it was raised: ``KeyError at plan.py:17``."""
    name = type(error).__name__
    if not error.__traceback__:
        return name
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{name} at {os.path.basename(frame.filename)}:{frame.lineno}"


def trace_lines(error: BaseException) -> Iterator[str]:
    """Yield the traceback of an exception, and of those that it came from, without their words."""
    chain = [error]
    while before := chain[-1].__cause__ or chain[-1].__context__:
        if before in chain:
            break
        chain.append(before)
    for link in reversed(chain):
        yield "Traceback (most recent call last):"
        for part in traceback.format_tb(link.__traceback__):
            yield from part.splitlines()
        yield f"{type(link).__module__}.{type(link).__qualname__} (its words are left out)"


@contextmanager
def others_told(tell: Callable[[str, str], None]) -> Iterator[None]:
    """Tell what libraries log meanwhile, line and level, without its words.

    With no handler Python writes it to stderr, tracebacks and all.
    """
    handler = _Others(tell)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)


class _Others(logging.Handler):
    def __init__(self, tell: Callable[[str, str], None]) -> None:
        super().__init__(logging.WARNING)
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        what = place_of(error) if error else f"{record.levelname.lower()} of {record.module}"
        self._tell(f"{record.name}: {what} (its words are left out)", "warning")


class _CutShortError(KvsyncError):
    """The command was interrupted before it had a report."""

    kind = "interrupted"

    def __init__(self, exit_code: int) -> None:
        self.exit_code = exit_code
        super().__init__("interrupted")


def explain(error: BaseException, args: Sequence[str]) -> int:
    """Write the error to stderr, and with ``--json`` as a document to stdout; the exit code."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return error.exit_code
    form = MessageFormat(json_lines=_chosen("--log-format", args) == "json")
    known = _known(error)
    if known is None:
        known = _bug(error)
        for line in trace_lines(error) if _verbose(args) else ():
            click.echo(form(line, "mistake"), err=True)
    for level, line in told_lines(known):
        click.echo(form(line, level), err=True)
    report = Report(_command(error, args), error=known)
    # A usage error is an error: 2 is for changes alone.
    report.detailed = _flagged("--detailed-exitcode", args)
    if _flagged("--json", args) and not isinstance(known, OutputError):
        write_result("".join(json_pieces(document(report))))
    return report.exit_code


def _known(error: BaseException) -> KvsyncError | None:
    if isinstance(error, KvsyncError):
        return error
    if isinstance(error, Terminated):
        return _CutShortError(143)
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return _CutShortError(130)
    if isinstance(error, click.ClickException):
        context = getattr(error, "ctx", None)
        path = context.command_path if context else "kvsync"
        return UsageError(f"{error.format_message()}\nsee `{path} --help`")
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return OutputError(f"cannot write: {error.strerror}")
    if lacking := lack(error):
        return lacking
    # A signal that comes while a class is made is wrapped: up to Python 3.11 what `__set_name__`
    # raises becomes a RuntimeError.
    cause = error.__cause__
    return _known(cause) if isinstance(cause, Terminated | KeyboardInterrupt) else None


def _bug(error: BaseException) -> KvsyncError:
    return KvsyncError(
        f"unexpected {place_of(error)}; this is a bug in kvsync:"
        " please report it, with the traceback that -v adds"
    )


def _command(error: BaseException, args: Sequence[str]) -> str:
    context = getattr(error, "ctx", None)
    if context:
        return str(context.command_path.partition(" ")[2])
    words = [arg for arg in args if not arg.startswith("-")]
    return " ".join(words[: 2 if words[:1] in (["state"], ["namespaces"]) else 1])


# Here click may not have got as far as telling what was chosen.


def _variable(option: str) -> str:
    return os.environ.get("KVSYNC_" + option[2:].upper().replace("-", "_"), "").strip()


def _flagged(flag: str, args: Sequence[str]) -> bool:
    return flag in args or _variable(flag).lower() in {"1", "true", "t", "yes", "y", "on"}


def _chosen(option: str, args: Sequence[str]) -> str:
    for number, arg in enumerate(args):
        name, equals, value = arg.partition("=")
        if name == option:
            return value if equals else "".join(args[number + 1 : number + 2])
    return _variable(option)


def _verbose(args: Sequence[str]) -> bool:
    clusters = (arg for arg in args if re.fullmatch(r"-[a-z]*v[a-z]*", arg))
    return "--verbose" in args or any(clusters) or bool(_variable("--verbose"))
