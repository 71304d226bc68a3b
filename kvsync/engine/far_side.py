"""The side that a copy reads from: a network of its own, in a thread of its own.

A push sends in its event loop, and loads its values in a thread that may block. Reading must go on
between two loads, too: requests whose loop stands still run into their time-outs, and the push
would wait for a whole latency at each window.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self, TypeAlias

from kvsync.edgekv.client import EdgeKVClient
from kvsync.edgekv.namespace import Namespace
from kvsync.engine.call import Call
from kvsync.engine.download import download
from kvsync.engine.job import Job
from kvsync.engine.session import Network
from kvsync.formats.output import Output
from kvsync.model.errors import Interrupted, ServiceError
from kvsync.model.signals import heard_by
from kvsync.model.values import Pair
from kvsync.push.get import Fetch, Vain
from kvsync.report.progress import Interface

Answer: TypeAlias = dict[str, Pair | ServiceError]
"""By key: the pair (without a value if there is none any more), or why it could not be read."""


class FarSide:
    """Reads the namespace of ``job``, for as long as the context lasts.

    The job's report has what the `scan` asked and what went wrong with it. ``error`` is what ended
    the reading of single pairs; None if `stop` did.
    """

    def __init__(self, call: Call, interface: Interface, job: Job) -> None:
        self.job = job
        self.network = Network(call, interface)
        self.error: ServiceError | None = None
        self._thread = ThreadPoolExecutor(1, "kvsync-copy")
        self._loop = self._thread.submit(lambda: self.network.loop).result()
        self._namespace: Namespace | None = None
        self._fetches: list[Fetch] = []
        self._vain = Vain()
        self._stopped = False
        self._closing = asyncio.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.submit(self.network.__exit__).result()
        self._thread.shutdown()

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
        # The thread of the command waits here, and is the one that hears of signals.
        with heard_by(self.network.hear):
            if self._namespace:
                self._loop.call_soon_threadsafe(self._closing.set)
            self._thread.submit(self._scan, output, prefix, to).result()

    def ask(self, keys: Sequence[str]) -> "Future[Answer]":
        """What these keys, 20 at most, hold now; from any thread.

        The future raises `Interrupted` once the reading has ended: `error` says why.
        """
        return asyncio.run_coroutine_threadsafe(self._read(keys), self._loop)

    def stop(self) -> None:
        """Read nothing more; from any thread."""
        self._loop.call_soon_threadsafe(self._stop)

    def _scan(self, output: Output, prefix: str, to: Job) -> None:
        async def meet(job: Job, client: EdgeKVClient) -> None:
            self._namespace = client.namespace(job.target.zone, job.target.namespace)

        job, network = self.job, self.network
        self._closing.clear()
        # The namespaces that an emulator of --local is given are those that are written to.
        network.run(network.each([job], [to], meet))
        if self._namespace:
            download(network, job, output, prefix, "reading")
        # From here on the loop runs, whoever asks: the emulator of --local is in it.
        self._thread.submit(network.run, self._serve())

    async def _serve(self) -> None:
        await self._closing.wait()

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
            self._stop()
        if self._stopped:
            raise Interrupted
        answer.update(fetch.failures)
        return answer

    def _stop(self) -> None:
        self._stopped = True
        for fetch in self._fetches:
            fetch.stop()
        if self._namespace:
            self._namespace.stop()


async def _alone(keys: Sequence[str]) -> AsyncIterator[Sequence[str]]:
    yield keys
