"""Reading one job's namespace: keys that are named, and the list of all that are there."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager

from kvsync.edgekv.namespace import Namespace
from kvsync.engine.job import Job, service_time
from kvsync.engine.session import Network
from kvsync.model.api import KEYS_PER_REQUEST
from kvsync.model.errors import Interrupted, ServiceError
from kvsync.model.values import Pair, Seen
from kvsync.push.get import Fetch, in_batches
from kvsync.report.progress import Progress

_FIRST_WAIT_S = 0.25
_LONGEST_WAIT_S = 10.0


class Look:
    """One job's reading of its namespace (`kvsync.engine.stopping.Work`)."""

    def __init__(self, network: Network, job: Job, namespace: Namespace) -> None:
        self.network = network
        self.job = job
        self.namespace = namespace
        self.failures: dict[str, ServiceError] = {}
        now = service_time(job, network.call)
        # What is past its `expires` is wanted no more.
        self.entries = [e for e in job.entries if not 0 < e.expiry.at <= now]
        self._progress: Progress | None = None
        self._asked: set[str] = set()
        self._uncounted: set[str] = set()
        self._fetch: Fetch | None = None
        self._listing: asyncio.Task[list[str]] | None = None

    def stop(self) -> None:
        """Read nothing more."""
        self.namespace.stop()
        if self._fetch:
            self._fetch.stop()
        if self._listing:
            self._listing.cancel()

    cut = stop

    @asynccontextmanager
    async def watched(self, total: int, *, lists: bool) -> AsyncIterator[None]:
        """Show how far ``total`` keys have been read; meanwhile `listed` goes on, if wanted."""
        progress = self.network.interface.progress(self.job.report.source, total, "reading")
        network = self.network
        async with network.watched(self, self.namespace, progress), network.reading():
            self._progress = progress
            listing = asyncio.create_task(_listed(self.namespace if lists else None))
            self._listing = listing
            try:
                yield
            finally:
                self._progress = None
                listing.cancel()
                await asyncio.gather(listing, return_exceptions=True)

    async def listed(self) -> list[str]:
        """Return all keys of the namespace; none if they were not to be listed. Raises
        `Interrupted`.
        """
        assert self._listing  # noqa: S101 - within `watched`
        try:
            return await self._listing
        except asyncio.CancelledError:
            if self.network.stop.is_set:
                raise Interrupted from None
            raise

    async def read(
        self, keys: Sequence[str], sizes: Mapping[str, int], received: Callable[[Pair], None]
    ) -> None:
        """Read these keys; ``sizes`` has how many bytes their values are thought to have.

        Raises `ServiceError` for what ends the reading; single keys that cannot be read go into
        `failures`.
        """

        async def handed_on(pairs: Sequence[Pair]) -> None:
            for pair in pairs:
                self.failures.pop(pair.key, None)
                received(pair)
                self._count(pair)

        self._expect(keys)
        workers = min(self.network.call.settings.workers, len(keys) // KEYS_PER_REQUEST + 1)
        self._fetch = fetch = Fetch(self.namespace, handed_on, sizes.get, workers)
        await fetch.run(in_batches(_each(keys)))
        self.failures.update(fetch.failures)
        if fetch.error:
            raise fetch.error

    def _expect(self, keys: Iterable[str]) -> None:
        """Let the progress know of keys that were not asked for before: each counts once."""
        new = set(keys) - self._asked
        self._asked |= new
        self._uncounted |= new
        if self._progress:
            self._progress.expect(len(self._asked))

    def _count(self, pair: Pair) -> None:
        if self._progress and pair.key in self._uncounted:
            self._uncounted.remove(pair.key)
            self._progress.advance(len(pair.value or b""))

    async def until_sure(
        self, longest: float, unsure: Callable[[], Sequence[str]]
    ) -> AsyncIterator[Sequence[str]]:
        """Yield what is ``unsure``, after each of waits that grow, for ``longest`` seconds in
        all.
        """
        begun = time.monotonic()
        wait = _FIRST_WAIT_S
        while (keys := unsure()) and not self.network.stop.is_set:
            left = begun + longest - time.monotonic()
            if left <= 0:
                return
            await self.network.throttle.pause(min(wait, left))
            wait = min(2 * wait, _LONGEST_WAIT_S)
            yield keys


def is_first(job: Job, jobs: Sequence[Job]) -> bool:
    """Return whether no job before it has the same target: its keys are listed once."""
    return job is next(other for other in jobs if other.place == job.place)


def seen_of(pair: Pair) -> Seen:
    """Return what the pair is known by: its value's digest, not the value."""
    if pair.value is None:
        return Seen(pair.key)
    digest = hashlib.sha256(pair.value).digest()
    return Seen(pair.key, digest, len(pair.value), pair.expires)


async def _listed(namespace: Namespace | None) -> list[str]:
    return [key async for key in namespace.keys()] if namespace else []  # noqa: SIM118 - no dict


async def _each(keys: Iterable[str]) -> AsyncIterator[str]:
    for key in keys:
        yield key
