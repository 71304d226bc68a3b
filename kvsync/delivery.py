"""Sending what the plans say: client, emulator, push, signals, progress."""

import asyncio
import secrets
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress

from kvsync.edgekv.client import ClientOptions, EdgeKVClient, Namespace
from kvsync.edgekv.credentials import CredentialProvider, StaticCredentials, default_credentials
from kvsync.edgekv.endpoint import identity, is_loopback, is_refused, parse_endpoint
from kvsync.edgekv.throttle import Throttle
from kvsync.errors import FatalError, GaveUpError, KvsyncError, PassingError, StateError
from kvsync.interface import Interface
from kvsync.jobs import Job
from kvsync.model import Outcome, Target
from kvsync.progress import Progress
from kvsync.push import Push, PushOptions
from kvsync.settings import API_RATE, Call, Settings
from kvsync.signals import heard_by
from kvsync.state.ledger import Ledger

__all__ = ["deliver"]

_TICK_S = 0.5


def deliver(jobs: Sequence[Job], call: Call, interface: Interface) -> None:
    """Push each job's changes, one job after the other, under one throttle.

    What happened stands in the jobs' reports; nothing is raised for it.
    """
    delivery = _Delivery(call, interface)
    with heard_by(delivery.hear):
        asyncio.run(delivery.run(jobs))


class _Connections:
    """One client per service, or per emulator of ``--local``, all under one throttle."""

    def __init__(self, call: Call, throttle: Throttle, stack: AsyncExitStack) -> None:
        self._settings: Settings = call.settings
        self._environ = call.environ
        self._throttle = throttle
        self._stack = stack
        self._clients: dict[str, EdgeKVClient] = {}

    async def client(self, job: Job, jobs: Sequence[Job]) -> EdgeKVClient:
        """The client for a job; credentials that are missing are found out here."""
        name = job.place[1] or job.target.endpoint
        if name not in self._clients:
            self._clients[name] = await self._connect(job, jobs)
        return self._clients[name]

    async def _connect(self, job: Job, jobs: Sequence[Job]) -> EdgeKVClient:
        settings = self._settings
        credentials: CredentialProvider
        if settings.local:
            credentials, url = await self._emulate(job, jobs)
        else:
            credentials = default_credentials(settings.profile, environ=self._environ)
            url = parse_endpoint(settings.endpoint.value or "intl")
            if is_loopback(url):
                await asyncio.to_thread(_recognise, url, job.target)
        await credentials.get()
        options = ClientOptions(timeout=settings.timeout, retries=settings.retries)
        client = EdgeKVClient(credentials, url, throttle=self._throttle, options=options)
        return await self._stack.enter_async_context(client)

    async def _emulate(self, job: Job, jobs: Sequence[Job]) -> tuple[CredentialProvider, str]:
        """An emulator in this process, with the namespaces that the run names."""
        from kvsync.emulator.options import EmulatorOptions
        from kvsync.emulator.server import Emulator

        pair = f"AKID{secrets.token_hex(16)}", secrets.token_hex(16)
        here = [other.target for other in jobs if other.place[1] == job.place[1]]
        options = EmulatorOptions(
            namespaces=tuple({target.namespace for target in here}),
            rate=max(API_RATE, self._settings.rate),
            data=job.place[1],
            credential=pair,
        )
        emulator = await self._stack.enter_async_context(Emulator(options))
        return StaticCredentials(*pair), emulator.url


def _recognise(url: str, target: Target) -> None:
    """Make sure that the emulator at a loopback address is the one that the plan speaks of.

    One that began to listen after the plan was made would get its rows under its bare address, and
    hand them on to the next emulator there. Raises `PassingError`.
    """
    if is_refused(url):
        raise PassingError("ConnectionError", f"nobody listens at {url}: start it, then run again")
    if identity(url) != target.endpoint:
        message = f"what listens at {url} has changed since the plan was made: run again"
        raise PassingError("EndpointChanged", message)


