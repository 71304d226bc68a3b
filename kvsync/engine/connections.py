"""Clients for the services that a call speaks to, the emulator of ``--local`` among them."""

import asyncio
import secrets
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import TypeAlias

from kvsync.edgekv.client import EdgeKVClient
from kvsync.edgekv.credentials import CredentialProvider, StaticCredentials, default_credentials
from kvsync.edgekv.endpoint import identity, is_loopback, is_refused, parse_endpoint
from kvsync.edgekv.options import ClientOptions
from kvsync.edgekv.throttle import Throttle
from kvsync.emulator.store import stored_uuid
from kvsync.engine.call import Call, Settings
from kvsync.engine.job import Job
from kvsync.model.api import API_RATE
from kvsync.model.errors import PassingError
from kvsync.model.values import Target

Emulated: TypeAlias = dict[str, tuple[CredentialProvider, str]]
"""The emulators of ``--local`` that are running, by the path of their data: how to sign, and URL.
One alone may have the data."""


class Connections:
    """One client per service, or per emulator of ``--local``, all under one throttle."""

    def __init__(
        self, call: Call, throttle: Throttle, stack: AsyncExitStack, emulated: Emulated
    ) -> None:
        self._settings: Settings = call.settings
        self._environ = call.environ
        self._throttle = throttle
        self._stack = stack
        self._emulated = emulated
        self._clients: dict[str, EdgeKVClient] = {}

    async def client(self, job: Job, jobs: Sequence[Job]) -> EdgeKVClient:
        """Return the client for a job; credentials that are missing are found out here."""
        name = job.place[1] or job.target.endpoint
        if name not in self._clients:
            self._clients[name] = await self._connect(job, jobs)
        return self._clients[name]

    async def _connect(self, job: Job, jobs: Sequence[Job]) -> EdgeKVClient:
        settings = self._settings
        credentials: CredentialProvider
        if settings.local:
            data = job.place[1]
            if data not in self._emulated:
                self._emulated[data] = await self._emulate(job, jobs)
            credentials, url = self._emulated[data]
        else:
            url = parse_endpoint(settings.endpoint.value or "intl")
            credentials = default_credentials(settings.profile, environ=self._environ, endpoint=url)
            if is_loopback(url):
                await asyncio.to_thread(_recognise, url, job.target, settings)
        await credentials.get()
        options = ClientOptions(settings.timeout, settings.retries, settings.ca_file)
        client = EdgeKVClient(credentials, url, throttle=self._throttle, options=options)
        return await self._stack.enter_async_context(client)

    async def _emulate(self, job: Job, jobs: Sequence[Job]) -> tuple[CredentialProvider, str]:
        """Return an emulator in this process, with the namespaces that the call names.

        Where there are no data yet, a look finds nothing, and leaves nothing behind.
        """
        from kvsync.emulator.options import ANY, EmulatorOptions
        from kvsync.emulator.server import Emulator

        pair = f"AKID{secrets.token_hex(16)}", secrets.token_hex(16)
        data = job.place[1]
        here = [other.target for other in jobs if other.place[1] == data]
        options = EmulatorOptions(
            namespaces=tuple({target.namespace for target in here} - {""}),
            rate=max(API_RATE, self._settings.rate),
            data=data if stored_uuid(data) else "",
            credential=pair,
            # A first step shall not fail for what one revision refuses; the plan warns of it.
            limits=ANY,
        )
        emulator = await self._stack.enter_async_context(Emulator(options))
        return StaticCredentials(*pair), emulator.url


def _recognise(url: str, target: Target, settings: Settings) -> None:
    """Make sure that the emulator at a loopback address is the one that the plan speaks of.

    One that began to listen after the plan was made would get its rows under its bare address, and
    hand them on to the next emulator there. Raises `PassingError`.
    """
    if is_refused(url):
        raise PassingError("ConnectionError", f"nobody listens at {url}: start it, then run again")
    # What was silent before has cost enough.
    patience = 0.2 if target.endpoint == url else None
    if identity(url, patience, ca_file=settings.ca_file) != target.endpoint:
        settings.identities.clear()
        message = f"what listens at {url} has changed since the plan was made: run again"
        raise PassingError("EndpointChanged", message)
