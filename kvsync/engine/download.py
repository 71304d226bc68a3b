"""Reading a whole namespace into a place on this machine."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from kvsync.edgekv.client import EdgeKVClient
from kvsync.edgekv.namespace import Namespace
from kvsync.engine.job import Job
from kvsync.engine.session import Network, accounted
from kvsync.formats.output import Output
from kvsync.model.values import Pair
from kvsync.push.get import Fetch, in_batches
from kvsync.report import Exported
from kvsync.report.progress import Progress


def download(network: Network, job: Job, output: Output, prefix: str, what: str = "") -> None:
    """Read what the output has not got yet; it is finished only once everything is there.

    What happened stands in the job's report; nothing is raised for it. ``what`` is being done, for
    who looks at the progress.
    """

    async def step(job: Job, client: EdgeKVClient) -> None:
        namespace = client.namespace(job.target.zone, job.target.namespace)
        with accounted(job, namespace), ThreadPoolExecutor(1, "kvsync-export") as thread:
            await _Download(network, job, namespace, output, thread).run(prefix, what)

    network.run(network.each([job], [job], step))


class _Download:
    def __init__(
        self,
        network: Network,
        job: Job,
        namespace: Namespace,
        output: Output,
        thread: ThreadPoolExecutor,
    ) -> None:
        self._network = network
        self._namespace = namespace
        self._output = output
        self._thread = thread
        self._source = job.report.source
        self._found = job.report.exported = Exported()
        self._progress: Progress

    async def run(self, prefix: str, what: str) -> None:
        self._progress = self._network.interface.progress(self._source, 0, what)
        network = self._network
        fetch = Fetch(self._namespace, self._received, workers=network.call.settings.workers)
        watched = network.watched(fetch, self._namespace, self._progress)
        async with watched, network.reading():
            await fetch.run(in_batches(self._missing(prefix)))
        self._found.failures = fetch.failures
        if fetch.error:
            raise fetch.error
        self._network.stop.check()
        if not fetch.failures:
            loop = asyncio.get_running_loop()
            self._found.removed = await loop.run_in_executor(self._thread, self._output.finish)
            self._found.complete = True

    async def _missing(self, prefix: str) -> AsyncIterator[str]:
        """Yield the keys that the output has not got, each once, no matter what the pages
        repeat.
        """
        asked: set[str] = set()
        async for key in self._namespace.keys(prefix):
            if self._output.has(key):
                self._found.kept += 1
            elif key not in asked:
                asked.add(key)
                self._progress.expect(len(asked))
                yield key

    async def _received(self, pairs: Sequence[Pair]) -> None:
        # A key may have gone since it was listed.
        there = [pair for pair in pairs if pair.value is not None]
        loop = asyncio.get_running_loop()
        self._found.written += await loop.run_in_executor(self._thread, self._output.write, there)
        self._found.read += len(there)
        for pair in pairs:
            size = len(pair.value or b"")
            self._found.size += size
            self._progress.advance(size)
