"""The worker pool, against fakes that implement its two Protocols."""

import asyncio
from collections.abc import Iterator, Sequence

import pytest

from kvsync.model.errors import (
    FatalError,
    Interrupted,
    PassingError,
    RejectedError,
    ServiceError,
    StateError,
)
from kvsync.model.values import Ack, Change, Expiry, Loaded, Lost, Outcome, OutcomeKind
from kvsync.push.pool import PoolOptions
from kvsync.push.put import Push
from tests.push.stores import FakeStore, GatedStore, kinds
from tests.values import change, row


class FakeNamespace:
    """Answers with what is in ``answers``, else with success; keys in ``hang`` get no answer."""

    def __init__(self, answers: dict[str, Exception] | None = None, hang: set[str] = frozenset()):
        self.answers = answers or {}
        self.hang = hang
        self.held: dict[str, bytes] = {}
        self.flying = 0
        self.most_flying = 0
        self.stopped = asyncio.Event()
        self.asked = asyncio.Event()
        self.answered = asyncio.Event()

    async def put(self, key: str, value: bytes, expiry: Expiry) -> Ack:
        if self.stopped.is_set():
            raise Interrupted
        self.flying += 1
        self.most_flying = max(self.most_flying, self.flying)
        self.asked.set()
        try:
            await (asyncio.Event().wait() if key in self.hang else asyncio.sleep(0))
        finally:
            self.flying -= 1
        if key in self.answers:
            raise self.answers[key]
        self.held[key] = value
        self.answered.set()
        return Ack(f"r-{key}", 5.0, 1, 6.0)

    def stop(self) -> None:
        self.stopped.set()


def values(changes: list[Change], size: int = 1) -> Iterator[Loaded]:
    """Each change's value, as its source would load it."""
    return ((c.entry, b"x" * size) for c in changes)


def made(changes: list[Change], namespace: FakeNamespace, store: FakeStore, **options) -> Push:
    """A push of these changes."""
    return Push(changes, values(changes), namespace, store, PoolOptions(**options))


def changes_of(count: int) -> list[Change]:
    """So many changes."""
    return [change(f"k{n}") for n in range(count)]


async def test_all_done():
    """Every change is sent once, marked before and settled after, and nothing stops the run."""
    changes, namespace, store = changes_of(150), FakeNamespace(), FakeStore()
    push = made(changes, namespace, store)
    await push.run()
    assert (kinds(push), push.error) == ({"done": 150}, None)
    keys = [c.entry.key for c in changes]
    assert (list(namespace.held), store.marked, list(store.settled)) == (keys, keys, keys)
    assert [o.request_id for o in push.outcomes[:2]] == ["r-k0", "r-k1"]
    assert all((o.at, o.answered, o.attempts) == (5.0, 6.0, 1) for o in push.outcomes)


async def test_an_earlier_runs_answer_acknowledges_nothing():
    """A RequestId that the key's row has already is of another write: the key stays in doubt."""
    before = row("k0", "old", request_id="R-K0")
    changes, namespace, store = [change("k0", known=before)], FakeNamespace(), FakeStore()
    push = made(changes, namespace, store)
    await push.run()
    (outcome,) = push.outcomes
    assert (outcome.kind, outcome.code, outcome.in_doubt) == ("failed", "BadAnswer", True)


async def test_nothing_to_do():
    """A push without changes ends at once and records nothing."""
    store = FakeStore()
    await made([], FakeNamespace(), store).run()
    assert store.calls == []


async def test_windows():
    """At most 64 changes are marked at a time, and none is sent before its mark."""
    changes, store = changes_of(130), FakeStore()
    await made(changes, FakeNamespace(), store).run()
    assert [len(marks) for marks, _ in store.calls if marks] == [64, 64, 2]
    seen: set[str] = set()
    for marks, outcomes in store.calls:
        assert {o.entry.key for o in outcomes} <= seen
        seen |= {c.entry.key for c in marks}


async def test_workers_bound_the_flight():
    """No more requests are under way than there are workers."""
    namespace = FakeNamespace()
    await made(changes_of(50), namespace, FakeStore(), workers=7).run()
    assert namespace.most_flying == 7


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (PassingError("InternalError", "try again", "r1", in_doubt=True), "failed"),
        (RejectedError("InvalidParameter", "no such thing", "r1"), "rejected"),
    ],
)
async def test_one_key_fails(error, kind):
    """A key that fails or is rejected does not keep the others from being pushed."""
    changes = changes_of(5)
    push = made(changes, FakeNamespace({"k2": error}), FakeStore())
    await push.run()
    assert (kinds(push), push.error) == ({"done": 4, kind: 1}, None)
    (outcome,) = [o for o in push.outcomes if o.kind == kind]
    assert (outcome.code, outcome.message, outcome.request_id) == (error.code, error.message, "r1")
    assert outcome.in_doubt is error.in_doubt


