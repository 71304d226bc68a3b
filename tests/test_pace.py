"""The pace, in its short form; `scripts/bench pace` measures 300 keys at three latencies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench.secure import KINDS, certificate, push_over_tls
from tests.bench.wire import push_seen
from tests.processes import busiest_second


@pytest.mark.slow
@pytest.mark.parametrize("latency", [0.05, 0.25, 2.0])
def test_never_above_the_pace(latency):
    """At the default rate the server sees at most 20 writes in any second, refuses none.

    Nor does it see many fewer. A machine that holds up client or server for 15 ms between a permit
    and its arrival breaks the pace for them: one undisturbed run of three is enough.
    """
    runs = (push_seen(60, "--latency", str(latency)) for _ in range(3))
    assert any(
        (len(seen.arrivals), seen.refused) == (60, 0)
        and busiest_second(seen.arrivals) <= 20
        and seen.rate > 17
        for seen in runs
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_never_above_the_pace_over_tls(kind):
    """Over TLS the handshakes keep the first requests back, and these must not catch up.

    There are more keys than the first second may see; again one undisturbed run of three is enough.
    """
    with certificate(kind) as served:
        runs = (push_over_tls(44, 0.05, served) for _ in range(3))
        assert any(
            (len(seen.arrivals), seen.refused) == (44, 0)
            and busiest_second(seen.arrivals) <= 20
            and seen.rate > 17
            for seen in runs
        )


@pytest.mark.slow
@given(st.lists(st.integers(0, 400)).map(sorted))
def test_busiest_second(ticks):
    """The measure itself: the busiest window of one second ends with some arrival."""
    windows = [sum(last - 64 < at <= last for at in ticks) for last in ticks]
    # 64ths of a second are exact in binary, so that no rounding decides what is in a window.
    assert busiest_second([at / 64 for at in ticks]) == max(windows, default=0)
