"""How a call ends: whatever happens, each of its runs says what became of it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kvsync.model.errors import HeldBackError, KvsyncError
from kvsync.report import Report, RunReport


@contextmanager
def caught(report: Report) -> Iterator[None]:
    """An error that comes out of a step ends the call; whatever happens, the report is complete."""
    begun = time.monotonic()
    try:
        yield
    except KvsyncError as error:
        report.error = error
        for run in report.runs:
            run.error = run.error or error
    hold_back(report, undone)
    for run in report.runs:
        run.elapsed = run.elapsed or time.monotonic() - begun


def hold_back(report: Report, what_is_undone: Callable[[RunReport], str]) -> None:
    """A run that has more to do, and was not taken up, must not look as if all were well."""
    errors = [(run.source, run.error) for run in report.runs if run.error]
    wrong = next((one for one in errors if not isinstance(one[1], HeldBackError)), None)
    if not wrong:
        return
    source, error = wrong
    for run in report.runs:
        if not run.exit_code and (what := what_is_undone(run)):
            run.error = HeldBackError(source, error.exit_code, what)


def undone(run: RunReport) -> str:
    """What a run without an error of its own was not even tried to do; empty if nothing."""
    plan_ = run.plan
    if not (plan_ or run.comparison or run.exported):
        return "sent"
    if run.dry or not plan_:
        return ""
    if plan_.changes and not run.outcomes:
        return "sent"
    return "deleted" if plan_.deletes and len(run.outcomes) == len(plan_.changes) else ""
