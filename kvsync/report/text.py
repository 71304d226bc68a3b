"""Reports for people: what to print, line by line. Nothing here can move a cursor."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain

from kvsync.model.errors import InputError, KvsyncError
from kvsync.model.text import count_text, duration_text, printable, size_text
from kvsync.model.values import Action, Change, Outcome, Plan, Row
from kvsync.report.result import RunReport

_SYMBOLS = {Action.CREATE: "+", Action.UPDATE: "~", Action.RENEW: "^", Action.DELETE: "-"}
_ORPHAN = "?"
_PAST = {"create": "created", "update": "updated", "renew": "renewed", "delete": "deleted"}
_WIDEST_KEY = 40
_LISTED_FAILURES = 20
_NAMED_KEYS = 3


def plan_lines(run: RunReport) -> Iterator[str]:
    """Yield the target and where it came from, one line per change, and what it will take."""
    plan = run.plan
    if not plan:
        return
    yield _heading(run)
    yield from _table(plan.steps, plan.orphans)
    yield _counts(plan)
    if plan.steps:
        needed = run.planned_requests
        told = " and ".join(f"{count:,} {action}" for action, count in needed.items())
        requests = "request" if sum(needed.values()) == 1 else "requests"
        time = f"about {duration_text(run.eta)} at {run.rate:g} requests/s"
        yield f"{told} {requests}, {size_text(plan.bytes)}, {time}."


def result_lines(run: RunReport, *, verbose: bool) -> Iterator[str]:
    """Yield what a sync did: one line, or with ``verbose`` each key as well."""
    plan = run.plan
    if not plan:
        return
    summary = run.summary()
    if verbose:
        yield _heading(run)
        done = [outcome.change for outcome in run.outcomes if not outcome.code]
        yield from _table(done, plan.orphans)
    if not plan.steps:
        rest = [count_text(plan.unchanged, "key") + " unchanged", *_asides(plan)]
        what = "nothing to do"
        if run.missing:
            what = "nothing that can be sent"
            rest.insert(0, count_text(run.missing, "key") + " without a value")
        yield f"{name_of(run)}: {what}; {', '.join(rest)}."
        return
    parts = [f"{count:,} {_PAST[name]}" for name, count in sorted(summary.actions.items())]
    for word, count in (
        ("failed", summary.failed),
        ("rejected", summary.rejected),
        ("not sent", summary.skipped - len(plan.expired)),
        ("without a value", run.missing),
        ("expired", len(plan.expired)),
        ("unchanged", summary.unchanged),
    ):
        if count:
            parts.append(f"{count:,} {word}")
    if plan.orphans:
        parts.append(count_text(len(plan.orphans), "orphan"))
    requests = count_text(sum(run.requests.values()), "request")
    retries = f" ({count_text(run.retries, 'retry', 'retries')})"
    yield (
        f"{name_of(run)}: {', '.join(parts)}; {size_text(summary.size)},"
        f" {requests}{retries if run.retries else ''}, {duration_text(run.elapsed)}."
    )


def rebuilt_lines(run: RunReport, *, verbose: bool) -> Iterator[str]:
    """Yield what a look at the target has taught the state; with ``verbose`` what it is short
    of.
    """
    plan = run.plan
    if not plan:
        return
    if verbose:
        yield _heading(run)
        yield from _table(plan.steps, plan.orphans)
    sends = count_text(len(plan.changes), "key") if plan.changes else "nothing"
    wanted = count_text(plan.unchanged, "key") + " as wanted"
    yield (
        f"{name_of(run)}: {', '.join([wanted, *_asides(plan)])};"
        f" the next sync sends {sends}. {count_text(sum(run.requests.values()), 'request')}."
    )


def failure_lines(failures: Sequence[Outcome]) -> Iterator[str]:
    """Yield what did not get through, and why: one line for all that failed alike."""
    alike: dict[tuple[str, str, str], list[Outcome]] = {}
    for outcome in failures:
        alike.setdefault((outcome.kind, outcome.code, outcome.message), []).append(outcome)
    groups = list(alike.values())
    for outcomes in groups[:_LISTED_FAILURES]:
        yield _failure_line(outcomes)
    if len(groups) > _LISTED_FAILURES:
        rest = sum(map(len, groups[_LISTED_FAILURES:]))
        yield f"and {count_text(rest, 'more key')}; run with --json to have them all listed"


def _failure_line(outcomes: Sequence[Outcome]) -> str:
    first = outcomes[0]
    names = ", ".join(printable(o.change.entry.key) for o in outcomes[:_NAMED_KEYS])
    if len(outcomes) > _NAMED_KEYS:
        names += f", and {count_text(len(outcomes) - _NAMED_KEYS, 'more key')}"
    place = f" ({printable(first.change.entry.origin)})" if len(outcomes) == 1 else ""
    tries = f", {count_text(first.attempts, 'attempt')}" if first.attempts > 1 else ""
    request = f" (RequestId {first.request_id}{tries})" if first.request_id else ""
    return f"{first.kind}: {names}{place}: {first.code}: {printable(first.message)}{request}"


def retry_lines(run: RunReport) -> Iterator[str]:
    """Yield how what did not get through can be tried again, where a file lists it."""
    file = run.failures_file
    if not file:
        return
    again = "run the same command again"
    if file.kept:
        them = "them" if file.kept > 1 else "it"
        yield f"{count_text(file.kept, 'key')} did not get through: {file.again} retries {them}"
    if file.lost:
        keys = count_text(file.lost, "key")
        yield f"{keys} did not get through, without a value in {file.path}: {again}"
    if file.deletes:
        yield f"{count_text(file.deletes, 'delete')} did not get through: {again}"


def error_lines(error: KvsyncError) -> Iterator[str]:
    """Yield an error for people; of a source's mistakes only how many there are."""
    if isinstance(error, InputError):
        yield f"{count_text(error.total, 'mistake')}; {error.outcome}"
    else:
        yield from map(printable, str(error).splitlines())


