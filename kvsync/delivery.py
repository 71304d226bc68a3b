"""Sending what the plans say: client, emulator, push, signals, progress."""

import asyncio
import secrets
import signal
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress

from kvsync.edgekv.client import ClientOptions, EdgeKVClient, Namespace
from kvsync.edgekv.credentials import CredentialProvider, StaticCredentials, default_credentials
from kvsync.edgekv.endpoint import parse_endpoint
from kvsync.edgekv.throttle import Throttle
from kvsync.errors import FatalError, KvsyncError
from kvsync.interface import Interface
from kvsync.jobs import Job
from kvsync.progress import Progress
from kvsync.push import Push, PushOptions
from kvsync.settings import Call
from kvsync.state.ledger import Ledger
from kvsync.targets import emulator_data

__all__ = ["deliver"]

_TICK_S = 0.5


def deliver(jobs: Sequence[Job], call: Call, interface: Interface) -> None:
    """Push each job's changes, one job after the other, under one throttle.

    What happened stands in the jobs' reports; nothing is raised for it.
    """
    delivery = _Delivery(call, interface)
    try:
        asyncio.run(delivery.run(jobs))
    except asyncio.CancelledError:
        # A signal before the first push: nothing has been sent for any of the jobs.
        for job in jobs:
            job.report.signal = delivery.signal


class _Delivery:
    def __init__(self, call: Call, interface: Interface) -> None:
        self._call = call
        self._interface = interface
        self._throttle = Throttle(call.settings.rate)
        self._main: asyncio.Task[None] | None = None
        self._push: Push | None = None
        self.signal = 0
        self._over = False
        """Whether a signal or a fatal answer keeps the jobs that follow from being tried."""

    async def run(self, jobs: Sequence[Job]) -> None:
        self._main = asyncio.current_task()
        self._listen()
        async with AsyncExitStack() as stack:
            clients: dict[str, EdgeKVClient] = {}
            for job in jobs:
                if self._over:
                    job.report.signal = self.signal
                    continue
                try:
                    endpoint = job.target.endpoint
                    if endpoint not in clients:
                        clients[endpoint] = await self._connect(job, jobs, stack)
                    await self._deliver(job, clients[endpoint])
                except KvsyncError as error:
                    job.report.error = error
                if isinstance(job.report.error, FatalError):
                    self._over = True

    async def _connect(self, job: Job, jobs: Sequence[Job], stack: AsyncExitStack) -> EdgeKVClient:
        """The client for a job's endpoint; credentials that are missing are found out here."""
        settings = self._call.settings
        options = ClientOptions(timeout=settings.timeout, retries=settings.retries)
        credentials: CredentialProvider
        if settings.local:
            credentials, url = await self._emulate(job, jobs, stack)
        else:
            credentials = default_credentials(settings.profile, environ=self._call.environ)
            url = parse_endpoint(settings.endpoint.value or "intl")
        await credentials.get()
        client = EdgeKVClient(credentials, url, throttle=self._throttle, options=options)
        return await stack.enter_async_context(client)

    async def _emulate(
        self, job: Job, jobs: Sequence[Job], stack: AsyncExitStack
    ) -> tuple[CredentialProvider, str]:
        """An emulator in this process, with the namespaces that the run names."""
        from kvsync.emulator.options import EmulatorOptions
        from kvsync.emulator.server import Emulator

        pair = f"AKID{secrets.token_hex(16)}", secrets.token_hex(16)
        here = [other.target for other in jobs if other.target.endpoint == job.target.endpoint]
        options = EmulatorOptions(
            namespaces=tuple({target.namespace for target in here}),
            rate=max(20.0, self._call.settings.rate),
            data=emulator_data(job.state_path),
            credential=pair,
        )
        emulator = await stack.enter_async_context(Emulator(options))
        return StaticCredentials(*pair), emulator.url

    async def _deliver(self, job: Job, client: EdgeKVClient) -> None:
        report, plan, source, state = job.report, job.report.plan, job.source, job.state
        assert plan and source and state  # noqa: S101, PT018 - the steps come in order
        begun = time.monotonic()
        job.run_number = state.begin_run(job.target, job.owner, time.time())
        namespace = client.namespace(job.target.zone, job.target.namespace)
        progress = self._interface.progress(report)
        entries = [change.entry for change in plan.changes]
        with Ledger(state, job.target, job.owner) as ledger:
            settings = self._call.settings
            self._push = Push(
                plan.changes,
                source.values(entries),
                namespace,
                ledger,
                PushOptions(workers=settings.workers, grace=settings.grace),
                progress.settled,
            )
            ticker = asyncio.create_task(_tick(progress, namespace))
            try:
                await self._push.run()
            finally:
                ticker.cancel()
                progress.close()
        place = {change.entry.key: number for number, change in enumerate(plan.changes)}
        report.outcomes = sorted(self._push.outcomes, key=lambda o: place[o.change.entry.key])
        report.error = self._push.error
        report.requests = dict(namespace.requests)
        report.retries = namespace.retries
        report.elapsed = time.monotonic() - begun
        report.signal = self.signal

    def _listen(self) -> None:
        """The first signal lets requests in flight finish; the second does not."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            # Signals reach only a main thread's loop; a library's caller may be elsewhere.
            with suppress(NotImplementedError, RuntimeError, ValueError):
                loop.add_signal_handler(number, self._interrupt, number)

    def _interrupt(self, number: int) -> None:
        if self._push and self.signal:
            self._push.cut()
            return
        self.signal = number
        self._over = True
        if not self._push:
            if self._main:
                self._main.cancel()
            return
        grace = self._call.settings.grace
        self._interface.tell(
            f"stopping: requests in flight get {grace:g} s to finish; once more stops at once"
        )
        self._push.stop()


async def _tick(progress: Progress, namespace: Namespace) -> None:
    while True:
        await asyncio.sleep(_TICK_S)
        progress.tick(namespace.retries)