async def test_fatal_stops():
    """A fatal answer stops the run: one error, and the keys are skipped, not failed."""
    fatal = FatalError("AuthFailure.SignatureFailure", "wrong secret")
    changes, namespace, store = changes_of(500), FakeNamespace(), FakeStore()
    namespace.answers = {c.entry.key: fatal for c in changes}
    push = made(changes, namespace, store, workers=4)
    stops: list[bool] = []
    push.stopped = lambda: stops.append(True)
    await push.run()
    assert (push.error, set(kinds(push))) == (fatal, {"skipped"})
    assert stops == [True], "who loads the values hears of it, once"
    assert 1 <= len(push.outcomes) <= 4
    assert set(store.settled.values()) == {OutcomeKind.SKIPPED}
    assert set(store.settled) == set(store.marked), "what was never sent is no longer in doubt"


async def test_fatal_after_a_doubtful_attempt():
    """A fatal refusal after an attempt that went unanswered leaves the key in doubt."""
    fatal = FatalError("AuthFailure", "")
    fatal.in_doubt = True
    push = made(changes_of(1), FakeNamespace({"k0": fatal}), FakeStore())
    await push.run()
    assert [(str(o.kind), o.in_doubt) for o in push.outcomes] == [("failed", True)]


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [(RejectedError("InvalidParameterValue", "no"), 7), (PassingError("Timeout", "silence"), 5)],
)
async def test_first_twenty_alike(error, exit_code):
    """If the first 20 outcomes are the same refusal or failure, the rest is not tried."""
    changes = changes_of(300)
    push = made(
        changes, FakeNamespace({c.entry.key: error for c in changes}), FakeStore(), workers=1
    )
    await push.run()
    assert len(push.outcomes) == 20
    assert isinstance(push.error, ServiceError)
    assert (push.error.exit_code, push.error.code) == (exit_code, error.code)
    assert push.error.message.endswith("(20 keys in a row; the rest was not tried)")


async def test_fifty_alike_in_a_row():
    """After a success it takes 50 alike in a row, with nothing done in between, to stop the run."""
    changes = changes_of(300)
    error = PassingError("Timeout", "silence")
    bad = {f"k{n}": error for n in range(1, 300) if n != 40}
    push = made(changes, FakeNamespace(bad), FakeStore(), workers=1)
    await push.run()
    assert kinds(push) == {"done": 2, "failed": 39 + 50}


async def test_different_failures_do_not_add_up():
    """Failures of different kinds do not stop a run."""
    changes = changes_of(100)
    answers = {f"k{n}": PassingError(f"Code{n % 2}", "") for n in range(100)}
    push = made(changes, FakeNamespace(answers), FakeStore(), workers=1)
    await push.run()
    assert (kinds(push), push.error) == ({"failed": 100}, None)


async def test_lost_values():
    """A value that cannot be had when its turn comes fails by itself; nothing is sent for it."""
    changes = changes_of(30)
    loaded = iter([(c.entry, Lost("it is gone")) for c in changes])
    namespace, store = FakeNamespace(), FakeStore()
    push = Push(changes, loaded, namespace, store)
    await push.run()
    assert (kinds(push), push.error, namespace.held) == ({"failed": 30}, None, {})
    assert push.outcomes[0].code == "SourceChanged"
    assert not any(outcome.in_doubt for outcome in push.outcomes)


async def test_what_was_sent_is_recorded():
    """A value that changed since the plan is recorded as it was sent."""
    (planned,) = changes_of(1)
    newer = planned.entry._replace(digest=b"n" * 32, size=3)
    store = FakeStore()
    await Push([planned], iter([(newer, b"new")]), FakeNamespace(), store).run()
    assert store.calls[-1][1][0].entry == newer


@pytest.mark.parametrize("full", [0, 1])
async def test_state_that_cannot_be_written(full):
    """When the state cannot be written, nothing more is sent, and the run ends with that error."""
    namespace = FakeNamespace()
    push = made(changes_of(100), namespace, FakeStore(full))
    await push.run()
    assert isinstance(push.error, StateError)
    assert len(namespace.held) <= 64 * full


async def test_soft_stop():
    """After a stop nothing new is sent, what is in flight finishes, and all marks are settled."""
    changes, namespace, store = changes_of(200), FakeNamespace(), FakeStore()
    push = made(changes, namespace, store, workers=5)
    push.settled = lambda _: push.stop()
    await push.run()
    assert 1 <= kinds(push)["done"] == len(namespace.held) <= 5
    assert (set(store.settled), push.error) == (set(store.marked), None)


