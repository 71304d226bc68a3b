"""The state files of a call: held against other runs, and set aside if they are damaged."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress

from kvsync.engine.call import Call, Settings
from kvsync.engine.job import Job, going
from kvsync.engine.opening import find_targets, know_rows, open_source_of
from kvsync.engine.target import local_endpoint, state_locations
from kvsync.model.errors import DamagedError, KvsyncError, PassingError
from kvsync.model.text import count_text, printable
from kvsync.state import Diagnosis, Glimpse, State, StateLocation

_OUTDATED = (
    "what came through the pipe cannot be read again, and another run may have sent what is newer"
    " since: nothing is deleted"
)


def glimpses(call: Call) -> dict[StateLocation, Glimpse]:
    """Return what the states of the call look like, by location: before any source is opened.

    What comes through a pipe may take its time, and is read before anybody can be kept out.
    """
    return {location: location.glimpse() for location in state_locations(call)}


def open_states(jobs: Iterable[Job], open_state: Callable[[StateLocation], State]) -> None:
    """Open each state file once, and load what it knows of each job's target.

    A state that cannot be opened is the error of the jobs that need it.
    """
    by_location: dict[StateLocation, list[Job]] = {}
    for job, _ in going(jobs):
        by_location.setdefault(job.location, []).append(job)
    # Sorted, so that two calls with the same sources never wait for each other in a ring.
    for location in sorted(by_location):
        users = by_location[location]
        try:
            state = open_state(location)
            for job in users:
                job.state = state
            know_rows(users)
        except KvsyncError as error:
            for job in users:
                job.stop(error)


class Holder:
    """Holds state files for a run, until ``stack`` unwinds; ``tell`` hears of a wait.

    ``before`` is what the states looked like before any source was opened. ``overtaken``: another
    run was waited for, or was at it meanwhile, and much may have changed since the sources were
    read.
    """

    def __init__(
        self,
        settings: Settings,
        stack: ExitStack,
        tell: Callable[[str], None],
        before: Mapping[StateLocation, Glimpse],
    ) -> None:
        self._settings = settings
        self._stack = stack
        self._tell = tell
        self._before = before
        self.overtaken = False

    def lock(self, location: StateLocation) -> None:
        """Let no other run have the state file."""
        timeout = self._settings.lock_timeout
        self._stack.enter_context(location.lock(timeout, self._wait))
        # Of a state that lies where no one looked a failure file has told, which deletes nothing.
        self.overtaken |= location in self._before and location.glimpse() != self._before[location]

    def _wait(self, line: str) -> None:
        self.overtaken = True
        self._tell(line)

    def open(self, location: StateLocation) -> State:
        """Return the state file, locked before, open for writing; created if it is missing."""
        return self._stack.enter_context(location.write())

    def hold(self, location: StateLocation) -> State:
        """Return the state file, held and open for writing; created if it is missing."""
        location.refuse_foreign()
        self.lock(location)
        return self.open(location)

    def hold_if_there(self, location: StateLocation) -> State:
        """Do as `hold`, but a missing file is not created: the sources may yet be bad."""
        return self.hold(location) if location.exists() else location.read()


def hold_the_rest(jobs: Sequence[Job], holder: Holder, *, local: bool) -> None:
    """Create the states that are missing, and for ``local`` runs the emulators' data."""

    def create(location: StateLocation) -> State:
        state = holder.hold(location)
        # It was missing when the sources were read.
        holder.overtaken |= bool(state.targets())
        return state

    open_states([job for job in jobs if job.state and not job.state.writable], create)
    changed = []
    for job in jobs if local else ():
        known = job.target
        if job.state and job.state.writable:
            endpoint = local_endpoint(job.location, create=True)
            job.report.target = known._replace(endpoint=endpoint)
            if job.target != known:
                changed.append(job)
    know_rows(changed)


def reopen(jobs: Iterable[Job], call: Call, *, everything: bool) -> list[Job]:
    """Open the sources once more that have changed since; with ``everything`` all of them.

    Returns their jobs, whose states are open; what they name is still to be read.
    """
    call.settings.identities.clear()
    found = [(job, source) for job, source in going(jobs) if everything or source.stale]
    for job, source in found:
        if not source.passing:
            _reopen(job, call)
        elif not job.outdated:
            job.outdated = True
            job.warn(_OUTDATED)
    know_rows([job for job, source in found if not (source.passing or job.report.error)])
    return [job for job, source in found if not source.passing]


def _reopen(job: Job, call: Call) -> None:
    before = job.location
    job.report.warnings = []
    if job.path:
        open_source_of(job, call)
    find_targets([job], call)
    if job.location != before and not job.report.error:
        told = "its state belongs somewhere else since another run was waited for: run again"
        job.stop(PassingError("SourceChanged", told))


_ORPHANS = (
    "keys that the source no longer names are nobody's now: `kvsync verify --exact` lists them"
)


class Mender(Holder):
    """A `Holder` that knows what to do with a damaged file; nothing, until the sources are read."""

    def __init__(
        self,
        settings: Settings,
        stack: ExitStack,
        tell: Callable[[str], None],
        before: Mapping[StateLocation, Glimpse],
    ) -> None:
        super().__init__(settings, stack, tell, before)
        self._damaged: dict[StateLocation, Diagnosis] = {}
        self._told: dict[StateLocation | None, list[str]] = {}

    def hold_if_there(self, location: StateLocation) -> State:
        """Do as with any holder; of a damaged file what no one knows."""
        if not location.exists():
            return location.read()
        with suppress(DamagedError):
            location.refuse_foreign()
        self.lock(location)
        found = location.examine(salvaging=True)
        if not found.problems:
            return self.open(location)
        self._damaged[location] = found
        return location.unknown()

    def hold(self, location: StateLocation) -> State:
        """Do as with any holder; a damaged file is set aside first, and what is sound kept."""
        found = self._damaged.get(location)
        if not found:
            self._told[location] = [_ORPHANS]
            return super().hold(location)
        away = location.set_aside()
        state = self.open(location)
        for target, rows in found.salvage.items():
            state.correct(target, rows, [])
        self._told[location] = [
            f"the state was damaged ({found.problems[0]}), and is now at {printable(away)}",
            _kept(found),
            _ORPHANS,
        ]
        return state

    def told(self, job: Job) -> list[str]:
        """Return what has become of the job's state, if it was not as it should be."""
        return self._told.get(job.located.location, [])


def _kept(found: Diagnosis) -> str:
    count = sum(map(len, found.salvage.values()))
    if count:
        return f"{count_text(count, 'row')} that it held as they were written were kept"
    return "nothing of it was kept: other sources and targets that it knew need a rebuild, too"
