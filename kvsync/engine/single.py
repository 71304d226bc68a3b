"""Single requests for a person: look at one pair, write one, list or create namespaces."""

from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

from kvsync.edgekv.client import EdgeKVClient
from kvsync.edgekv.shapes import NamespaceInfo
from kvsync.engine.call import Call
from kvsync.engine.job import Job
from kvsync.engine.opening import target_job
from kvsync.engine.session import Network, Session
from kvsync.model.errors import Interrupted, RejectedError
from kvsync.model.values import Ack, Expiry, Pair, Target
from kvsync.report.progress import Interface
from kvsync.state import State, StateLocation

T = TypeVar("T")


def get(call: Call, interface: Interface, key: str) -> Pair:
    """Return the pair of a key. Raises `KvsyncError`, `RejectedError` for a key that is not
    there.
    """

    async def asked(client: EdgeKVClient, target: Target) -> Pair:
        (pair,) = await client.namespace(target.zone, target.namespace).get([key])
        return pair

    pair = _asked(call, interface, target_job(call), asked)
    if pair.value is None:
        raise RejectedError("NotFound", "the namespace has no such key")
    return pair


def put(call: Call, interface: Interface, key: str, value: bytes, expiry: Expiry) -> Ack:
    """Write one pair, past every state. Raises `KvsyncError`."""

    async def asked(client: EdgeKVClient, target: Target) -> Ack:
        return await client.namespace(target.zone, target.namespace).put(key, value, expiry)

    return _asked(call, interface, target_job(call, create=True), asked)


def list_namespaces(call: Call, interface: Interface) -> list[NamespaceInfo]:
    """Return the namespaces of the zone. Raises `KvsyncError`."""

    async def asked(client: EdgeKVClient, target: Target) -> list[NamespaceInfo]:
        return await client.namespaces(target.zone)

    return _asked(call, interface, target_job(call, zone_only=True), asked)


class Created(NamedTuple):
    """A namespace that was made; the ``state`` that was asked had ``known`` keys in an earlier one
    of its name, and believes none of that any more.
    """

    ack: Ack
    state: str
    known: int


def create_namespace(call: Call, interface: Interface, name: str, remark: str) -> Created:
    """Create a namespace in the zone. Raises `KvsyncError`.

    The state that is here, or that the call names, may know an earlier one of this name: it then
    forgets what that held.
    """
    job = target_job(call, zone_only=True, create=True)
    place = job.target._replace(namespace=name)
    with _held(job.location, place) as state:
        known = len(state.rows(place)) if state else 0

        async def asked(client: EdgeKVClient, target: Target) -> Ack:
            if state and not await client.namespaces(target.zone, name):
                state.doubt(place)
            return await client.create_namespace(target.zone, name, remark)

        ack = _asked(call, interface, job, asked)
        if state and ack.sure:
            state.forget_all(place, call.clock() + max(0.0, state.clock_offset(place)))
    return Created(ack, job.location.name, known)


@contextmanager
def _held(location: StateLocation, target: Target) -> Iterator[State | None]:
    """Yield the state, held and open for writing, if it knows the target. Raises `KvsyncError`."""
    with location.read() as known:
        is_known = bool(known.rows(target))
    if not is_known:
        yield None
        return
    with location.lock(), location.write() as state:
        yield state


def _asked(
    call: Call,
    interface: Interface,
    job: Job,
    ask: Callable[[EdgeKVClient, Target], Coroutine[Any, Any, T]],
) -> T:
    answers: list[T] = []
    with Session(call, interface) as session:
        network = Network(call, session)

        async def step(job: Job, client: EdgeKVClient) -> None:
            answers.append(await network.stop.interruptible(ask(client, job.target)))

        network.run(network.each([job], [job], step))
    if job.report.signal:
        interrupted = Interrupted()
        interrupted.exit_code = 128 + job.report.signal
        raise interrupted
    if job.report.error:
        raise job.report.error
    return answers[0]
