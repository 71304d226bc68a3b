"""Results on stdout, and the look of messages on stderr."""

import errno
import io
import json
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import click

from kvsync.model.errors import KvsyncError, OutputError
from kvsync.model.signals import ignore
from kvsync.model.text import printable
from kvsync.report import error_fields, error_lines, mistake_lines

_BLOCK = 1 << 16
"""Characters that are written at once: a line at a time takes as long as making it."""


@dataclass(frozen=True, slots=True)
class MessageFormat:
    """Turns a message into its line: text for people, or a JSON object for logs."""

    json_lines: bool = False

    def __call__(self, line: str, level: str) -> str:
        """Return the line for a message of this level.

        A ``mistake`` looks as compilers print theirs, so that editors find the place.
        """
        if self.json_lines:
            named = "error" if level == "mistake" else level
            now = datetime.now(UTC).isoformat(timespec="milliseconds")
            return json.dumps({"time": now, "level": named, "message": line})
        if level == "mistake":
            return printable(line)
        prefix = "" if level == "info" else f"{level}: "
        return f"kvsync: {prefix}{printable(line)}"


_LONG = 160
"""Characters of a message from which on it is no line any more."""

_TOPICS = {
    "NoCredentials": "settings",
    "BadCredentials": "settings",
    "RequestLimitExceeded": "pace",
}
"""Topics of the guide by the last parts of codes."""


def told_lines(error: KvsyncError) -> Iterator[tuple[str, str]]:
    """Yield an error as messages: level and line."""
    yield from (("mistake", line) for line in mistake_lines(error))
    lines = list(error_lines(error))
    yield from (("error", line) for line in lines)
    code = getattr(error, "code", "").rpartition(".")[2]
    topic = _TOPICS.get(code) or error.topic
    if topic and sum(map(len, lines)) > _LONG:
        yield "info", f"more on this: kvsync help {topic}"


def emit(
    command: str,
    options: dict[str, Any],
    lines: Iterable[str],
    fields: dict[str, Any],
    error: KvsyncError | None = None,
) -> int:
    """Write what a command found: as lines, or with ``--json`` as its document's fields.

    An ``error`` goes to stderr, too. Returns the exit code.
    """
    code = error.exit_code if error else 0
    form = MessageFormat(json_lines=options["log_format"] == "json")
    if options["as_json"]:
        head = {"version": 1, "command": command, "exit_code": code, "error": error_fields(error)}
        write_result(json.dumps(head | fields))
    elif not options["quiet"]:
        for line in lines:
            write_result(printable(line))
    for level, line in told_lines(error) if error else ():
        click.echo(form(line, level), err=True)
    return code


def write_result(line: str) -> None:
    """Write a line to stdout, whole, no matter what signals come. Raises `OutputError`."""
    write_text([f"{line}\n"])


def write_text(pieces: Iterable[str]) -> None:
    """Do as `write_result`, a text that may be too long for memory."""
    block = io.StringIO()
    for piece in pieces:
        if block.tell() > _BLOCK:
            _write(block.getvalue())
            block = io.StringIO()
        block.write(piece)
    _write(block.getvalue())


def _write(text: str) -> None:
    write_raw(text.encode(sys.stdout.encoding or "utf-8", "backslashreplace"))


def write_raw(data: bytes) -> None:
    """Write these bytes to stdout, all of them, no matter what signals come. Raises
    `OutputError`.
    """
    ignore()
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except OSError as error:
        if error.errno == errno.EPIPE:
            # The reader has had enough: what was done, and the exit code, do not depend on it.
            sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - until the end
            return
        raise OutputError(f"cannot write to stdout: {error.strerror}") from error
