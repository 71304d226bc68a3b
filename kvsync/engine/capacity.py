"""Is the namespace there, and is there room in it for what a plan adds?"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from kvsync.edgekv.client import EdgeKVClient
from kvsync.edgekv.shapes import NamespaceInfo
from kvsync.engine.job import Job
from kvsync.model.errors import RejectedError, ServiceError
from kvsync.model.text import size_text

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
        # A courtesy: whoever may write need not be allowed to ask, and should not wait for it.
        info = await described(job, client, retries=0)
    except ServiceError as error:
        job.report.warnings.append(f"could not ask how full the namespace is: {error}")
        return
    # A namespace that says nothing of its capacity is not one without any.
    if info and info.capacity and growth > info.capacity - info.used:
        free = size_text(max(0, info.capacity - info.used))
        job.report.warnings.append(
            f"this adds {size_text(growth)}, and the namespace has {free} left of"
            f" {size_text(info.capacity)}: what is beyond it will be refused"
        )


async def described(
    job: Job, client: EdgeKVClient, retries: int | None = None
) -> NamespaceInfo | None:
    """What the service says of the job's namespace; None: it is not there.

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
