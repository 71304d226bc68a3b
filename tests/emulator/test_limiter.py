"""The pace, as the service counts it."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsync.emulator.limits import SlidingWindow
from tests.emulator.raw import ZONE, call, error_of
from tests.servers import ServedEmulator

PAYER = ("id", "EdgeKVPut")


@pytest.mark.slow
@given(
    rate=st.integers(1, 5),
    gaps=st.lists(st.integers(0, 700).map(lambda thousandths: thousandths / 1024), max_size=60),
)
def test_no_second_ever_holds_more_than_the_rate(rate: int, gaps: list[float]) -> None:
    """Wherever a window of one second is laid, at most ``rate`` accepted arrivals are in it, and
    one is refused only if it would have been one too many.
    """
    window = SlidingWindow(rate)
    accepted: list[float] = []
    now = 0.0
    for gap in gaps:
        now += gap
        room = sum(now - 1 < one for one in accepted) < rate
        assert window.admit(PAYER, now) is room
        if room:
            accepted.append(now)


@pytest.mark.parametrize(
    ("rate", "interval"), [(0.5, 2.0), (0.1, 10.0), (1, 1.0)], ids=["0.5", "0.1", "1"]
)
def test_a_rate_of_one_or_less_spaces_arrivals_out(rate: float, interval: float) -> None:
    """At 0.5 per second, one arrival is let in every two seconds."""
    window = SlidingWindow(rate)
    moments = [0.0, interval * 0.99, interval, interval * 1.99, interval * 2]
    assert [window.admit(PAYER, now) for now in moments] == [True, False, True, False, True]


def test_payers_do_not_share_a_budget() -> None:
    """Another action, or another secret id, has a second of its own."""
    window = SlidingWindow(1)
    payers = [("id", "EdgeKVPut"), ("id", "EdgeKVGet"), ("other", "EdgeKVPut")]
    assert [window.admit(payer, 0.0) for payer in payers] == [True, True, True]
    assert [window.admit(payer, 0.5) for payer in payers] == [False, False, False]


def test_no_rate_is_no_limit() -> None:
    """Rate 0 lets everything in."""
    window = SlidingWindow(0)
    assert all(window.admit(PAYER, 0.0) for _ in range(1000))


def test_what_comes_too_fast_is_refused_and_counted(
    serve_emulator: Callable[..., ServedEmulator],
) -> None:
    """Over the rate the answer is RequestLimitExceeded, nothing is written, and stats tell."""
    # One request per 1000 s, so that no test machine is slow enough to get a second one in.
    server = serve_emulator(rate=0.001)
    assert error_of(call(server, "EdgeKVPut", Key="a", Value="v")) == ""
    assert error_of(call(server, "EdgeKVPut", Key="b", Value="v")) == "RequestLimitExceeded"
    assert error_of(call(server, "EdgeKVList")) == ""
    assert set(server.pairs(ZONE, "ns")) == {"a"}
    stats = server.stats()
    assert stats["requests"] == {"EdgeKVPut": 2, "EdgeKVList": 1}
    assert stats["refused"] == {"EdgeKVPut": 1}
