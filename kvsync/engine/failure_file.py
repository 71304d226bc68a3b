"""The failure file: what a run could not deliver, so that just that can be tried again."""

import os
import shlex
from collections import deque
from collections.abc import Callable, Iterator, Sequence

from msgspec import UNSET

from kvsync.engine.call import Call, Settings
from kvsync.engine.job import Job
from kvsync.formats import MANIFEST_ENDINGS, guess_format
from kvsync.formats.failure_file import (
    LINES,
    VERSION,
    FailureHeader,
    FailureLine,
    find_header,
    header_line,
    line_of,
)
from kvsync.formats.output.files import open_anew
from kvsync.model.errors import KvsyncError, OutputError, UsageError
from kvsync.model.files import absolute
from kvsync.model.text import printable
from kvsync.model.values import Action, Entry, Loaded, Outcome
from kvsync.report import FailuresFile
from kvsync.state import Wanted

_TOGETHER = 5000
"""Keys that the state is told of at a time."""

_UNREAD = "its value was not read again, since the run was stopped"
_UNTRIED = "never tried: the run ended before"


def refuse_place(call: Call, jobs: Sequence[Job]) -> None:
    """Raise `UsageError` if the failures of this call cannot go where it says."""
    path = call.failures
    shown = printable(path)
    if len(jobs) != 1:
        raise UsageError(
            "--failures takes one source, for what it lists belongs to one: sync each by itself"
        )
    if call.only and any(_is_same(path, source) for source in call.paths):
        raise UsageError(f"--only would drop the rest from {shown}: give --failures another FILE")
    _check_file(path)
    if any(_is_same(path, source) for source in call.paths) and _is_whole(jobs[0]):
        raise UsageError(f"--failures {shown}: this is the source itself: name another file")
    folder = os.path.dirname(absolute(path))
    # The folder of the state comes into being with it; of a source that could not be opened nobody
    # knows where that is.
    state = jobs[0].located.location
    if not (os.path.isdir(folder) or (state and folder == state.folder)):
        raise UsageError(f"--failures {shown}: there is no such folder")
    for job in jobs:
        _check_names(job, call.settings)


def _is_whole(job: Job) -> bool:
    return job.source is not None and job.source.complete


def _is_same(path: str, other: str) -> bool:
    return os.path.realpath(path) == os.path.realpath(other)


def _check_file(path: str) -> None:
    """Raise `UsageError` for anything but a file that may be replaced."""
    if os.path.exists(path) and not os.path.isfile(path):
        raise UsageError(f"--failures {printable(path)}: this is no regular file")
    for name in (path, f"{path}.part"):
        try:
            with open(name, "rb") as file:
                header = find_header(file)
                ours = header and header.version == VERSION
                if not ours and os.fstat(file.fileno()).st_size:
                    raise UsageError(
                        f"--failures {printable(name)}: it holds something else: name another file"
                    )
        except FileNotFoundError:
            pass
        except OSError as error:
            raise UsageError(f"--failures {printable(name)}: {error.strerror}") from None


def _check_names(job: Job, settings: Settings) -> None:
    state = job.located.location if settings.state else None
    for name in (job.source.home if job.source else "", state.name if state else ""):
        try:
            name.encode()
        except UnicodeEncodeError:
            raise UsageError(
                f"--failures: {printable(name)} is not UTF-8, and the file could not name it"
            ) from None


def write_failures(call: Call, job: Job) -> None:
    """Write the file, if only its header, and note it in the job's report.

    A file that cannot be written is the report's error, unless it has one already.
    """
    report = job.report
    writing = _Writing(job, call.failures)
    try:
        writing.write(_header(job, call))
    except KvsyncError as error:
        older = " (what is there is an earlier run's)" if os.path.exists(call.failures) else ""
        told = OutputError(f"{error}{older}")
        if report.error:
            job.warn(str(told))
        job.stop(told)
        return
    again = " ".join(["kvsync sync", *map(shlex.quote, _again(call))])
    report.failures_file = FailuresFile(
        call.failures, writing.kept, writing.deletes, writing.lost, again
    )


def _header(job: Job, call: Call) -> FailureHeader:
    endpoint, zone, namespace = job.target
    ahead = job.state.clock_offset(job.target) if job.state else 0.0
    return FailureHeader(
        owner=job.owner,
        zone=zone,
        namespace=namespace,
        endpoint=endpoint,
        home=job.source.home if job.source else "",
        state=job.location.name if call.settings.state else "",
        written=round(call.clock() + ahead, 3),
    )


