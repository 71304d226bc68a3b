"""The short way of a call: a source that is as it was when there was nothing to do has nothing now.

`keep` notes what lay behind such a run, `unchanged` looks whether all that is still so. Where it is
not, or cannot be told, nothing is said, and the call goes its whole way.
"""

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import ExitStack
from dataclasses import fields, is_dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

from kvsync import __version__
from kvsync.engine.call import Call
from kvsync.engine.target import endpoint_of, own_files
from kvsync.model.errors import KvsyncError
from kvsync.model.files import MountPoints, absolute
from kvsync.model.tally import Tally
from kvsync.model.values import Plan, Row, Run, Target
from kvsync.plan.ttl import usual_gap
from kvsync.report import Report, RunReport
from kvsync.sources import shown_source
from kvsync.sources.interface import Fingerprint
from kvsync.sources.snapshot import still_holds
from kvsync.state import StateLocation, locate

if TYPE_CHECKING:
    from kvsync.engine.job import Job

LONG_WAY = {
    "Call.only": "it is not for all of the source",
    "Call.refresh": "it reads the target, whatever the state says",
    "Call.create_namespace": "it asks whether the namespace is there",
    "Call.verifying": "it reads the target afterwards",
    "Call.failures": "it writes a file, whatever is to be done",
    "SourceOptions.checksum": "it reads every file",
}
"""Fields of a call that always ask for something, once they are not as they are by default."""

NO_MATTER = {
    "Call.clock": "it tells the time: what that changes is due at a known moment",
    "Call.environ": "of the variables those count that the source was seen to ask for",
    "Call.deadline": "it ends what is sent, and nothing is",
    "Call.max_errors": "it ends what is sent, and nothing is",
    "Settings.grace": "it is for requests in flight, and there are none",
    "Settings.lock_timeout": "nobody is waited for",
    "Settings.identities": "answers of this run; the target that they lead to is compared",
}
"""Fields of a call that make no difference to whether there is something to do, and why. All that
is not named here counts: a call that differs in it from the last one goes its whole way."""


def is_plain(call: Call) -> bool:
    """Return whether nothing is asked for but to send what has changed, as the state knows it."""
    return not any(name in LONG_WAY and value for name, value in _fields(call))


def what_counts(call: Call) -> list[tuple[str, Any]]:
    """Return all by which the call may differ from another one, in words that are always the
    same.
    """
    return [(name, _plainly(value)) for name, value in _fields(call) if name not in NO_MATTER]


def _fields(values: Any) -> Iterator[tuple[str, Any]]:
    """Yield the fields of a dataclass, as ``Class.field``, and in place of one within it that
    one's.
    """
    for one in fields(values):
        value = getattr(values, one.name)
        if is_dataclass(value):
            yield from _fields(value)
        else:
            yield f"{type(values).__name__}.{one.name}", value


def _plainly(value: Any) -> Any:
    """Return the value, written the same way no matter what order it was put together in."""
    if isinstance(value, Mapping):
        return sorted(value.items())
    return sorted(value) if isinstance(value, Set) else value


_FORMAT = 3
_EARLY_S = 60.0
"""Seconds before something is due from when on it is looked at: a fixed time that is so near has
warnings of its own."""
_SET_BACK_S = 1.0
"""Seconds by which a past run lies in the future from when on this machine's clock was set back."""


class _Kept(NamedTuple):
    """The record of a run that had nothing to do; ``told`` says where the target came from.

    ``warnings`` are those that do not depend on the time. ``orphans`` are keys; ``shortest`` is a
    TTL in seconds, 0 if there is none; ``due`` is as a plan has it.
    """

    owner: str
    told: str
    keys: int
    size: int
    unchanged: int
    orphans: Sequence[str]
    warnings: Sequence[str]
    tally: Tally
    shortest: int
    due: float
    fingerprint: Fingerprint

    @classmethod
    def from_json(cls, text: str) -> "_Kept":
        kept = cls._make(json.loads(text))
        return kept._replace(
            tally=Tally.from_json(kept.tally), fingerprint=Fingerprint.from_json(kept.fingerprint)
        )


class _Found(NamedTuple):
    """A record of one source of a call that still holds."""

    location: StateLocation
    identity: bytes
    target: Target
    content: str
    kept: _Kept
    orphans: list[Row]


def keep(jobs: Sequence["Job"], call: Call) -> None:
    """Let the states keep what lies behind this call, if there was nothing to do for any source."""
    if not is_plain(call) or not all(map(_is_idle, jobs)):
        return
    try:
        # A copy has no paths, and nothing to look at again.
        for job, identity in zip(jobs, identities(call), strict=False):
            if job.state and (kept := _kept(job)):
                job.state.keep_fingerprint(job.target, identity.digest, json.dumps(kept))
    except KvsyncError:
        # It is for the next run's speed; what this one was about is in the state.
        return


