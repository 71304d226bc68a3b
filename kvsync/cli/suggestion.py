"""The command that would go on where the sources' mistakes ended one."""

import os
import re
import shlex
from collections.abc import Iterable, Sequence

import click

from kvsync.model.errors import HeldBackError, InputError
from kvsync.report import Report
from kvsync.sources.options import is_exported

_FOR_FILES = {"--encoding", "--empty", "--large"}
"""Options that an exported directory takes as any other does."""


def note_command(report: Report) -> str:
    """Return the command line with the options that leave no mistake, noted in the errors, too.

    Empty if there are mistakes that no option mends, or the options are not for all sources.
    """
    errors = [run.error for run in report.runs if run.error]
    wrong = [error for error in errors if not isinstance(error, HeldBackError)]
    mended = [error for error in wrong if isinstance(error, InputError) and error.cures]
    if report.error or not mended or len(mended) < len(wrong):
        return ""
    cures = dict.fromkeys(cure for error in mended for cure in error.cures)
    context = click.get_current_context()
    args: Sequence[str] = context.find_root().obj or ()
    if not args or not all(_takes(path, dict(cures)) for path in _sources(context)):
        return ""
    end = args.index("--") if "--" in args else len(args)
    options = [word for cure in cures for word in cure]
    command = _shell(["kvsync", *args[:end], *options, *args[end:]])
    for error in mended:
        error.go_on = command
    return command


def _sources(context: click.Context) -> Sequence[str]:
    given = context.params
    return given["sources"] if "sources" in given else [given.get("source", "")]


def _takes(path: str, options: Iterable[str]) -> bool:
    """Return whether the source takes options for folders."""
    return os.path.isdir(path) and (not is_exported(path) or _FOR_FILES.issuperset(options))


def _shell(words: Iterable[str]) -> str:
    return " ".join(map(_quoted, words))


def _quoted(word: str) -> str:
    """Return the word as a shell takes it; what a terminal would obey is written as its code."""
    if word.isprintable():
        return shlex.quote(word)
    data = word.encode("utf-8", "surrogateescape").decode("latin-1")
    return "$'" + re.sub(r"[^ -&(-\[\]-~]", _code, data) + "'"


def _code(match: re.Match[str]) -> str:
    return f"\\x{ord(match[0]):02x}"
