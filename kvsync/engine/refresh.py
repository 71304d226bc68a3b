"""Correcting what a state says of its target by what the target holds."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from kvsync.edgekv.client import EdgeKVClient
from kvsync.engine.job import Basis, Job, service_time
from kvsync.engine.namespaces import check_capacity
from kvsync.engine.read_target import Look, is_first, seen_of
from kvsync.engine.session import Network, accounted
from kvsync.model.api import SETTLING_S
from kvsync.model.text import count_text
from kvsync.model.values import Pair, Seen
from kvsync.plan.drift import correct, doubtful, settling


def refresh_all(network: Network, jobs: Sequence[Job]) -> None:
    """Correct what each job knows of its target by what the target holds.

    A job whose target cannot be read is stopped; nothing is raised for it.
    """

    async def refresh(job: Job, client: EdgeKVClient) -> Basis:
        call = network.call
        # With --only nothing is deleted.
        mirrors = call.deleting and call.deleting.unmanaged and not call.only
        lists = bool(mirrors) and is_first(job, jobs)
        namespace = client.namespace(job.target.zone, job.target.namespace)
        with accounted(job, namespace):
            return await _Refresh(network, job, namespace).run(lists=lists)

    for job, basis in network.run(network.each(jobs, jobs, refresh)):
        job.basis = basis


def check_capacities(network: Network, jobs: Sequence[Job]) -> None:
    """Warn of plans that add more than their namespace has room for."""

    async def check(job: Job, client: EdgeKVClient) -> None:
        await network.stop.interruptible(check_capacity(job, client))

    planned = [job for job in jobs if job.report.plan]
    network.run(network.each(planned, jobs, check))


class _Refresh(Look):
    async def run(self, *, lists: bool) -> Basis:
        """Return the job's basis, corrected. Raises `ServiceError` and `Interrupted`."""
        job = self.job
        sizes = dict(self._wanted())
        seen: dict[str, Seen] = {}
        if job.basis.absent:
            return job.basis._replace(remote=[] if lists else None)
        async with self.watched(len(sizes), lists=lists):
            unsure = await self._read_until_sure(sizes, seen)
            remote = await self.listed() if lists else None
        self.network.stop.check()
        if self.failures:
            raise next(iter(self.failures.values()))
        return self._corrected(seen, unsure)._replace(remote=remote)

    def _wanted(self) -> Iterator[tuple[str, int]]:
        """Yield the keys to read, each with its value's size.

        What is in doubt is sent again no matter what is read: its request may still be on its way.
        """
        rows = self.job.rows
        for entry in self.entries:
            row = rows.get(entry.key)
            if not (row and row.in_doubt):
                yield entry.key, entry.size
        for row in self.job.orphans:
            if not row.in_doubt:
                yield row.key, row.size

    async def _read_until_sure(self, sizes: Mapping[str, int], seen: dict[str, Seen]) -> set[str]:
        """Read all, and again what was read too soon; the keys of which nothing sure is known."""
        rows = self.job.rows
        # It counts when a key was read, not when all are: that may be minutes later.
        first = last = self.network.call.clock()

        def received(pair: Pair) -> None:
            seen[pair.key] = seen_of(pair)

        def unsure() -> list[str]:
            return doubtful(rows, seen.values(), last + self.namespace.clock_offset)

        await self.read(list(sizes), sizes, received)
        if keys := unsure():
            self.network.interface.tell(
                f"{self.job.report.source}: {count_text(len(keys), 'key')} written less than"
                f" {SETTLING_S:g} s ago read differently: reading again until that is sure"
            )
        async for again in self.until_sure(SETTLING_S, unsure):
            last = self.network.call.clock()
            await self.read(again, sizes, received)
        recent = self.job.state.recent(self.job.target) if self.job.state else {}
        dropped = settling(recent, first + self.namespace.clock_offset) - rows.keys()
        return dropped.union(unsure())

    def _corrected(self, seen: Mapping[str, Seen], unsure: Collection[str]) -> Basis:
        job = self.job
        now = service_time(job, self.network.call)
        found = correct(self.entries, job.rows, seen, owner=job.owner, now=now, unsure=unsure)
        # First of all: rows that are many are read from the state when they are asked for.
        basis = job.basis._replace(verdicts=found.verdicts, rows=found.applied(job.rows))
        if job.state and job.state.writable and (found.rows or found.gone):
            job.state.correct(job.target, found.rows, found.gone)
        return basis