def unchanged(call: Call, command: str, *, noting: bool) -> Report | None:
    """Return the report of a call with nothing to do, if that can be told without reading any
    source.

    With ``noting`` the states note the run, which takes their locks for a moment.
    """
    begun, started = time.monotonic(), time.time()
    if not is_plain(call):
        return None
    try:
        found = [_find(identity, call) for identity in identities(call)]
        sources = [one for one in found if one]
        if len(sources) < len(found) or (noting and not _note(sources, started)):
            return None
    except (KvsyncError, OSError):
        return None
    elapsed = time.monotonic() - begun
    return Report(
        command,
        [
            _report(label, one, call, elapsed, dry=not noting)
            for label, one in zip(call.paths, sources, strict=True)
        ],
    )


class _Identity(NamedTuple):
    """The identity of a source's run before it is read: its state, and a digest of all."""

    location: StateLocation
    digest: bytes


def identities(call: Call) -> Iterator[_Identity]:
    """Of each source of the call, in their order; all of them count for each.

    Raises `StateError`.
    """
    settings = call.settings
    asked = what_counts(call)
    places = [(path, absolute(path), os.path.realpath(path)) for path in call.paths]
    mounted = MountPoints()
    for path, place, _ in places:
        home = place if os.path.isdir(path) else os.path.dirname(place)
        location = locate(home, settings.state)
        owner = location.place_of(place, home, mounted).owner
        own = (_FORMAT, __version__, location.version, path, location.name, owner, places, asked)
        yield _Identity(location, blake2b(repr(own).encode("utf-8", "surrogatepass")).digest())


def _is_idle(job: "Job") -> bool:
    """Return whether there was nothing to do, and will not be for as long as nothing changes."""
    plan, report = job.report.plan, job.report
    if not plan or report.exit_code or report.losses.totals:
        return False
    # What a plan warns of depends on the time, and on runs before.
    unsettled = plan.expired or plan.warnings or any(row.in_doubt for row in plan.orphans)
    return not (plan.steps or unsettled)


def _kept(job: "Job") -> _Kept | None:
    plan, report = job.report.plan, job.report
    fingerprint = job.source.fingerprint if job.source and job.source.complete else None
    if not (plan and fingerprint):
        return None
    return _Kept(
        owner=job.owner,
        told=report.target_from,
        keys=report.keys,
        size=report.size,
        unchanged=plan.unchanged,
        orphans=[row.key for row in plan.orphans],
        warnings=report.warnings,
        tally=report.tally,
        shortest=min((e.expiry.ttl for e in job.entries if e.expiry.ttl), default=0),
        due=plan.due,
        fingerprint=fingerprint,
    )


def _find(identity: _Identity, call: Call) -> _Found | None:
    """Return what was kept of a source, if it still holds. Raises `KvsyncError`."""
    location, digest = identity
    with location.glance() as state:
        found = state.fingerprint(digest)
        if not found:
            return None
        target, kept = found[0], _Kept.from_json(found[1])
        if endpoint_of(call.settings, location).value != target.endpoint:
            return None
        now = call.clock() + max(0.0, state.clock_offset(target))
        runs = state.runs(target, kept.owner, 2) if kept.shortest else []
        gap = usual_gap(now, runs)
        if any(run.started > call.clock() + _SET_BACK_S for run in runs):
            # The clock was set back: how long what has a TTL still lasts is to be looked at.
            return None
        orphans = state.some_rows(target, kept.orphans)
    if now >= kept.due - _EARLY_S or gap > kept.shortest or len(orphans) < len(kept.orphans):
        return None
    if not still_holds(kept.fingerprint, call.environ, own_files(call)):
        return None
    return _Found(location, digest, target, found[1], kept, orphans)


def _note(sources: Sequence[_Found], started: float) -> bool:
    """Note the run where no one else is at it, nor has been since we looked.

    Raises `KvsyncError` and `OSError`.
    """
    with ExitStack() as stack:
        states = {}
        for location in sorted({one.location for one in sources}):
            stack.enter_context(location.lock_at_once())
            states[location] = stack.enter_context(location.note())
        for one in sources:
            if states[one.location].fingerprint(one.identity) != (one.target, one.content):
                return False
        for one in sources:
            states[one.location].note_run(one.target, one.kept.owner, _run(one.kept, started))
    return True


def _run(kept: _Kept, started: float) -> Run:
    return Run(started, time.time(), 0, {"unchanged": kept.unchanged, "failed": 0})


def _report(label: str, found: _Found, call: Call, elapsed: float, *, dry: bool) -> RunReport:
    kept = found.kept
    nothing: dict[str, Any] = {"changes": (), "touched": (), "expired": [], "dropped": []}
    return RunReport(
        shown_source(label),
        found.target,
        kept.told,
        keys=kept.keys,
        size=kept.size,
        plan=Plan(
            unchanged=kept.unchanged,
            orphans=found.orphans,
            warnings=[],
            due=kept.due,
            **nothing,
        ),
        dry=dry,
        elapsed=elapsed,
        rate=call.settings.rate,
        warnings=list(kept.warnings),
        tally=kept.tally,
    )
