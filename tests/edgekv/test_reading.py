"""What answers hold together, and how long one may take."""

import asyncio

from kvsync.edgekv.reading import Patience, Room


async def test_the_first_answer_is_never_kept_waiting() -> None:
    """Answers share the room; once it is full they wait, but for the one that began first."""
    room = Room(most=100)
    with room.reserve() as first:
        with room.reserve() as second:
            assert await room.take(second, 90) < 1
            assert await room.take(first, 500) < 1
            waiting = asyncio.create_task(room.take(second, 1))
            await asyncio.sleep(0)
            assert not waiting.done()
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        with room.reserve() as third:
            waiting = asyncio.create_task(room.take(third, 10))
            await asyncio.sleep(0)
            assert not waiting.done()
    # Its own place was left before it was awaited: the room of the first is free by now.
    assert await waiting >= 0


class Deadline:
    """Knows when it is, and never comes."""

    when: float | None = None

    def reschedule(self, when: float) -> None:
        self.when = when


async def test_patience_grows_with_what_arrives() -> None:
    """Ten silences from when the request is written, and more for each byte."""
    deadline = Deadline()
    patience = Patience(deadline, 2.0)  # type: ignore[arg-type]
    begun = asyncio.get_running_loop().time()
    patience.begin()
    first = deadline.when
    assert first
    assert begun + 20 <= first < begun + 21
    patience.begin()
    assert deadline.when == first
    patience.extend(5)
    assert deadline.when == first + 5


async def test_a_request_that_is_written_too_late_changes_nothing() -> None:
    """An answer may be over before its request is written: the time-out is gone by then."""
    deadline = Deadline()
    patience = Patience(deadline, 2.0)  # type: ignore[arg-type]
    patience.over()
    patience.begin()
    assert deadline.when is None
