"""What a fetch holds while it reads; `scripts/bench` measures the whole process."""

import weakref
from collections.abc import Sequence

from kvsync.model.values import Pair
from kvsync.push.get import Fetch, in_batches

LARGEST = 1 << 20


class Answer(list[Pair]):
    """A list that can be watched."""


class Large:
    """A namespace whose values take all the room there is; notes how many answers are alive."""

    def __init__(self) -> None:
        self.alive: list[int] = []
        self._answers: list[weakref.ref[Answer]] = []

    async def get(self, keys: Sequence[str]) -> list[Pair]:
        self.alive.append(sum(answer() is not None for answer in self._answers))
        answer = Answer(Pair(key, b"v") for key in keys)
        self._answers.append(weakref.ref(answer))
        return answer

    def stop(self) -> None:
        raise AssertionError("nothing stops it")


async def test_an_answer_that_was_handed_on_is_let_go():
    """Where there is room for one answer only, the last one is gone before the next is asked for.

    However many workers there are: each has its turn, and then waits.
    """

    async def received(pairs):
        assert len(pairs) == 20

    async def keys():
        for number in range(200):
            yield f"key-{number}"

    namespace = Large()
    await Fetch(namespace, received, lambda _: LARGEST).run(in_batches(keys()))
    assert namespace.alive == [0] * 10
