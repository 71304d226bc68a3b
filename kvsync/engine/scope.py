"""The keys that each source of a call is about: none that another one names or owns."""

from collections.abc import Callable, Hashable, Iterable, Sequence

from kvsync.engine.call import Call
from kvsync.engine.failure_retry import confine, warn_of_valueless
from kvsync.engine.job import Job, foreign_keys, going
from kvsync.model.entries import Indexed, Names, names_of
from kvsync.model.errors import InputError, KvsyncError, Mistake
from kvsync.model.keys import matches
from kvsync.model.text import count_text, printable
from kvsync.model.values import Entry
from kvsync.sources.interface import Source

_LISTED = 10
"""Keys that two sources name and that are listed; of the others it is said how many there are."""


_TWO_FOLDERS = (
    ": give each folder a prefix of its own, in a sync of its own (--prefix) or as trees of one"
    " manifest"
)


def refuse_collisions(
    jobs: Iterable[Job], place: Callable[[Job], Hashable] = lambda job: job.place
) -> None:
    """Stop each source that names a key of the same place as another one; None: not known."""
    seen: dict[tuple[Hashable, str], Entry] = {}
    here = [job for job, _ in going(jobs)]
    # A source knows its own keys: one alone may have more than a dict should.
    for job in here if len(here) > 1 else ():
        where = place(job)
        mistakes = []
        for entry in () if where is None else job.entries:
            first = seen.setdefault((where, entry.key), entry)
            if first is not entry:
                told = f"the key {printable(entry.key)} is also named by {first.origin}"
                origin, _, line = entry.origin.rpartition(":")
                at_line = origin and line.isdecimal()
                mistakes.append(
                    Mistake(told, origin, int(line))
                    if at_line
                    else Mistake(told + _TWO_FOLDERS, entry.origin)
                )
        if mistakes:
            job.stop(InputError(_first_of(mistakes, job.report.source)))


def _first_of(mistakes: Sequence[Mistake], source: str) -> list[Mistake]:
    """Ten of them, and how many more there are."""
    first, more = list(mistakes[:_LISTED]), len(mistakes) - _LISTED
    if more > 0:
        told = f"{count_text(more, 'more key')}: also named by another source"
        first.append(Mistake(told, source, alike=more))
    return first


def narrow(jobs: Iterable[Job], call: Call) -> None:
    """Give each key of a target to one job, and leave out what ``--only`` does not match."""
    here = [job for job, _ in going(jobs)]
    for job, source in going(jobs):
        if not source.complete:
            _confine(job, source)
    by_place: dict[Hashable, list[Job]] = {}
    for job in here:
        by_place.setdefault(job.place, []).append(job)
    for sharing in by_place.values():
        if len(sharing) > 1:
            _share_out(sharing)
    for job in here if call.only else ():
        _narrow(job, call.only)
    for job in here:
        warn_of_valueless(job)


def _confine(job: Job, source: Source) -> None:
    try:
        job.basis = confine(job, source)
    except KvsyncError as error:
        job.stop(error)


def _share_out(jobs: Sequence[Job]) -> None:
    """Let each key of one target be one job's at most, to be named or to be deleted."""
    for job in jobs:
        others = [other for other in jobs if other is not job]
        named = Names(*(names_of(other.entries) for other in others))
        job.basis = job.basis._replace(named_elsewhere=named)
    deleters: dict[str, Job] = {}
    for job in jobs:
        for row in job.orphans:
            deleters.setdefault(row.key, job)
    foreign = foreign_keys(jobs)
    for job in jobs:
        elsewhere = {key for key, deleter in deleters.items() if deleter is not job}
        answered_for = Names(foreign, job.basis.named_elsewhere, elsewhere)
        job.basis = job.basis._replace(named_elsewhere=answered_for)


def _narrow(job: Job, only: Iterable[str]) -> None:
    """Leave out keys that match none of the patterns, as if neither side knew them."""
    found = [entry for entry in job.entries if matches(entry.key, only)]
    if job.entries and not found:
        job.warn("no key of the source matches --only")
    # What the source names and leaves out is no orphan; of the rest it is known by its entries.
    left_out = names_of(job.entries) if isinstance(job.entries, Indexed) else ()
    kept = {entry.key for entry in found}
    job.basis = job.basis._replace(
        entries=found,
        left_out=left_out,
        valueless={key: what for key, what in job.basis.valueless.items() if matches(key, only)},
        rows={
            key: row
            for key, row in job.rows.items()
            if matches(key, only) and (key in kept or key not in left_out)
        },
    )
