"""The pace, on a clock that does not wait."""

import asyncio
import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kvsync.edgekv.throttle import Throttle
from kvsync.model.errors import Interrupted
from tests.edgekv.clock import now, on_fake_clock

PUT, GET = "EdgeKVPut", "EdgeKVGet"
TICK = 0.002
"""What the loop's own work may take, in seconds."""
HASTY, EVEN = 0.048, 0.051
"""Seconds between two permits of 20 a second: a little hasty, for timers that are late, since what
bounds a second is counted; and evenly spaced once the service has refused one."""


async def permits(throttle: Throttle, count: int, action: str = PUT) -> list[float]:
    """The moments of so many permits, asked for by as many tasks at once."""
    moments: list[float] = []

    async def take() -> None:
        await throttle.permit(action)
        moments.append(now())

    await asyncio.gather(*(take() for _ in range(count)))
    return moments


def busiest(moments: list[float]) -> int:
    """The most permits in any window of one second."""
    return max(sum(at <= other < at + 1 for other in moments) for at in moments)


def spacing(moments: list[float]) -> list[float]:
    """The seconds between one moment and the next."""
    return [later - earlier for earlier, later in pairwise(moments)]


@pytest.mark.slow
@given(st.lists(st.floats(min_value=0, max_value=0.1), min_size=60, max_size=60))
@settings(deadline=None, max_examples=30)
def test_no_window_holds_more_departures_than_the_rate(late: list[float]) -> None:
    """However late requests leave after their permits: no sliding second sees more of them than the
    rate, but for those that are still held up themselves when the next permits are given."""

    @on_fake_clock
    async def story() -> None:
        throttle = Throttle(20)
        moments = []
        for delay in late:
            permit = await throttle.permit(PUT)
            await asyncio.sleep(delay)
            permit.used()
            moments.append(now())
        assert busiest(moments) <= 20

    story()


@pytest.mark.slow
@given(rate=st.floats(min_value=1, max_value=200), start=st.floats(min_value=0, max_value=3))
@settings(deadline=None, max_examples=30)
def test_no_window_holds_more_than_the_rate(rate: float, start: float) -> None:
    """From the first second on, no sliding second sees more permits than the rate.

    Nor many fewer: a fraction above a whole number is of no use, and two per cent are the room. A
    last second that is not full is over sooner.
    """

    @on_fake_clock
    async def story() -> None:
        throttle = Throttle(rate)
        await throttle.permit(PUT)
        await asyncio.sleep(start)
        moments = await permits(throttle, 100)
        assert busiest(moments) <= math.floor(rate)
        assert (moments[-1] - moments[0]) / (99 / math.floor(rate)) <= 1.021

    story()


@on_fake_clock
async def test_twenty_per_second_and_not_a_burst() -> None:
    """At the default rate permits come 48 ms apart, the first at once; with each 20th the second is
    full, and the next comes 1.02 s after the one that is 20 before it."""
    started = now()
    moments = await permits(Throttle(20), 60)
    assert moments[0] == pytest.approx(started, abs=TICK)
    gaps = spacing(moments)
    assert [gap for gap in gaps if gap > 0.05] == pytest.approx([1.02 - 19 * HASTY] * 2, abs=0.005)
    assert [gap for gap in gaps if gap < 0.05] == pytest.approx([HASTY] * 57, abs=TICK)


@on_fake_clock
async def test_an_idle_time_saves_nothing_up() -> None:
    """After a pause the permits come as far apart as ever."""
    throttle = Throttle(20)
    await permits(throttle, 5)
    await asyncio.sleep(60)
    assert spacing(await permits(throttle, 20)) == pytest.approx([HASTY] * 19, abs=TICK)


@on_fake_clock
async def test_each_action_has_its_own_budget() -> None:
    """Permits of one action do not hold up another's."""
    throttle = Throttle(1)
    started = now()
    await asyncio.gather(throttle.permit(PUT), throttle.permit(GET))
    assert now() == pytest.approx(started, abs=TICK)


@on_fake_clock
async def test_permits_are_given_in_the_order_asked() -> None:
    """Who asks first goes first."""
    throttle = Throttle(20)
    order: list[int] = []

    async def take(number: int) -> None:
        await throttle.permit(PUT)
        order.append(number)

    await asyncio.gather(*(take(number) for number in range(30)))
    assert order == list(range(30))


@on_fake_clock
async def test_a_refusal_halves_the_rate_of_its_action() -> None:
    """After a refusal the action goes at half its rate, the others as before."""
    throttle = Throttle(20)
    await permits(throttle, 1)
    await permits(throttle, 1, GET)
    throttle.slow_down(PUT)
    assert spacing([now(), *await permits(throttle, 1)]) == pytest.approx([2 * EVEN], abs=TICK)
    assert spacing(await permits(throttle, 5, GET)) == pytest.approx([HASTY] * 4, abs=TICK)


@on_fake_clock
async def test_many_refusals_at_once_are_one() -> None:
    """Refusals within a second of the first halve the rate once; later ones again."""
    throttle = Throttle(20)
    for _ in range(10):
        throttle.slow_down(PUT)
    await permits(throttle, 1)
    assert spacing([now(), *await permits(throttle, 1)]) == pytest.approx([2 * EVEN], abs=TICK)


