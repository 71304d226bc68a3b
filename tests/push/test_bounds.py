"""How much a pool holds at a time, and how soon what it knows is durable."""

import asyncio
from collections.abc import Iterator, Sequence

import pytest

from kvsync.model.errors import InputError, Mistake, StateError
from kvsync.model.values import NEVER, Ack, Change, Expiry, Loaded, Lost, OutcomeKind
from kvsync.push.delete import Deletion
from kvsync.push.pool import PoolOptions
from kvsync.push.put import Push
from tests.push.deleting import delete
from tests.push.stores import FakeStore
from tests.values import change, row

MIB = 1 << 20


class Gated:
    """Answers a put or a delete once somebody lets it pass."""

    def __init__(self) -> None:
        self.waiting: list[asyncio.Event] = []
        self.stopped = False

    async def put(self, key: str, value: bytes, expiry: Expiry) -> Ack:
        gate = asyncio.Event()
        self.waiting.append(gate)
        await gate.wait()
        return Ack(f"r-{key}", 5.0, 1)

    async def delete(self, keys: Sequence[str]) -> Ack:
        return await self.put(keys[0], b"", NEVER)

    def stop(self) -> None:
        self.stopped = True


class Loading:
    """The values of changes, of so many bytes each; ``count`` of them were read so far."""

    def __init__(self, changes: list[Change], size: int = 1) -> None:
        self.count = 0
        self._loading = self._load(changes, b"x" * size)

    def __iter__(self) -> Iterator[Loaded]:
        return self

    def __next__(self) -> Loaded:
        return next(self._loading)

    def _load(self, changes: list[Change], value: bytes) -> Iterator[Loaded]:
        for one in changes:
            self.count += 1
            yield one.entry, value


async def until(holds) -> None:
    """Let the others go on until this holds; a minute is for ever."""
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 - nobody tells when it does
            await asyncio.sleep(0)


async def idle(push: Push) -> None:
    """Let the others go on until all of them wait for something that is not there."""
    for _ in range(100):
        await asyncio.sleep(0)
    # A window is loaded in a thread.
    await asyncio.get_running_loop().run_in_executor(None, lambda: None)
    for _ in range(100):
        await asyncio.sleep(0)


def changes_of(count: int) -> list[Change]:
    """So many changes."""
    return [change(f"k{n}") for n in range(count)]


async def test_bytes_in_flight():
    """Windows of 8 MiB are loaded while at most 24 MiB are in flight; what has ended makes room."""
    changes, namespace = changes_of(11), Gated()
    loading = Loading(changes, 4 * MIB)
    push = Push(changes, loading, namespace, FakeStore())
    running = asyncio.create_task(push.run())
    await until(lambda: len(namespace.waiting) == 8)
    await idle(push)
    assert loading.count == 8
    namespace.waiting[0].set()
    await until(lambda: len(push.outcomes) == 1)
    await idle(push)
    assert loading.count == 8
    namespace.waiting[1].set()
    await until(lambda: len(namespace.waiting) == 10)
    await idle(push)
    assert loading.count == 10
    for number in range(2, 5):
        namespace.waiting[number].set()
    await until(lambda: len(namespace.waiting) == 11)
    for gate in namespace.waiting:
        gate.set()
    await running
    assert len(push.outcomes) == 11


async def test_nothing_is_loaded_after_a_stop():
    """Who waits for room when a stop comes loads nothing more, whatever makes room then."""
    changes, namespace = changes_of(20), Gated()
    loading = Loading(changes, 4 * MIB)
    push = Push(changes, loading, namespace, FakeStore())
    running = asyncio.create_task(push.run())
    await until(lambda: len(namespace.waiting) == 8)
    await idle(push)
    push.stop()
    for gate in namespace.waiting:
        gate.set()
    await running
    assert (len(push.outcomes), loading.count) == (8, 8)