def _again(call: Call) -> Iterator[str]:
    """Yield the arguments by which a sync of the file goes where this call went."""
    settings, form = call.settings, call.source.dump.form
    yield call.failures
    guess = guess_format(call.failures, header_line(FailureHeader()))
    is_manifest = call.failures.endswith(MANIFEST_ENDINGS)
    if is_manifest or form not in {"", LINES} or not guess:
        yield from ("--format", LINES)
    if settings.local:
        yield "--local"
    elif settings.endpoint.on_command_line:
        yield from ("--endpoint", settings.endpoint.value)
    if settings.profile:
        yield from ("--profile", settings.profile)
    if settings.state:
        yield from ("--state", settings.state)


class _Writing:
    """One writing of the file; counts what it lists: pairs ``kept`` with their value, pairs whose
    value is ``lost``, and ``deletes``.
    """

    def __init__(self, job: Job, path: str) -> None:
        self.kept = self.lost = self.deletes = 0
        self._job = job
        self._path = path
        self._waiting: deque[Outcome] = deque()
        self._listed: dict[str, Wanted | None] = {}
        self._written = 0.0

    def write(self, header: FailureHeader) -> None:
        """Raise `UsageError`, `LockedError` and `OutputError`."""
        # It may have become the state file meanwhile.
        _check_file(self._path)
        with open_anew(self._path, force=True, option="--failures") as append:
            self._written = header.written
            append(header_line(header))
            for line in self._lines():
                append(line_of(line))
                if len(self._listed) >= _TOGETHER:
                    self._note_listed()
            self._carry_over(append)
            # Before the file is there: what it lists is to be sent by the state's leave alone.
            self._note_listed()

    def _note_listed(self) -> None:
        job, listed = self._job, self._listed
        self._listed = {}
        if job.state:
            job.state.note_failures(job.target, job.owner, listed)
            job.state.note_failure_file(job.target, job.owner, self._written, job.run_number)

    def _carry_over(self, append: Callable[[bytes], object]) -> None:
        """Carry over what a retry of a failure file passed over. Raises `InputError`."""
        source, job = self._job.source, self._job
        for one in source.valueless if source and job.basis.valueless else ():
            if one.key in job.basis.valueless:
                append(one.line)

    def _lines(self) -> Iterator[FailureLine]:
        """Yield the pairs, in the source's order, and then the deletes."""
        source = self._job.source
        wanted = self._wanted()
        reason = _UNREAD
        try:
            for entry, value in source.values(wanted) if source else ():
                while (outcome := self._waiting.popleft()).change.entry.key != entry.key:
                    yield self._without(outcome, reason)
                yield self._line(outcome, (entry, value))
        except KvsyncError as error:
            reason = f"its value could not be read again: {error}"
        while self._waiting:
            yield self._without(self._waiting.popleft(), reason)
        for _ in wanted:
            yield self._without(self._waiting.popleft(), reason)
        for outcome in self._job.undone:
            if outcome.change.action is Action.DELETE:
                self.deletes += 1
                yield _told(outcome, outcome.entry)

    def _wanted(self) -> Iterator[Entry]:
        for outcome in self._job.undone:
            if outcome.change.action is not Action.DELETE:
                self._waiting.append(outcome)
                yield outcome.change.entry

    def _line(self, outcome: Outcome, loaded: Loaded) -> FailureLine:
        entry, value = loaded
        if not isinstance(value, bytes):
            return self._without(outcome, value.message)
        self.kept += 1
        self._listed[entry.key] = entry.digest, entry.expiry
        return _told(outcome, entry, value.decode())

    def _without(self, outcome: Outcome, reason: str) -> FailureLine:
        self.lost += 1
        entry = outcome.change.entry
        self._listed[entry.key] = entry.digest, entry.expiry
        return _told(outcome, outcome.change.entry, lost=reason)


def _told(
    outcome: Outcome, entry: Entry, value: str | None = None, lost: str | None = None
) -> FailureLine:
    return FailureLine(
        key=entry.key,
        value=UNSET if value is None else value,
        expiration=entry.expiry.at or UNSET,
        expiration_ttl=entry.expiry.ttl or UNSET,
        action=str(outcome.change.action),
        outcome=str(outcome.kind),
        code=outcome.code,
        message=printable(outcome.message or _UNTRIED),
        request_id=outcome.request_id,
        attempts=outcome.attempts,
        origin=printable(entry.origin),
        lost=UNSET if lost is None else lost,
    )