@on_fake_clock
async def test_never_below_an_eighth() -> None:
    """However many refusals there are, an eighth of the rate is left."""
    throttle = Throttle(20)
    for _ in range(20):
        throttle.slow_down(PUT)
        await asyncio.sleep(1)
        throttle.slow_down(PUT)
    await permits(throttle, 1)
    gap = spacing([now(), *await permits(throttle, 1)])[0]
    # The wait for the permit before it lets the rate climb a little.
    assert 6 * EVEN <= gap <= 8 * EVEN + TICK


@on_fake_clock
async def test_the_rate_climbs_back() -> None:
    """A tenth of the full rate comes back per second, up to the full rate, evenly spaced."""
    throttle = Throttle(20)
    await permits(throttle, 1)
    throttle.slow_down(PUT)
    await asyncio.sleep(2.5)
    await permits(throttle, 1)
    assert spacing([now(), *await permits(throttle, 1)]) == pytest.approx([EVEN / 0.75], rel=0.05)
    await asyncio.sleep(10)
    moments = await permits(throttle, 41)
    assert spacing(moments) == pytest.approx([EVEN] * 40, abs=TICK)


@on_fake_clock
async def test_stop_wakes_all_who_wait() -> None:
    """At a stop those who wait for a permit or in a pause raise Interrupted at once."""
    throttle = Throttle(0.001)
    await throttle.permit(PUT)
    waiting = [asyncio.create_task(throttle.permit(PUT)) for _ in range(5)]
    waiting.append(asyncio.create_task(throttle.pause(1000)))
    await asyncio.sleep(1)
    stopped = now()
    throttle.stop()
    throttle.stop()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results] == [Interrupted] * 6
    assert now() == pytest.approx(stopped, abs=TICK)
    assert throttle.stopped


@on_fake_clock
async def test_after_a_stop_there_is_no_permit() -> None:
    """Whoever asks after a stop raises Interrupted."""
    throttle = Throttle(20)
    assert not throttle.stopped
    throttle.stop()
    with pytest.raises(Interrupted):
        await throttle.permit(PUT)
    with pytest.raises(Interrupted):
        await throttle.pause(0)


@on_fake_clock
async def test_after_a_resume_there_are_permits_again() -> None:
    """A resume ends a stop, at the pace that was; another stop holds again."""
    throttle = Throttle(20)
    throttle.stop()
    throttle.resume()
    assert not throttle.stopped
    assert spacing(await permits(throttle, 3)) == pytest.approx([HASTY] * 2, abs=TICK)
    await throttle.pause(1)
    throttle.stop()
    with pytest.raises(Interrupted):
        await throttle.permit(PUT)


@on_fake_clock
async def test_who_was_interrupted_stays_so_after_a_resume() -> None:
    """Those whom a stop woke raise Interrupted even if the resume comes before they run."""
    throttle = Throttle(0.001)
    await throttle.permit(PUT)
    waiting = [asyncio.create_task(throttle.permit(PUT)) for _ in range(3)]
    waiting.append(asyncio.create_task(throttle.pause(1000)))
    await asyncio.sleep(1)
    throttle.stop()
    throttle.resume()
    throttle.stop()
    throttle.resume()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results] == [Interrupted] * 4
    assert [task.cancelling() for task in waiting] == [0] * 4


@on_fake_clock
async def test_a_resume_without_a_stop_changes_nothing() -> None:
    """Those who wait go on waiting."""
    throttle = Throttle(1)
    await throttle.permit(PUT)
    started = now()
    waiting = asyncio.create_task(throttle.permit(PUT))
    await asyncio.sleep(0)
    throttle.resume()
    await waiting
    assert now() - started == pytest.approx(1.02, abs=TICK)


@on_fake_clock
async def test_a_task_goes_on_after_it_was_interrupted() -> None:
    """A stop is no cancellation: the task that it woke may await again."""
    throttle = Throttle(0.001)
    await throttle.permit(PUT)

    async def story() -> str:
        with pytest.raises(Interrupted):
            await throttle.permit(PUT)
        await asyncio.sleep(1)
        return "done"

    task = asyncio.create_task(story())
    await asyncio.sleep(0)
    throttle.stop()
    assert await task == "done"
    assert task.cancelling() == 0


@on_fake_clock
async def test_a_cancelled_wait_is_cancelled() -> None:
    """A real cancellation passes, alone or together with a stop; the next in line is served."""
    throttle = Throttle(1)
    await throttle.permit(PUT)
    first, second, third = (asyncio.create_task(throttle.permit(PUT)) for _ in range(3))
    await asyncio.sleep(0)
    first.cancel()
    await second
    third.cancel()
    throttle.stop()
    await asyncio.wait([first, third])
    assert first.cancelled()
    assert third.cancelled()


@on_fake_clock
async def test_a_pause_takes_its_time() -> None:
    """Without a stop, a pause is a sleep."""
    started = now()
    await Throttle(20).pause(3)
    assert now() - started == pytest.approx(3, abs=TICK)


@pytest.mark.parametrize("rate", [0, -1, float("inf"), float("nan")])
def test_a_rate_is_a_number_above_zero(rate: float) -> None:
    """What is no rate is refused, and the message has it."""
    with pytest.raises(ValueError, match=rf"^rate: .* finite .* above 0, not {rate}$"):
        Throttle(rate)
