"""Between the program and the person: stdout for results, stderr for everything else."""

import logging
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from typing import Any

import click

from kvsync.cli.failure import others_told
from kvsync.cli.output import MessageFormat, told_lines, write_text
from kvsync.cli.suggestion import note_command
from kvsync.model.errors import HeldBackError, InputError, KvsyncError, PassingError, UsageError
from kvsync.model.signals import ignore
from kvsync.model.text import printable
from kvsync.report import (
    Report,
    RunReport,
    comparison_lines,
    conversion_lines,
    document,
    export_line,
    failure_lines,
    json_pieces,
    loss_lines,
    plan_lines,
    result_lines,
    retry_lines,
    tally_lines,
    unread_lines,
)
from kvsync.report.progress import Progress, Silence, make_progress

_WIDEST_LABEL = 20
"""Columns for a source's name before its bar: the figures behind it matter more."""

_LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)


class Console:
    """Shows a call's results, and takes part in it: progress, messages, approval.

    ``options`` are the parameters of the command, as click has parsed them.
    """

    def __init__(self, options: dict[str, Any]) -> None:
        self._json: bool = options["as_json"]
        self._quiet: bool = options["quiet"]
        self._verbose: int = options["verbose"]
        self._interactive: bool = options.get("interactive", False)
        self._mode = "none" if self._quiet else options.get("progress", "none")
        self._format = MessageFormat(json_lines=options["log_format"] == "json")
        if self._mode == "auto" and self._format.json_lines:
            self._mode = "lines"
        self._progress: Progress = Silence(sys.stderr)
        self._said: set[str] = set()
        context = click.get_current_context()
        context.with_resource(_logging_to(self, _LEVELS[min(self._verbose, 2)]))
        context.with_resource(others_told(self.tell))

    def progress(self, label: str, total: int, what: str) -> Progress:
        """Return what shows how far something has come: ``what`` is being done to ``total``
        keys.
        """
        label = printable(f"{what} {label}" if what else label)
        if len(label) > _WIDEST_LABEL:
            label = f"…{label[1 - _WIDEST_LABEL :]}"
        self._progress = make_progress(self._mode, label, total, sys.stderr)
        return self._progress

    def tell(self, line: str, level: str = "info") -> None:
        """Say a line on stderr, above the bar if there is one."""
        # Whether anybody reads stderr must not decide what becomes of the run.
        with suppress(OSError):
            self._progress.say(self._format(line, level))

    def approve(self, runs: Sequence[RunReport]) -> bool:
        """With ``--interactive``: show the plans, and ask."""
        self.warn(runs)
        steps = sum(len(run.plan.steps) for run in runs if run.plan)
        if not self._interactive or not steps:
            return True
        for run in runs:
            for line in plan_lines(run):
                click.echo(line, err=True)
        if _answer():
            return True
        self.tell("nothing was sent")
        return False

    def show(self, report: Report, lines: Iterable[str] | None = None) -> int:
        """Print the report, no matter what signals come; returns its exit code.

        ``lines`` are what text has to say of it, if not what it says of plans and pushes.
        """
        ignore()
        self._progress = Silence(sys.stderr)
        self.warn(report.runs)
        command = note_command(report)
        # What was held back comes after what held it back.
        for run in sorted(report.runs, key=lambda run: isinstance(run.error, HeldBackError)):
            self._tell_losses(run)
            for line in failure_lines(run.failures):
                self.tell(line, "error")
            several = len(report.runs) > 1 and not isinstance(run.error, InputError)
            if run.error is not report.error:
                self._tell_error(run.error, f"{run.source}: " if several else "")
            for line in unread_lines(run.unread):
                self.tell(line, "error")
            for line in retry_lines(run):
                self.tell(line)
            if _unfinished(run):
                self.tell(f"{run.source}: run the same command again to go on")
        self._tell_error(report.error)
        if command:
            self.tell(f"to go on: {command}")
        if self._json:
            write_text(chain(json_pieces(document(report)), ["\n"]))
        elif not self._quiet:
            shown = self._lines(report) if lines is None else lines
            write_text(f"{line}\n" for line in shown)
        return report.exit_code

    def show_export(self, report: Report, out: str) -> int:
        """Do as `show`; where stdout has what was exported, the summary goes to stderr."""
        lines = [export_line(run, out) for run in report.runs if run.exported]
        return self._show_written(report, lines, out)

    def show_conversion(self, report: Report, out: str) -> int:
        """Do as `show_export`, of a conversion."""
        lines = [line for run in report.runs for line in conversion_lines(run)]
        return self._show_written(report, lines, out)

    def _show_written(self, report: Report, lines: list[str], out: str) -> int:
        if out == "-":
            ignore()
            for line in lines if not self._quiet else ():
                self.tell(line)
            lines = []
        return self.show(report, lines)

    def _lines(self, report: Report) -> Iterable[str]:
        for run in report.runs:
            if run.dry:
                yield from plan_lines(run)
            elif any(run.done) or not isinstance(run.error, HeldBackError):
                yield from result_lines(run, verbose=bool(self._verbose))
            yield from comparison_lines(run, verbose=bool(self._verbose))

    def _tell_losses(self, run: RunReport) -> None:
        for level, line in loss_lines(run, verbose=bool(self._verbose)):
            if level == "warning" or not self._quiet:
                self.tell(line, level)

    def _tell_error(self, error: KvsyncError | None, source: str = "") -> None:
        if error:
            for level, line in told_lines(error):
                self.tell(f"{source}{line}" if level == "error" else line, level)

    def warn(self, runs: Iterable[RunReport]) -> None:
        """Say those of the runs' warnings and counts that have not been said yet."""
        for run in runs:
            for warning in run.warnings:
                line = warning if warning.startswith(run.source) else f"{run.source}: {warning}"
                self._tell_once(line, "warning")
            for line in tally_lines(run) if not self._quiet else ():
                self._tell_once(line, "info")

    def _tell_once(self, line: str, level: str) -> None:
        if line not in self._said:
            self._said.add(line)
            self.tell(line, level)


def _answer() -> bool:
    try:
        if sys.stdin:
            return click.confirm("Send this?", err=True)
    except click.Abort:
        if sys.stdin.isatty():
            raise
    raise UsageError("--interactive needs somebody who answers; nothing was sent")


def _unfinished(run: RunReport) -> bool:
    """Return whether the same command, run again, would go on where this one was stopped."""
    if not run.signal and not (run.error and run.error.exit_code == PassingError.exit_code):
        return False
    summary = run.summary()
    undone = summary.failed or summary.skipped or (run.exported and not run.exported.complete)
    return bool(undone)


@contextmanager
def _logging_to(console: Console, level: int) -> Iterator[None]:
    """Let all of kvsync's log records go to the console while its command runs."""
    logger = logging.getLogger("kvsync")
    before = logger.handlers, logger.propagate, logger.level
    logger.handlers, logger.propagate = [_Handler(console)], False
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.handlers, logger.propagate, logger.level = before


class _Handler(logging.Handler):
    """Log records take the same way as all other messages."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        self._console.tell(record.getMessage(), record.levelname.lower())
