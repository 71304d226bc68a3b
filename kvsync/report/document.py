"""The one JSON document of ``--json``, piece by piece; its fields are a contract."""

import json
from collections.abc import Iterator
from itertools import starmap
from typing import Any

from kvsync.model.errors import InputError, KvsyncError, Mistake, RejectedError, ServiceError
from kvsync.model.values import Change, Entry, Outcome, OutcomeKind
from kvsync.report.comparison import Comparison, Converted, Difference, Exported
from kvsync.report.losses import loss_fields, tally_fields
from kvsync.report.result import Report, RunReport


def json_pieces(value: Any) -> Iterator[str]:
    """Yield what `json.dumps` makes of the value, in pieces; iterators become lists.

    What comes out of an iterator is one piece, so nothing in it may be another iterator.
    """
    if isinstance(value, dict):
        yield "{"
        for number, (name, inner) in enumerate(value.items()):
            yield f"{', ' if number else ''}{json.dumps(name)}: "
            yield from json_pieces(inner)
        yield "}"
    elif isinstance(value, list | Iterator):
        whole = isinstance(value, Iterator)
        yield "["
        for number, inner in enumerate(value):
            yield ", " if number else ""
            yield from [json.dumps(inner)] if whole else json_pieces(inner)
        yield "]"
    else:
        yield json.dumps(value)


def document(report: Report) -> dict[str, Any]:
    """Return the report as plain JSON values; lists that may be long are iterators, for
    `json_pieces`.
    """
    return {
        "version": 1,
        "command": report.command,
        "exit_code": report.exit_code,
        "error": error_fields(report.deciding_error),
        "runs": [_run(run, report.command) for run in report.runs],
    }


def error_fields(error: KvsyncError | None) -> dict[str, Any] | None:
    """``{"kind", "message", "details"}``, the details being a source's single mistakes.

    A detail that stands for several has their ``count``; where options would mend all, ``go_on``
    is the command with them.
    """
    if error is None:
        return None
    fields: dict[str, Any] = {"kind": error.kind, "message": str(error), "details": []}
    if isinstance(error, InputError):
        fields["details"] = [_mistake(mistake) for mistake in error.mistakes]
        if error.go_on:
            fields["go_on"] = error.go_on
    return fields


def _mistake(mistake: Mistake) -> dict[str, Any]:
    fields = mistake._asdict()
    count = fields.pop("alike")
    return fields | ({"count": count} if count > 1 else {})


def _run(run: RunReport, command: str) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "source": run.source,
        "exit_code": run.exit_code,
        "error": error_fields(run.error),
        "warnings": run.warnings,
    }
    fields["target"] = run.target and run.target._asdict()
    fields |= loss_fields(run) | tally_fields(run)
    if command == "verify":
        return fields | _comparison(run)
    if command == "export":
        return fields | _exported(run)
    if run.converted:
        return fields | _converted(run, run.converted)
    fields["summary"] = _summary(run)
    if command == "validate":
        fields["summary"] |= {"keys": run.keys, "bytes": run.size}
    fields["changes"] = _changes(run)
    fields["orphans"] = iter([row.key for row in run.plan.orphans] if run.plan else ())
    fields["failures"] = map(_failure, run.failures)
    if run.failures_file:
        fields["failures_file"] = run.failures_file.path
    if run.comparison:
        fields["verify"] = _comparison(run)
    return fields


def _comparison(run: RunReport) -> dict[str, Any]:
    """Return what a verify found; nothing where it did not come to that."""
    found = run.comparison or Comparison()
    counts = {name: found.count(name) for name in ("differs", "missing", "unmanaged")}
    return {
        "summary": {
            "same": len(found.same),
            **counts,
            "failed": len(found.failures),
            **_traffic(run),
        },
        "differences": map(_difference, found.differences),
        "failures": starmap(_unread, found.failures),
    }


def _exported(run: RunReport) -> dict[str, Any]:
    found = run.exported or Exported()
    return {
        "summary": {
            "read": found.read,
            "written": found.written,
            "kept": found.kept,
            "removed": found.removed,
            "failed": len(found.failures),
            "bytes": found.size,
            "complete": found.complete,
            **_traffic(run),
        },
        "failures": starmap(_unread, found.failures),
    }


def _converted(run: RunReport, found: Converted) -> dict[str, Any]:
    return {
        "out": found.out,
        "format": found.form,
        "summary": {
            "written": found.written,
            "expired": found.expired,
            "bytes": found.size,
            "complete": found.complete,
            "elapsed_s": round(run.elapsed, 3),
        },
    }


def _traffic(run: RunReport) -> dict[str, Any]:
    return {
        "requests": dict(run.requests),
        "retries": run.retries,
        "elapsed_s": round(run.elapsed, 3),
    }


def _unread(key: str, error: ServiceError) -> dict[str, Any]:
    return {
        "key": key,
        "outcome": "rejected" if isinstance(error, RejectedError) else "failed",
        "code": error.code,
        "message": error.message,
        "request_id": error.request_id,
        "attempts": error.attempts,
    }


def _difference(difference: Difference) -> dict[str, Any]:
    fields: dict[str, Any] = {"key": difference.key, "status": difference.status}
    for name in ("expected", "actual"):
        value = getattr(difference, name)
        if value is not None:
            fields[name] = value.decode()
    return fields


def _summary(run: RunReport) -> dict[str, Any]:
    summary = run.summary()
    fields = {
        **{name: summary.actions.get(name, 0) for name in ("create", "update", "renew", "delete")},
        "unchanged": summary.unchanged,
        "orphan": summary.orphan,
        "failed": summary.failed,
        "rejected": summary.rejected,
        "skipped": summary.skipped,
        "bytes": summary.size,
        "requests": run.planned_requests if run.dry else dict(run.requests),
        "retries": run.retries,
        "elapsed_s": round(run.elapsed, 3),
    }
    if run.dry:
        fields["eta_s"] = round(run.eta, 3)
    return fields


def _changes(run: RunReport) -> Iterator[dict[str, Any]]:
    if run.plan and run.dry:
        yield from (_change(change, change.entry) for change in run.plan.steps)
    elif run.plan:
        for outcome in run.outcomes:
            if outcome.kind is OutcomeKind.DONE:
                yield _change(outcome.change, outcome.entry)


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
