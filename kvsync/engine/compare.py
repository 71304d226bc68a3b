"""Comparing a target with its source."""

from collections.abc import Container, Mapping, Sequence

from kvsync.edgekv.client import EdgeKVClient
from kvsync.edgekv.namespace import Namespace
from kvsync.engine.call import Verifying
from kvsync.engine.job import Job, foreign_keys
from kvsync.engine.read_target import Look, is_first, seen_of
from kvsync.engine.session import Network, accounted
from kvsync.model.entries import Names, names_of
from kvsync.model.keys import matches
from kvsync.model.values import Pair
from kvsync.plan.drift import Status, status_of
from kvsync.report import Comparison, Difference


def compare_all(network: Network, jobs: Sequence[Job], verifying: Verifying) -> None:
    """Compare each job's target with its source; as `refresh_all`."""

    async def compare(job: Job, client: EdgeKVClient) -> Comparison:
        lists = verifying.listing and is_first(job, jobs)
        namespace = client.namespace(job.target.zone, job.target.namespace)
        with accounted(job, namespace):
            comparing = _Comparing(network, job, namespace, verifying)
            return await comparing.run(lists=lists, managed=_managed(job, jobs) if lists else ())

    for job, comparison in network.run(network.each(jobs, jobs, compare)):
        job.report.comparison = comparison


def _managed(job: Job, jobs: Sequence[Job]) -> Container[str]:
    """Keys of the job's target that a source of the call names, or that are of one outside it."""
    here = [other for other in jobs if other.place == job.place]
    named = (names_of(other.entries) for other in here)
    return Names(foreign_keys(here), *named, *(other.basis.left_out for other in here))


class _Comparing(Look):
    def __init__(
        self, network: Network, job: Job, namespace: Namespace, verifying: Verifying
    ) -> None:
        super().__init__(network, job, namespace)
        self._verifying = verifying
        self._by_key = {entry.key: entry for entry in self.entries}
        self._differing: dict[str, Status] = {}
        self._actual: dict[str, bytes | None] = {}

    async def run(self, *, lists: bool, managed: Container[str]) -> Comparison:
        """Return how the target differs. Raises `ServiceError` and `Interrupted`."""
        sizes = {entry.key: entry.size for entry in self.entries}
        async with self.watched(len(sizes), lists=lists):
            await self.read(list(sizes), sizes, self._received)
            unmanaged = self._unmanaged(await self.listed(), managed)
            if self._verifying.exact:
                self._differing |= dict.fromkeys(unmanaged, Status.UNMANAGED)
            async for keys in self.until_sure(self._verifying.wait, self._wrong):
                await self.read(keys, sizes, self._received)
        if not self._verifying.exact:
            self._differing |= dict.fromkeys(unmanaged, Status.UNMANAGED)
        self.network.stop.check()
        return self._found()

    def _wrong(self) -> list[str]:
        return list({**self._differing, **self.failures})

    def _received(self, pair: Pair) -> None:
        entry = self._by_key.get(pair.key)
        status = status_of(entry, seen_of(pair)) if entry else Status.UNMANAGED
        if status is Status.SAME or (entry is None and pair.value is None):
            self._differing.pop(pair.key, None)
            self._actual.pop(pair.key, None)
            return
        self._differing[pair.key] = status
        if self._verifying.values:
            self._actual[pair.key] = pair.value

    def _unmanaged(self, listed: Sequence[str], managed: Container[str]) -> list[str]:
        only = self.network.call.only
        return [key for key in listed if key not in managed and (not only or matches(key, only))]

    def _found(self) -> Comparison:
        differing = {k: s for k, s in self._differing.items() if k not in self.failures}
        order = {key: number for number, key in enumerate(self._by_key)}
        keys = sorted(differing, key=lambda key: (order.get(key, len(order)), key))
        expected = self._expected(differing)
        wrong = differing.keys() | self.failures.keys()
        return Comparison(
            same=[key for key in self._by_key if key not in wrong],
            differences=[
                Difference(
                    key,
                    differing[key],
                    self._by_key[key].origin if key in self._by_key else "",
                    expected.get(key),
                    self._actual.get(key),
                )
                for key in keys
            ],
            failures=list(self.failures.items()),
            exact=self._verifying.exact,
        )

    def _expected(self, differing: Mapping[str, Status]) -> dict[str, bytes]:
        source = self.job.source
        wanted = [entry for entry in self.entries if entry.key in differing]
        if not (self._verifying.values and source and wanted):
            return {}
        values = source.values(wanted)
        return {entry.key: value for entry, value in values if isinstance(value, bytes)}
