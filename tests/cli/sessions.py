"""Runs what the console blocks of README and guide show: for tests."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.cli.documents import Step

_HOME = "/home/ana"
_WORK = "/srv/edge"
_VARIES = (
    r"\d+\.\d s\b",
    r"at (local|emulator) \w{8}\b",
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
    r"\d{8}T\d{6}",
    r"127\.0\.0\.1:\d+",
    r'"(elapsed_s|written)": ?[\d.]+',
    r"(?<=damaged: )[^`]+$",
    r"(?<=was damaged \()[^`]+(?=\), and)",
)
"""What differs from run to run, and from one SQLite to the next."""


class Session:
    """A person at a shell who types what a document shows, in the current directory.

    ``kvsync`` runs a command line in this process. What ends in `&` gets a process of its own.
    """

    def __init__(self, kvsync: Callable[..., Any], url: str = "") -> None:
        self._kvsync = kvsync
        self._url = url
        self._code = 0
        self._running = ExitStack()

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def printed(self, step: Step) -> list[str]:
        """What the command prints: errors and results, in the order that is shown if it may be."""
        out, err = self._run(step)
        orders = [f"{err}{out}", f"{out}{err}"]
        return next(
            (lines for text in orders if (lines := alike(text)) == alike(step.shown)),
            alike(orders[0]),
        )

    def _run(self, step: Step) -> tuple[str, str]:
        words = shlex.split(step.command, comments=True)
        match words:
            case ["export", *variables]:
                os.environ.update(variable.split("=", 1) for variable in variables)
                return "", ""
            case ["echo", "$?"]:
                return f"{self._code}\n", ""
            case ["cat", name] if not os.path.exists(path := os.path.expanduser(name)):
                # What a document shows of a file is the file.
                os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
                Path(path).write_text(step.shown)
                return step.shown, ""
            case ["kvsync", *rest] if rest[-1] == "&":
                return self._serve(rest[:-1], step), ""
            case ["kvsync", *rest] if "|" not in rest:
                result = self._kvsync(*[self._here(word) for word in rest])
                self._code = result.code
                return result.out, result.err
        child = subprocess.run(
            ["bash", "-c", step.command], capture_output=True, text=True, check=False
        )
        return child.stdout, child.stderr

    def _serve(self, arguments: list[str], step: Step) -> str:
        """Start a server at any port, in the place of the one that is shown."""
        arguments[arguments.index("--port") + 1] = "0"
        child = self._running.enter_context(
            _terminated([sys.executable, "-m", "kvsync", *arguments])
        )
        lines = [child.stdout.readline() for _ in step.shown.splitlines()]
        self._url = lines[0].split()[-1]
        return "".join(lines)

    def _here(self, word: str) -> str:
        return self._url if word == "http://127.0.0.1:8787" else word


@contextmanager
def _terminated(command: list[str]) -> Iterator[Any]:
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as child:
        try:
            yield child
        finally:
            child.terminate()


@contextmanager
def command_on_path(folder: Path) -> Iterator[None]:
    """For shells: ``kvsync``, and whatever ``tests.real`` has got."""
    program = folder / "kvsync"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m kvsync "$@"\n')
    program.chmod(0o755)
    before = os.environ["PATH"]
    os.environ["PATH"] = f"{folder}{os.pathsep}{before}"
    try:
        yield
    finally:
        os.environ["PATH"] = before


def alike(text: str) -> list[str]:
    """The lines of an output, but for what differs from run to run."""
    for path, shown in ((os.environ["HOME"], _HOME), (os.getcwd(), _WORK)):
        text = text.replace(path, shown)
    return [re.sub("|".join(_VARIES), "…", line) for line in text.strip().splitlines()]


def without_figures(lines: list[str]) -> list[str]:
    """For what goes on until a time is over: how far it gets differs from run to run."""
    return [re.sub(r"\d[\d.,]*( ([KM]i)?B\b)?", "N", line) for line in lines]
