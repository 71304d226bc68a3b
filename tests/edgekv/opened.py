"""A client of the default endpoint, for tests that play the service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from kvsync.edgekv import ClientOptions, EdgeKVClient, Namespace, StaticCredentials, Throttle
from kvsync.model.errors import ServiceError
from kvsync.model.values import NEVER

SECRET = "hunter2-value"


@asynccontextmanager
async def opened(throttle: Throttle | None = None, retries: int = 8) -> AsyncIterator[EdgeKVClient]:
    """A client of the default endpoint."""
    options = ClientOptions(retries=retries)
    credentials = StaticCredentials("AKID", "secret-half", "session-token")
    async with EdgeKVClient(credentials, throttle=throttle, options=options) as client:
        yield client


@asynccontextmanager
async def pairs(throttle: Throttle | None = None, retries: int = 8) -> AsyncIterator[Namespace]:
    """A namespace of such a client."""
    async with opened(throttle, retries) as client:
        yield client.namespace("zone-1", "ns-1")


async def failure(namespace: Namespace, key: str = "k") -> ServiceError:
    """How a write of the secret value fails."""
    with pytest.raises(ServiceError) as caught:
        await namespace.put(key, SECRET.encode(), NEVER)
    return caught.value