async def test_grace_runs_out():
    """A request that does not finish within the grace time is cut off and stays in doubt."""
    namespace, store = FakeNamespace(hang={"k0"}), FakeStore()
    push = made(changes_of(3), namespace, store, grace=0.01)
    running = asyncio.create_task(push.run())
    await namespace.asked.wait()
    push.stop()
    await running
    (outcome,) = [o for o in push.outcomes if o.entry.key == "k0"]
    assert (str(outcome.kind), outcome.code, outcome.in_doubt) == ("failed", "Interrupted", True)


async def test_cut_at_once():
    """A second signal waits for nothing."""
    namespace = FakeNamespace(hang={"k0"})
    push = made(changes_of(1), namespace, FakeStore(), grace=3600)
    running = asyncio.create_task(push.run())
    await namespace.asked.wait()
    push.stop()
    push.cut()
    await running
    assert kinds(push) == {"failed": 1}


async def test_interrupted_between_tries():
    """A key whose retry was kept back by a stop has failed, and is as doubtful as its last try."""
    answer = Interrupted(attempts=2, in_doubt=True)
    push = made(changes_of(1), FakeNamespace({"k0": answer}), FakeStore())
    await push.run()
    (outcome,) = push.outcomes
    assert (str(outcome.kind), outcome.attempts, outcome.in_doubt) == ("failed", 2, True)


async def test_cancelled_from_outside():
    """A caller that cancels a push gets its cancellation, and what is known is recorded."""
    namespace, store = FakeNamespace(hang={"k1"}), FakeStore()
    push = made(changes_of(2), namespace, store)
    running = asyncio.create_task(push.run())
    await namespace.answered.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert store.settled == {"k0": OutcomeKind.DONE, "k1": OutcomeKind.FAILED}


async def test_bug_is_not_hidden():
    """An exception that is not ours comes out of the push."""
    push = made(changes_of(2), FakeNamespace({"k0": ZeroDivisionError()}), FakeStore())
    with pytest.raises(ZeroDivisionError):
        await push.run()


async def test_cut_while_marking():
    """A cut while a window is being marked takes the marks back: nothing of it was sent."""
    namespace, store = FakeNamespace(), GatedStore()
    push = made(changes_of(100), namespace, store)
    running = asyncio.create_task(push.run())
    await store.begun.wait()
    push.cut()
    await asyncio.sleep(0)
    store.gate.set()
    await running
    assert (namespace.held, len(store.marked)) == ({}, 64)
    assert set(store.settled) == set(store.marked)
    assert set(store.settled.values()) == {OutcomeKind.SKIPPED}


async def test_cut_while_recording():
    """A cut while outcomes are being recorded loses none of them."""
    namespace, store = FakeNamespace(hang={"k9"}), GatedStore()
    store.gate.set()
    push = made(changes_of(10), namespace, store)
    running = asyncio.create_task(push.run())
    await store.heard.wait()
    store.gate.clear()
    push.cut()
    await asyncio.sleep(0)
    store.gate.set()
    await running
    assert {key for key, kind in store.settled.items() if kind is OutcomeKind.DONE} == {
        f"k{n}" for n in range(9)
    }


async def test_stop_and_cut_at_once():
    """A cut right after a stop leaves keys that only waited for their turn out of doubt."""

    class Waiting(FakeNamespace):
        """Requests that wait for their turn, and hear of the stop as the throttle's do."""

        async def put(self, key: str, value: bytes, expiry: Expiry) -> Ack:
            self.asked.set()
            task = asyncio.current_task()
            self.tasks = [*getattr(self, "tasks", []), task]
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if task.uncancel() == 0:
                    raise Interrupted from None
                raise
            raise AssertionError

        def stop(self) -> None:
            super().stop()
            for task in self.tasks:
                task.cancel()

    namespace, store = Waiting(), FakeStore()
    push = made(changes_of(5), namespace, store)
    running = asyncio.create_task(push.run())
    await namespace.asked.wait()
    push.cut()
    await running
    assert set(kinds(push)) == {"skipped"}
    assert set(store.settled.values()) == {OutcomeKind.SKIPPED}


async def test_bug_in_the_store_is_not_hidden():
    """An exception of the store that is not ours comes out of the push."""

    class Broken(FakeStore):
        async def record(self, marks: Sequence[Change], outcomes: Sequence[Outcome]) -> None:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await made(changes_of(2), FakeNamespace(), Broken()).run()