def mistake_lines(error: KvsyncError) -> Iterator[str]:
    """Yield a source's mistakes, each with its place."""
    if isinstance(error, InputError):
        yield from (printable(str(mistake)) for mistake in error.mistakes)
        if error.more:
            yield f"and {count_text(error.more, 'more mistake')}"


def name_of(run: RunReport) -> str:
    """Source and target."""
    target = run.target
    place = f"{target.zone}/{target.namespace}" if target else "?"
    return printable(f"{run.source} → {place}")


def _heading(run: RunReport) -> str:
    endpoint = f" at {_endpoint(run.target.endpoint)}" if run.target else ""
    return printable(f"{name_of(run)}{endpoint} ({run.target_from})")


def _endpoint(endpoint: str) -> str:
    """Return the endpoint, an emulator's UUID cut short: it is for comparing, not for reading."""
    name, _, uuid = endpoint.partition(":")
    if name in ("local", "emulator"):
        return f"{name} {uuid[:8]}".rstrip()
    return endpoint


def _table(changes: Collection[Change], orphans: Sequence[Row]) -> Iterator[str]:
    keys = chain((change.entry.key for change in changes), (row.key for row in orphans))
    width = min(max((len(printable(key)) for key in keys), default=0), _WIDEST_KEY)
    for change in changes:
        entry = change.entry
        yield _line(
            _SYMBOLS[change.action], printable(entry.key).ljust(width), entry.size,
            change.reason, entry.origin,
        )  # fmt: skip
    for row in orphans:
        key = printable(row.key).ljust(width)
        reason = "written by somebody else, kept" if row.estranged else "no longer in the source"
        yield _line(_ORPHAN, key, row.size, reason, row.origin)


def _line(symbol: str, key: str, size: int, reason: str, origin: str) -> str:
    place = f"  ({printable(origin)})" if origin else ""
    return f"  {symbol} {key}  {size_text(size) if size else '':>9}  {reason}{place}"


def _counts(plan: Plan) -> str:
    actions = Counter(change.action for change in plan.changes)
    parts = [
        f"{actions[action]:,} to {action}"
        for action in (Action.CREATE, Action.UPDATE, Action.RENEW)
    ]
    if plan.deletes:
        parts.append(f"{len(plan.deletes):,} to delete")
    return f"{', '.join(parts)}; {', '.join([f'{plan.unchanged:,} unchanged', *_asides(plan)])}."


def _asides(plan: Plan) -> Iterable[str]:
    if plan.orphans:
        yield count_text(len(plan.orphans), "orphan")
    if plan.expired:
        yield f"{len(plan.expired):,} expired"
