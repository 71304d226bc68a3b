"""How close reading comes to the pace that the API allows."""

from collections.abc import Iterator

from tests.bench.bundle import bundle
from tests.bench.table import Bound, Row, Scale
from tests.processes import busiest_second, run, serving, statistics, target

_LATENCY = "0.05"


def verify(scale: Scale) -> Iterator[Row]:
    """Keys per second as the server sees them, and whether it ever saw too many requests."""
    with (
        bundle(scale.verify) as made,
        serving("--data", str(made.data), "--latency", _LATENCY) as url,
    ):
        run("verify", str(made.source), *target(url))
        stats = statistics(url)
    arrivals = {
        action: [moment for moment, asked in stats["arrivals"] if asked == action]
        for action in ("EdgeKVGet", "EdgeKVList")
    }
    gets = arrivals["EdgeKVGet"]
    # The first request begins the time, so it is none of what went in it.
    speed = (len(gets) - 1) * 20 / (gets[-1] - gets[0])
    what = f"verify, {scale.verify:,} keys at 50 ms latency"
    yield Row(
        what, speed, Bound.AT_LEAST, 400, "keys/s", share=0.97, against="the limit, 20 Gets/s"
    )  # fmt: skip
    for action, moments in arrivals.items():
        busiest = busiest_second(moments)
        yield Row(f"  busiest second, {action}", busiest, Bound.AT_MOST, 20, "requests")
    yield Row("  refused", sum(stats["refused"].values()), Bound.EXACTLY, 0, "requests")