class _Delivery:
    def __init__(self, call: Call, interface: Interface) -> None:
        self._call = call
        self._interface = interface
        self._throttle = Throttle(call.settings.rate)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connecting: asyncio.Task[EdgeKVClient] | None = None
        self._push: Push | None = None
        self._signal = 0
        self._over = False
        """Whether a signal or a fatal answer keeps the jobs that follow from being tried."""
        self._broken: set[str] = set()
        """State files that could not be written: what is sent for them would be forgotten."""

    async def run(self, jobs: Sequence[Job]) -> None:
        self._loop = asyncio.get_running_loop()
        async with AsyncExitStack() as stack:
            connections = _Connections(self._call, self._throttle, stack)
            for job in jobs:
                try:
                    await self._take_up(job, jobs, connections)
                except KvsyncError as error:
                    job.report.error = error
                if _concerns_all(job.report.error):
                    self._over = True
                if isinstance(job.report.error, StateError):
                    self._broken.add(job.state_path)

    async def _take_up(self, job: Job, jobs: Sequence[Job], connections: _Connections) -> None:
        client = None
        if not self._over and job.state_path not in self._broken:
            self._connecting = asyncio.create_task(connections.client(job, jobs))
            # A signal cancels it: nothing of this job has been sent yet.
            with suppress(asyncio.CancelledError):
                client = await self._connecting
        if client and not self._over:
            await self._deliver(job, client)
        else:
            job.report.signal = self._signal

    async def _deliver(self, job: Job, client: EdgeKVClient) -> None:
        report, plan, source, state = job.report, job.report.plan, job.source, job.state
        assert plan and source and state  # noqa: S101, PT018 - the steps come in order
        # What stopped the push before this one need not stop this one.
        self._throttle.resume()
        job.run_number = state.begin_run(job.target, job.owner, time.time())
        namespace = client.namespace(job.target.zone, job.target.namespace)
        entries = [change.entry for change in plan.changes]
        with Ledger(state, job.target, job.owner) as ledger:
            settings = self._call.settings
            options = PushOptions(workers=settings.workers, grace=settings.grace)
            values = source.values(entries)
            push = self._push = Push(plan.changes, values, namespace, ledger, options)
            begun = time.monotonic()
            try:
                await self._watched(push, job, namespace)
            finally:
                self._push = None
                report.outcomes = _in_order(push)
                report.error = push.error
                report.requests = dict(+namespace.requests)
                report.retries = namespace.retries
                report.elapsed = time.monotonic() - begun
                report.signal = self._signal
        # A Date has whole seconds: a difference of one is none.
        if abs(namespace.clock_offset - state.clock_offset(job.target)) > 2:
            state.note_clock(job.target, namespace.clock_offset)

    async def _watched(self, push: Push, job: Job, namespace: Namespace) -> None:
        progress = self._interface.progress(job.report)
        push.settled = progress.settled
        ticker = asyncio.create_task(self._tick(progress, namespace))
        try:
            await push.run()
        finally:
            ticker.cancel()
            progress.close()

    async def _tick(self, progress: Progress, namespace: Namespace) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            if line := progress.tick(namespace.retries, namespace.last_failure):
                self._interface.tell(line)

    def hear(self, number: int) -> None:
        """Called by the interpreter between any two steps of the program."""
        if self._loop and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._interrupt, number)

    def _interrupt(self, number: int) -> None:
        """The first signal lets requests in flight finish; the second does not."""
        again = bool(self._signal)
        self._signal = self._signal or number
        self._over = True
        if self._connecting:
            self._connecting.cancel()
        if self._push and again:
            self._push.cut()
        elif self._push:
            # First of all: whoever reads stderr may have been stopped by the same Ctrl-C.
            self._push.stop()
            grace = self._call.settings.grace
            self._interface.tell(
                f"stopping: requests in flight get {grace:g} s to finish; once more stops at once"
            )


def _concerns_all(error: KvsyncError | None) -> bool:
    """Whether an answer that ended one run would end every other of the same account, too."""
    return isinstance(error, FatalError) and not isinstance(error, GaveUpError)


def _in_order(push: Push) -> list[Outcome]:
    """The outcomes in the order of the plan."""
    place = {change.entry.key: number for number, change in enumerate(push.changes)}
    return sorted(push.outcomes, key=lambda outcome: place[outcome.change.entry.key])
