"""Reading the namespace that a copy comes from: first all of it, then pairs as they are sent.

A push loads its values in a thread that may block, while its event loop goes on: the same loop
reads them meanwhile.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Future
from typing import TypeAlias

from kvsync.edgekv.client import EdgeKVClient
from kvsync.edgekv.namespace import Namespace
from kvsync.engine.download import download
from kvsync.engine.job import Job
from kvsync.engine.session import Network
from kvsync.formats.output import Output
from kvsync.model.errors import Interrupted, ServiceError
from kvsync.model.values import Pair
from kvsync.push.get import Fetch, Vain

Answer: TypeAlias = dict[str, Pair | ServiceError]
"""By key: the pair (without a value if there is none any more), or why it could not be read."""


class RemoteReader:
    """Reads the namespace of ``job`` over its own network, and at its own pace.

    The job's report has what the `scan` asked and what went wrong with it. ``error`` is what ended
    the reading of single pairs; None if `stop` did.
    """

    def __init__(self, network: Network, job: Job) -> None:
        self.job = job
        self.network = network
        self.error: ServiceError | None = None
        self._namespace: Namespace | None = None
        self._fetches: list[Fetch] = []
        self._vain = Vain()
        self._stopped = False

    @property
    def requests(self) -> Counter[str]:
        """Every attempt to read single pairs, by action."""
        return +self._namespace.requests if self._namespace else Counter()

    @property
    def retries(self) -> int:
        """Those of them that were not the first of their call."""
        return self._namespace.retries if self._namespace else 0

    def scan(self, output: Output, prefix: str, to: Job) -> None:
        """Read the whole namespace into ``output``; from then on single pairs may be asked for.

        It may be read once more before the first of them is. ``to`` is the job to copy to: under
        ``--local`` one emulator has both sides.
        """

        async def meet(job: Job, client: EdgeKVClient) -> None:
            self._namespace = client.namespace(job.target.zone, job.target.namespace)

        # The namespaces that an emulator of --local is given are those that are written to.
        self.network.run(self.network.each([self.job], [to], meet))
        if self._namespace:
            download(self.network, self.job, output, prefix, "reading")

    def ask(self, keys: Sequence[str]) -> "Future[Answer]":
        """Return what these keys, 20 at most, hold now; from a thread beside the loop.

        The future raises `Interrupted` once the reading has ended: `error` says why.
        """
        return asyncio.run_coroutine_threadsafe(self._read(keys), self.network.session.loop)

    def stop(self) -> None:
        """Read nothing more."""
        self._stopped = True
        for fetch in self._fetches:
            fetch.stop()
        if self._namespace:
            self._namespace.stop()

    async def _read(self, keys: Sequence[str]) -> Answer:
        if self._stopped or self._namespace is None:
            raise Interrupted
        answer: Answer = {}

        async def received(pairs: Sequence[Pair]) -> None:
            answer.update((pair.key, pair) for pair in pairs)

        fetch = Fetch(self._namespace, received, workers=1, vain=self._vain)
        self._fetches.append(fetch)
        try:
            async with self.network.reading():
                await fetch.run(_alone(keys))
        finally:
            self._fetches.remove(fetch)
        if fetch.error and not self._stopped:
            self.error = fetch.error
            self.stop()
        if self._stopped:
            raise Interrupted
        answer.update(fetch.failures)
        return answer


async def _alone(keys: Sequence[str]) -> AsyncIterator[Sequence[str]]:
    yield keys