async def test_commits_by_rows():
    """Outcomes are recorded as soon as 200 of them wait."""
    namespace, store = Gated(), FakeStore()
    deletion = Deletion([delete(f"k{n}") for n in range(400)], namespace, store)
    running = asyncio.create_task(deletion.run())
    await until(lambda: len(namespace.waiting) == 20)
    for gate in namespace.waiting:
        gate.set()
    await running
    assert [len(outcomes) for _, outcomes in store.calls if outcomes] == [200, 200]


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second is over at once."""
    monkeypatch.setattr("kvsync.push.pool._COMMIT_S", 0.0)


def one_of_three(namespace: Gated, store: FakeStore) -> Push:
    """Two workers and three keys of one window: none of them has to load while two hang."""
    changes = changes_of(3)
    return Push(changes, Loading(changes), namespace, store, PoolOptions(workers=2, grace=0.0))


async def first_done(push: Push, namespace: Gated) -> "asyncio.Task[None]":
    """Let it run until its first key is done; the second and third get no answer."""
    running = asyncio.create_task(push.run())
    await until(lambda: len(namespace.waiting) == 2)
    namespace.waiting[0].set()
    return running


async def test_commits_by_time(soon):
    """What is acknowledged becomes durable within half a second, even if nothing else happens."""
    namespace, store = Gated(), FakeStore()
    push = one_of_three(namespace, store)
    running = await first_done(push, namespace)
    async with asyncio.timeout(60):
        await store.heard.wait()
    assert store.settled == {"k0": OutcomeKind.DONE}
    push.cut()
    await running


async def test_commit_that_fails(soon):
    """A timed commit that fails stops the run at once, with its error."""
    namespace, store = Gated(), FakeStore(full=1)
    push = one_of_three(namespace, store)
    running = await first_done(push, namespace)
    async with asyncio.timeout(60):
        await running
    assert isinstance(push.error, StateError)
    assert namespace.stopped


async def test_bug_in_a_timed_commit(soon):
    """So does a bug in it, which is not hidden."""

    class Broken(FakeStore):
        async def record(self, marks, outcomes) -> None:
            if outcomes:
                raise ZeroDivisionError
            await super().record(marks, outcomes)

    namespace = Gated()
    push = one_of_three(namespace, Broken())
    running = await first_done(push, namespace)
    with pytest.raises(ZeroDivisionError):
        async with asyncio.timeout(60):
            await running
    assert namespace.stopped


async def test_source_that_breaks_off():
    """A source that cannot be read on ends the run with its error; what was sent is recorded."""
    changes = changes_of(100)

    def loading() -> Iterator[Loaded]:
        yield from ((one.entry, b"x") for one in changes[:64])
        raise InputError([Mistake("it is gone", "m.yaml")])

    namespace, store = Gated(), FakeStore()
    push = Push(changes, loading(), namespace, store)
    running = asyncio.create_task(push.run())
    await until(lambda: len(namespace.waiting) == 64 or running.done())
    for gate in namespace.waiting:
        gate.set()
    await running
    assert isinstance(push.error, InputError)
    assert len(store.settled) == 64


async def test_what_is_skipped_is_as_it_was():
    """What a stop keeps back is recorded with its change: the state goes back to its row."""
    changes, namespace, store = (
        [change(f"k{n}", known=row(f"k{n}")) for n in range(3)],
        Gated(),
        (FakeStore()),
    )
    push = Push(changes, Loading(changes), namespace, store, PoolOptions(workers=1))
    running = asyncio.create_task(push.run())
    await until(lambda: namespace.waiting)
    push.stop()
    namespace.waiting[0].set()
    await running
    skipped = [o for _, outcomes in store.calls for o in outcomes if o.kind is OutcomeKind.SKIPPED]
    assert [(o.change, o.entry) for o in skipped] == [(c, c.entry) for c in changes[1:]]


async def test_what_a_lost_value_is_told_by():
    """Its entry, and the words and code that the source gave."""
    (one,), store = changes_of(1), FakeStore()
    lost = Lost("it is a directory now", "SourceChanged")
    push = Push([one], iter([(one.entry, lost)]), Gated(), store)
    await push.run()
    (outcome,) = push.outcomes
    assert (outcome.entry, outcome.message, outcome.code) == (one.entry, *lost)
