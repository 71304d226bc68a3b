"""The command line. This module imports little but click: a command loads when it is called."""

import importlib
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, Any, NoReturn, TextIO, cast

import click

from kvsync import __version__
from kvsync.model.signals import ignore
from kvsync.model.utf8 import restart_in_utf8

__all__ = ["Terminated", "cli", "main", "run"]

_COMMANDS = {
    "plan": "Show what a sync would change; send nothing.",
    "sync": "Push what has changed, and remember it.",
    "verify": "Compare the target with the sources; write nothing.",
    "validate": "Report every mistake in the sources; no state, no network.",
    "export": "Write a namespace to a directory, a file or stdout.",
    "convert": "Write a source as one file of another format; no state, no network.",
    "copy": "Push what another namespace, zone or account holds.",
    "namespaces": "List the namespaces of a zone, or create one.",
    "get": "Print one value.",
    "put": "Write one pair, past every state.",
    "state": "Look into the state file, or forget parts of it.",
    "emulator": "Run EdgeKV on loopback, for tests and first steps.",
    "schema": "Print the JSON Schema of the manifest, for editors.",
}


class _LazyGroup(click.Group):
    """A group whose commands' modules load only when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            import difflib

            near = difflib.get_close_matches(cmd_name, _COMMANDS, 1)
            meant = f" Did you mean '{near[0]}'?" if near else ""
            ctx.fail(f"No such command '{cmd_name}'.{meant}")
        module = importlib.import_module(f"kvsync.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: kvsync sync manifests/example.yaml --local",
)
@click.version_option(__version__, prog_name="kvsync", message="%(prog)s %(version)s")
def cli() -> None:
    """Plan and push whole bundles of keys into Tencent Cloud EdgeOne EdgeKV, at the API's pace.

    A YAML manifest, a directory or another store's dump is compared with what the state file
    remembers, and only what has changed is sent: at most 20 keys a second, as the API allows each
    sub-account.
    """


class Terminated(BaseException):
    """SIGTERM came while no push was under way."""


def run(args: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        return _run(args)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run(args: Sequence[str]) -> int:
    try:
        outcome = cli.main(list(args), prog_name="kvsync", standalone_mode=False, obj=tuple(args))
    except SystemExit:
        raise
    except BaseException as error:  # noqa: BLE001 - the last line of defence
        # One signal has been heard; more of them must not cost the message.
        ignore()
        from kvsync.cli.failure import explain

        return explain(error, args)
    return outcome if isinstance(outcome, int) else 0


def _terminate(*_: object) -> NoReturn:
    raise Terminated


class _Forgiving:
    """A stream whose reader may leave: what becomes of a run does not depend on its messages."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError):
            return self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def main() -> None:
    """The ``kvsync`` command."""
    restart_in_utf8()
    # As for Ctrl-C, the report and its JSON are still written.
    signal.signal(signal.SIGTERM, _terminate)
    for name in ("stdout", "stderr"):
        # Closed by whoever started us.
        stream = getattr(sys, name) or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
        # A terminal that cannot show a letter gets its code instead of a traceback.
        stream.reconfigure(errors="backslashreplace")
        setattr(sys, name, stream)
    sys.stderr = cast("TextIO", _Forgiving(sys.stderr))
    code = _run(sys.argv[1:])
    ignore()
    sys.exit(code)
