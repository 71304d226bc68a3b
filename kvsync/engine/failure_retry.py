"""A sync of a failure file: which of its pairs are still to be sent, and what is missing still."""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from kvsync.engine.job import Basis, Job
from kvsync.model.entries import names_of
from kvsync.model.text import count_text, printable
from kvsync.model.values import PARTIAL, Destination, Entry, Row
from kvsync.sources.interface import Source
from kvsync.state import UNSETTLED, Wanted

if TYPE_CHECKING:
    from kvsync.formats.failure_file import ValuelessFailure

_NAMED = 5
"""How many keys a message lists before it only counts."""

_SLACK_S = 10.0
"""Seconds by which the clocks of two machines may differ without anybody noticing."""

_NEWER = "something newer got through meanwhile"
_WITHOUT = "a later run of its source went through without it"
_OTHERWISE = "a later run of its source has had the last word: sync the source itself"
_CUT = "a later run of its source was cut off: sync the source itself"


class _Since(NamedTuple):
    """The state's knowledge of the time since a failure file was written.

    ``known``: it is the state that was there when it was; else all is by the clock. ``whole``: a
    run of all of the source went through; ``cut``: the last one did not come to its end.
    ``pending`` is what is to get through still, as the source has last been read.
    """

    known: bool = False
    whole: bool = False
    cut: bool = False
    pending: Mapping[str, Wanted] = {}

    def lets_go_of(self, entry: Entry, row: Row | None) -> bool:
        """Return whether the source has said something else of the key since, or nothing."""
        if row and _agrees(entry, row):
            return False
        if not self.known or self.whole or self.cut:
            return self.whole or self.cut
        return self.pending.get(entry.key) != (entry.digest, entry.expiry)


def _agrees(entry: Entry, row: Row) -> bool:
    """Return whether the target is known to hold just this."""
    return not row.in_doubt and (row.digest, row.expiry) == (entry.digest, entry.expiry)


def confine(job: Job, source: Source) -> Basis:
    """Return the basis without what the file does not name, or named before something newer got
    through.

    Warns of what is left out. Raises `StateError` and `InputError`.
    """
    file = source.destination
    since = _since(job, file)
    left_out = _left_out(job, file, since)
    for reason in (_NEWER, _WITHOUT, _CUT, _OTHERWISE):
        if keys := left_out.get(reason, []):
            named = ", ".join(map(printable, keys[:_NAMED]))
            more = f" and {len(keys) - _NAMED} more" if len(keys) > _NAMED else ""
            job.warn(f"not sent, since {reason}: {named}{more}")
    valueless = _valueless(job, source, since)
    gone = {key for keys in left_out.values() for key in keys}
    entries = [e for e in job.entries if e.key not in gone] if gone else job.entries
    named_keys = names_of(entries)
    rows = {k: row for k, row in job.rows.items() if k in named_keys or row.owner != job.owner}
    return job.basis._replace(entries=entries, rows=rows, valueless=valueless)


def _left_out(job: Job, file: Destination, since: _Since) -> dict[str, list[str]]:
    """Return the keys that are not to be sent any more, by the reason why. Raises `StateError`."""
    gone_through = cache(lambda owner: _runs_since(job, file, owner).whole)
    found: dict[str, list[str]] = {}
    for entry in job.entries:
        row = job.rows.get(entry.key)
        reason = _reason(entry, row, file.written, since)
        if not reason and row and row.owner != job.owner and not _agrees(entry, row):
            # Its present owner has said since that it is to be as it is.
            reason = _OTHERWISE if gone_through(row.owner) else ""
        if reason:
            found.setdefault(reason, []).append(entry.key)
    return found


def _reason(entry: Entry, row: Row | None, written: float, since: _Since) -> str:
    """Why the entry is not to be sent any more; empty if it is."""
    if _is_overtaken(entry, row, written):
        return _NEWER
    if not since.lets_go_of(entry, row):
        return ""
    if since.cut and not since.whole:
        return _CUT
    return _OTHERWISE if row else _WITHOUT


def _since(job: Job, file: Destination) -> _Since:
    since = _runs_since(job, file, job.owner)
    if not (job.state and since.known):
        return since
    return since._replace(pending=job.state.failures(job.target, job.owner))


def _runs_since(job: Job, file: Destination, owner: str) -> _Since:
    """Return what the runs of an owner tell, of a file of the job's."""
    state = job.state
    if not state or not file.written:
        return _Since()
    runs = state.numbered_runs(job.target, owner)
    wrote = state.failure_file_run(job.target, job.owner, file.written)
    known = wrote is not None
    if wrote is not None:
        later = [run for number, run in runs if number > wrote]
    else:
        # A run is noted by this machine's clock, the file by that of another one perhaps.
        ahead = state.clock_offset(job.target) + _SLACK_S
        later = [run for _, run in runs if run.started + ahead > file.written]
    whole = [run for run in later if not run.counts.get(PARTIAL)]
    return _Since(
        known=known,
        whole=any(run.ended and not run.exit_code for run in whole),
        cut=bool(whole) and not whole[-1].ended,
    )


def lost_keys(job: Job) -> int:
    """Return how many keys are missing that the job's file has no value of."""
    return sum(not deletes for deletes in job.basis.valueless.values())


def warn_of_valueless(job: Job) -> None:
    """Say what the job will not do, and who can."""
    lost = lost_keys(job)
    deletes = len(job.basis.valueless) - lost
    if lost:
        they = "are" if lost > 1 else "is"
        gone = "their values were" if lost > 1 else "its value was"
        job.warn(
            f"{count_text(lost, 'key')} {they} not in this file ({gone} gone): run the first"
            " command again"
        )
    if deletes:
        they = "are" if deletes > 1 else "is"
        job.warn(
            f"{count_text(deletes, 'delete')} {they} not done from this file: run the first"
            " command again, with --delete"
        )


def _valueless(job: Job, source: Source, since: _Since) -> dict[str, bool]:
    """Keys that are still missing though the file has no value of them: is it for a delete?"""
    written = source.destination.written
    recent = job.state.recent(job.target) if job.state else {}
    return {
        one.key: one.deletes
        for one in source.valueless
        if not _is_let_go(one, job.rows.get(one.key), since)
        and _is_open(one, job.rows.get(one.key), written, recent)
    }


def _is_let_go(one: "ValuelessFailure", row: Row | None, since: _Since) -> bool:
    """Return whether the source has let go of what this line is about."""
    if since.whole and (row is None or not one.deletes):
        return True
    return since.known and not one.deletes and (since.cut or one.key not in since.pending)


def _is_open(
    one: "ValuelessFailure", row: Row | None, written: float, recent: Mapping[str, float]
) -> bool:
    """Return whether this has not been done since, as far as the state can tell."""
    if row:
        return not _is_newer(row, written)
    # What no one owned had no row before the delete either.
    return not (one.deletes and written < recent.get(one.key, 0) < UNSETTLED)


def _is_overtaken(entry: Entry, row: Row | None, written: float) -> bool:
    if row is None or not _is_newer(row, written):
        return False
    return (row.digest, row.expiry) != (entry.digest, entry.expiry)


def _is_newer(row: Row | None, written: float) -> bool:
    """Return whether the key got through after that time."""
    return row is not None and not row.in_doubt and 0 < written < row.acknowledged
