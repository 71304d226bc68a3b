"""The pace, in its short form; `scripts/bench pace` measures 300 keys at three latencies."""

from pathlib import Path

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from tests.bench.wire import Seen, push_seen
from tests.processes import busiest_second, run, serving, statistics, target
from tests.tlsfront import tls_front


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


def pushed_over_tls(folder: Path, keys: int) -> Seen:
    """Push so many small files to a server with an RSA certificate."""
    source = folder / "source"
    source.mkdir(parents=True)
    for number in range(keys):
        (source / f"key-{number}").write_text(f"value {number}")
    with (
        serving("--latency", "0.05") as url,
        tls_front(url, folder, kind=trustme.KeyType.RSA) as front,
    ):
        ours = ("--ca-file", str(front.ca_file), "--state", str(folder / "state.db"))
        run("sync", str(source), *target(front.url), *ours)
        stats = statistics(url)
    arrivals = [moment for moment, action in stats["arrivals"] if action == "EdgeKVPut"]
    return Seen(arrivals, sum(stats["refused"].values()))


@pytest.mark.slow
def test_never_above_the_pace_over_tls(tmp_path: Path) -> None:
    """Handshakes, which take their time at both ends, let no second hold more than 20 either.

    As above, one undisturbed run of three is enough: with all handshakes at once there was none.
    """
    runs = (pushed_over_tls(tmp_path / str(number), 45) for number in range(3))
    assert any(
        (len(seen.arrivals), seen.refused) == (45, 0)
        and busiest_second(seen.arrivals) <= 20
        and seen.rate > 17
        for seen in runs
    )


@given(st.lists(st.integers(0, 400)).map(sorted))
def test_busiest_second(ticks):
    """The measure itself: the busiest window of one second ends with some arrival."""
    windows = [sum(last - 64 < at <= last for at in ticks) for last in ticks]
    # 64ths of a second are exact in binary, so that no rounding decides what is in a window.
    assert busiest_second([at / 64 for at in ticks]) == max(windows, default=0)
