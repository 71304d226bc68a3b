"""Is the namespace there, is there room in it, and was it made anew?"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from kvsync.edgekv.answers import unix_seconds
from kvsync.edgekv.client import EdgeKVClient
from kvsync.edgekv.shapes import NamespaceInfo
from kvsync.engine.job import Job, service_time
from kvsync.engine.read_target import is_first
from kvsync.engine.session import Network
from kvsync.model.errors import Interrupted, KvsyncError, PassingError, RejectedError, ServiceError
from kvsync.model.text import printable, size_text

_WORTH_ASKING = 1 << 20
"""Bytes that a plan may add unasked: a namespace has 1 GB."""


async def create(job: Job, client: EdgeKVClient) -> bool:
    """Create the job's namespace; False if it is there by now, and perhaps not by our doing.

    Raises `ServiceError` or `Interrupted`.
    """
    try:
        with _counted(job, client):
            return (await client.create_namespace(job.target.zone, job.target.namespace)).sure
    except RejectedError:
        if not await described(job, client):
            raise
    return False


async def check_capacity(job: Job, client: EdgeKVClient) -> None:
    """Warn in the job's report if its plan adds more than the namespace has room for.

    Asks only for a plan that adds more than 1 MiB, and goes without an answer if there is none.
    Raises `Interrupted`.
    """
    growth = job.report.plan.growth if job.report.plan else 0
    if growth <= _WORTH_ASKING:
        return
    try:
        # A courtesy: a user who may write may not be allowed to ask, and should not wait for it.
        info = await described(job, client, retries=0)
    except ServiceError as error:
        job.warn(f"could not ask how full the namespace is: {error}")
        return
    # A namespace that says nothing of its capacity is not one without any.
    if info and info.capacity and growth > info.capacity - info.used:
        free = size_text(max(0, info.capacity - info.used))
        job.warn(
            f"this adds {size_text(growth)}, and the namespace has {free} left of"
            f" {size_text(info.capacity)}: what is beyond it will be refused"
        )


async def described(
    job: Job, client: EdgeKVClient, retries: int | None = None
) -> NamespaceInfo | None:
    """Return what the service says of the job's namespace; None: it is not there.

    Raises `ServiceError` or `Interrupted`.
    """
    target = job.target
    with _counted(job, client):
        found = await client.namespaces(target.zone, target.namespace, retries=retries)
    return next((info for info in found if info.name == target.namespace), None)


@contextmanager
def _counted(job: Job, client: EdgeKVClient) -> Iterator[None]:
    """Add to the job's report what the client itself has sent meanwhile."""
    before = Counter(client.requests)
    try:
        yield
    finally:
        job.report.count(client.requests - before)


_AHEAD_S = 60.0
"""Seconds by which a namespace may have been created later than now: clocks differ."""


def look_for_missing(network: Network, jobs: Sequence[Job]) -> None:
    """See which of the jobs' namespaces are missing, or were made after what the state knows.

    From here on all that the state says of such a one is in doubt, however this run ends.
    What happened stands in the jobs and their reports; nothing is raised for it.
    """

    async def look(job: Job, client: EdgeKVClient) -> None:
        found = await network.stop.interruptible(described(job, client))
        network.stop.check()
        now = service_time(job, network.call)
        for one in _sharing(job, jobs):
            if not found:
                _miss(one)
            elif created := _created(found.created, now):
                _doubt(one, created)

    network.run(network.each([job for job in jobs if is_first(job, jobs)], jobs, look))


def create_missing(network: Network, jobs: Sequence[Job]) -> None:
    """Create what was missing, and forget what the states say of it; as `look_for_missing`."""

    async def make(job: Job, client: EdgeKVClient) -> None:
        sharing = _sharing(job, jobs)
        with _failing_all(sharing):
            if await network.stop.interruptible(create(job, client)):
                place = f"{job.target.namespace} in {job.target.zone}"
                network.interface.tell(f"created the namespace {place}")
                for one in sharing:
                    if one.state:
                        one.state.forget_all(one.target, service_time(one, network.call))
            elif any(one.state and one.state.rows(one.target) for one in sharing):
                # Their rows are in doubt by now: the next plan speaks of them.
                raise PassingError(
                    "NamespaceAppeared",
                    f"the namespace {printable(job.target.namespace)} was missing when this was"
                    " planned, and is there now: run again",
                )

    missing = [job for job in jobs if job.basis.absent and is_first(job, jobs)]
    network.run(network.each(missing, jobs, make))


def _sharing(job: Job, jobs: Sequence[Job]) -> list[Job]:
    return [other for other in jobs if other.place == job.place]


def _miss(job: Job) -> None:
    if job.state and job.state.writable:
        job.state.doubt(job.target)
    job.basis = job.basis._replace(absent=True, rows={})


def _doubt(job: Job, created: float) -> None:
    """Doubt what was acknowledged before the namespace was created: it went to another one."""
    older = any(row.acknowledged < created and not row.in_doubt for row in job.rows.values())
    if older and job.state and job.state.writable:
        job.state.doubt(job.target, created)
        job.basis = job.basis._replace(rows=job.state.rows(job.target))


def _created(text: str, now: float) -> float:
    """Return when that was, in Unix seconds; 0 where it cannot be read, or believed."""
    try:
        created = float(unix_seconds(text))
    except ValueError:
        return 0.0
    return created if created < now + _AHEAD_S else 0.0


@contextmanager
def _failing_all(jobs: Sequence[Job]) -> Iterator[None]:
    """Make what goes wrong the error of all these jobs."""
    try:
        yield
    except Interrupted:
        raise
    except KvsyncError as error:
        for job in jobs:
            job.stop(error)
        raise
