"""The one JSON document of ``--json``; its fields are a contract (design: Command line)."""

from typing import Any

from kvsync.errors import InputError, KvsyncError
from kvsync.model import Change, Entry, Outcome, OutcomeKind
from kvsync.report.result import Report, RunReport

__all__ = ["document", "error_fields"]


def document(report: Report) -> dict[str, Any]:
    """The report as plain JSON values."""
    return {
        "version": 1,
        "command": report.command,
        "exit_code": report.exit_code,
        "error": error_fields(report.deciding_error),
        "runs": [_run(run, report.command) for run in report.runs],
    }


def error_fields(error: KvsyncError | None) -> dict[str, Any] | None:
    """``{"kind", "message", "details"}``, the details being a source's single mistakes."""
    if error is None:
        return None
    mistakes = error.mistakes if isinstance(error, InputError) else ()
    return {
        "kind": error.kind,
        "message": str(error),
        "details": [mistake._asdict() for mistake in mistakes],
    }


def _run(run: RunReport, command: str) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "source": run.source,
        "exit_code": run.exit_code,
        "error": error_fields(run.error),
        "warnings": run.warnings,
    }
    fields["target"] = run.target and run.target._asdict()
    fields["summary"] = _summary(run)
    if command == "validate":
        fields["summary"] |= {"keys": run.keys, "bytes": run.size}
    fields["changes"] = _changes(run)
    fields["orphans"] = [row.key for row in run.plan.orphans] if run.plan else []
    fields["failures"] = [_failure(outcome) for outcome in run.failures]
    return fields


def _summary(run: RunReport) -> dict[str, Any]:
    summary = run.summary()
    planned = len(run.plan.changes) if run.plan else 0
    would = {"EdgeKVPut": planned} if planned else {}
    fields = {
        **{name: summary.actions.get(name, 0) for name in ("create", "update", "renew", "delete")},
        "unchanged": summary.unchanged,
        "orphan": summary.orphan,
        "failed": summary.failed,
        "rejected": summary.rejected,
        "skipped": summary.skipped,
        "bytes": summary.size,
        "requests": would if run.dry else dict(run.requests),
        "retries": run.retries,
        "elapsed_s": round(run.elapsed, 3),
    }
    if run.dry:
        fields["eta_s"] = round(run.eta, 3)
    return fields


def _changes(run: RunReport) -> list[dict[str, Any]]:
    if not run.plan:
        return []
    if run.dry:
        return [_change(change, change.entry) for change in run.plan.changes]
    return [
        _change(outcome.change, outcome.entry)
        for outcome in run.outcomes
        if outcome.kind is OutcomeKind.DONE
    ]


def _change(change: Change, entry: Entry) -> dict[str, Any]:
    return {
        "action": str(change.action),
        "key": entry.key,
        "origin": entry.origin,
        "bytes": entry.size,
        "reason": change.reason,
    }


def _failure(outcome: Outcome) -> dict[str, Any]:
    return {
        "key": outcome.change.entry.key,
        "action": str(outcome.change.action),
        "outcome": str(outcome.kind),
        "code": outcome.code,
        "message": outcome.message,
        "request_id": outcome.request_id,
        "attempts": outcome.attempts,
    }
