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

__all__ = ["ALSO", "INSTEAD", "Terminated", "cli", "main", "run"]

_GROUPS: dict[str, tuple[str, ...]] = {
    "Everyday": ("plan", "sync", "verify", "help"),
    "Looking": ("validate", "get", "state", "namespaces"),
    "Moving": ("copy", "export", "convert", "put"),
    "Upkeep": ("emulator", "schema", "completion", "version"),
}
"""Commands as they are listed; others come after these."""

_FOLDER = os.path.join(os.path.dirname(__file__), "commands")
_FIRST = tuple(name for names in _GROUPS.values() for name in names)

ALSO = {"push": "sync", "diff": "plan"}
"""What users of other tools type first, and what does it here."""

_LISTING = (
    "kvsync export -o - lists the keys of a namespace with their values; kvsync state list SOURCE"
    " tells what was pushed"
)
_DELETING = "take the key out of its source, and kvsync sync SOURCE --delete"

INSTEAD = {
    "apply": "kvsync sync SOURCE plans and pushes in one; kvsync plan SOURCE shows it first",
    "ls": _LISTING,
    "list": _LISTING,
    "rm": _DELETING,
    "delete": _DELETING,
    "status": "kvsync plan SOURCE tells what a sync would do; kvsync state list SOURCE when the"
    " last one was",
}
"""What has no command of its own, and the way to it."""


class _LazyGroup(click.Group):
    """A group whose commands' modules load only when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        found = {name.removesuffix(".py") for name in os.listdir(_FOLDER) if name.endswith(".py")}
        return [*_FIRST, *sorted(found - {*_FIRST, "__init__"})]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        cmd_name = ALSO.get(cmd_name, cmd_name)
        if cmd_name not in _FIRST and cmd_name not in (known := self.list_commands(ctx)):
            import difflib

            if way := INSTEAD.get(cmd_name):
                ctx.fail(f"There is no '{cmd_name}': {way}.")
            near = difflib.get_close_matches(cmd_name, known, 1)
            meant = f" Did you mean '{near[0]}'?" if near else ""
            ctx.fail(f"No such command '{cmd_name}'.{meant}")
        module = importlib.import_module(f"kvsync.cli.commands.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        groups = dict(_GROUPS)
        if others := self.list_commands(ctx)[len(_FIRST) :]:
            groups["More"] = tuple(others)
        for title, names in groups.items():
            with formatter.section(title):
                formatter.write_dl([(name, _summary(name)) for name in names])


def _summary(command: str) -> str:
    """Return the first line of a command's module, which is read and not loaded."""
    with open(os.path.join(_FOLDER, f"{command}.py"), encoding="utf-8") as file:
        return file.readline().strip().strip('"')


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: kvsync sync manifests/example.yaml --local",
)
@click.version_option(
    __version__, "--version", "-V", prog_name="kvsync", message="%(prog)s %(version)s"
)
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
    """Run the ``kvsync`` command."""
    restart_in_utf8()
    # As for Ctrl-C, the report and its JSON are still written.
    signal.signal(signal.SIGTERM, _terminate)
    for name in ("stdout", "stderr"):
        # Closed by the parent process.
        stream = getattr(sys, name) or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
        # A terminal that cannot show a letter gets its code instead of a traceback.
        stream.reconfigure(errors="backslashreplace")
        setattr(sys, name, stream)
    sys.stderr = cast("TextIO", _Forgiving(sys.stderr))
    code = _run(sys.argv[1:])
    ignore()
    sys.exit(code)
