"""Changing the target as the plans say: first all pushes, and then the deletes."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from kvsync.edgekv.client import EdgeKVClient
from kvsync.edgekv.namespace import Namespace
from kvsync.engine.call import Call
from kvsync.engine.job import Job
from kvsync.engine.ledger import Ledger
from kvsync.engine.namespaces import check_capacity
from kvsync.engine.record_run import begin
from kvsync.engine.session import Network, accounted
from kvsync.model.errors import Interrupted
from kvsync.model.values import Change, Outcome, OutcomeKind
from kvsync.push.delete import Deletion
from kvsync.push.parcels import PoolOptions
from kvsync.push.pool import Pool
from kvsync.push.put import Push


def push_all(network: Network, jobs: Sequence[Job]) -> None:
    """Push each job's changes, one job after the other.

    What happened stands in the jobs' reports; nothing is raised for it.
    """

    async def push(job: Job, client: EdgeKVClient) -> None:
        plan, source = job.report.plan, job.source
        assert plan and source  # noqa: S101, PT018 - the steps come in order
        await _prepare(network, job, client)
        values = source.values(change.entry for change in plan.changes)
        namespace = client.namespace(job.target.zone, job.target.namespace)
        with _ledger(job, network.call) as ledger:
            pool = Push(plan.changes, values, namespace, ledger, _options(network))
            pool.stopped = job.stop_reading
            await _sent(network, job, pool, namespace, "")

    going = [job for job in jobs if not job.report.error]
    waiting = [job for job in going if job.report.plan and job.report.plan.changes]
    network.run(network.each(waiting, jobs, push))


def delete_all(network: Network, jobs: Sequence[Job]) -> None:
    """Delete what each job's plan says, one job after the other; as `push_all`."""

    async def delete(job: Job, client: EdgeKVClient) -> None:
        plan = job.report.plan
        assert plan  # noqa: S101 - the steps come in order
        namespace = client.namespace(job.target.zone, job.target.namespace)
        with _ledger(job, network.call) as ledger:
            pool = Deletion(plan.deletes, namespace, ledger, _options(network))
            await _sent(network, job, pool, namespace, "deleting")

    waiting = [job for job in jobs if job.report.plan and job.report.plan.deletes]
    network.run(network.each(waiting, jobs, delete))


async def _prepare(network: Network, job: Job, client: EdgeKVClient) -> None:
    """Before a first write: is there room for what is to come?"""
    await network.stop.interruptible(check_capacity(job, client))
    network.stop.check()
    network.interface.warn([job.report])


def _options(network: Network) -> PoolOptions:
    settings = network.call.settings
    return PoolOptions(workers=settings.workers, grace=settings.grace)


def _ledger(job: Job, call: Call) -> Ledger:
    state = job.state
    assert state  # noqa: S101 - the steps come in order
    begin(job, call)
    return Ledger(state, job.target, job.owner)


async def _sent(
    network: Network, job: Job, pool: Pool[Any], namespace: Namespace, what: str
) -> None:
    """Let the pool send, watched; what became of it goes into the job's report.

    Raises `Interrupted` if a stop kept back any of it.
    """
    progress = network.interface.progress(job.report.source, len(pool.changes), what)

    def settled(outcome: Outcome) -> None:
        done = outcome.kind is OutcomeKind.DONE
        size = outcome.entry.size if done and not what else 0
        failed = not done and outcome.kind is not OutcomeKind.SKIPPED
        progress.advance(size, failed=failed)
        network.stop.count(outcome)

    pool.settled, pool.look = settled, namespace.look
    namespace.on_doubt(pool.doubt)
    with accounted(job, namespace):
        try:
            grace = network.call.settings.grace
            async with network.watched(pool, namespace, progress, grace):
                await pool.run()
        finally:
            namespace.on_doubt(lambda _: None)
            job.add_outcomes(_in_order(pool.changes, pool.outcomes))
            if pool.error:
                job.stop(pool.error)
    if pool.cut_short and not pool.error:
        raise Interrupted


def _in_order(changes: Sequence[Change], outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    """Yield the outcomes in the order of the plan, near which they come: few have to be held
    back.
    """
    coming = iter(outcomes)
    early: dict[str, Outcome] = {}
    for change in changes:
        key = change.entry.key
        while key not in early and (outcome := next(coming, None)):
            early[outcome.change.entry.key] = outcome
        if key in early:
            yield early.pop(key)
