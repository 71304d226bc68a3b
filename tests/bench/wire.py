"""The pace as the server sees it: at every latency, and with arrivals that jitter."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from subprocess import Popen
from typing import NamedTuple

from tests.bench.sides import program, script, spend
from tests.bench.table import Bound, Row, Scale
from tests.processes import busiest_second, run, serving, statistics, target

_LIMIT = 20
_JITTER = 0.01
_BUSY = "while True: pass"
_BESIDE = 3


class Seen(NamedTuple):
    """When the writes arrived (seconds), and how many requests were refused."""

    arrivals: list[float]
    refused: int

    @property
    def rate(self) -> float:
        """Arrivals per second from the first to the last."""
        return (len(self.arrivals) - 1) / (self.arrivals[-1] - self.arrivals[0])

    @property
    def margin(self) -> float:
        """Seconds by which any 21 arrivals took longer than one second, at least."""
        pairs = zip(self.arrivals, self.arrivals[_LIMIT:], strict=False)
        return min((later - one for one, later in pairs), default=float("nan")) - 1

    @property
    def late(self) -> float:
        """Seconds by which the first second's arrivals were behind an ideal pacer's, at most."""
        first = self.arrivals[0]
        ideal = enumerate(self.arrivals[: _LIMIT + 1])
        return max(moment - first - number / _LIMIT for number, moment in ideal)


def push_seen(keys: int, *emulator: str, ca_file: str = "") -> Seen:
    """Push so many small files at the default rate."""
    trust = ["--ca-file", ca_file] if ca_file else []
    with _served_folder(keys, *emulator) as (folder, url):
        run("sync", folder, *target(url), *trust)
        stats = statistics(url, ca_file)
    arrivals = [moment for moment, action in stats["arrivals"] if action == "EdgeKVPut"]
    return Seen(arrivals, sum(stats["refused"].values()))


@contextmanager
def _served_folder(keys: int, *emulator: str) -> Iterator[tuple[str, str]]:
    with serving(*emulator) as url, tempfile.TemporaryDirectory() as folder:
        for number in range(keys):
            (Path(folder) / f"key-{number}").write_text(f"value {number}")
        yield folder, url


def pace(scale: Scale) -> Iterator[Row]:
    """The share of the limit, the busiest second and the refusals; then the first second."""
    for latency in scale.latencies:
        seen = push_seen(scale.paced, "--latency", str(latency))
        yield from kept(f"writes, {ms(latency)} latency", seen, 98)
        if latency == scale.latencies[0]:
            yield from _first_second(seen)
    for latency in scale.latencies:
        seen = push_seen(scale.paced, "--latency", str(latency), "--jitter", str(_JITTER))
        yield from kept(f"the same, {ms(latency)}, ±{ms(_JITTER)}", seen, 97)
    with busy(_BESIDE):
        seen = push_seen(scale.paced, "--latency", str(scale.latencies[0]))
    yield from kept(f"the same, {_BESIDE} busy programs beside it", seen, 98)
    yield from _durable(scale)


@contextmanager
def busy(programs: int) -> Iterator[None]:
    """So many programs that never rest."""
    with ExitStack() as stack:
        for _ in range(programs):
            stack.callback(stack.enter_context(Popen(script(_BUSY))).kill)
        yield


def kept(what: str, seen: Seen, share: float) -> Iterator[Row]:
    """Whether the pace was kept: ``share`` is the goal for the rate, in percent of the limit."""
    limit = f"the limit, {_LIMIT}/s"
    yield Row(
        what, seen.rate / _LIMIT * 100, Bound.AT_LEAST, share, "%", against=limit,
        note=f"any 21 arrivals took {seen.margin * 1000:.1f} ms more than a second, at least",
    )  # fmt: skip
    busiest = busiest_second(seen.arrivals)
    yield Row("  busiest second", busiest, Bound.AT_MOST, _LIMIT, "writes", against=limit)
    yield Row("  refused", seen.refused, Bound.EXACTLY, 0, "requests", against=limit)


def _first_second(seen: Seen) -> Iterator[Row]:
    first = seen.arrivals[0]
    burst = sum(moment < first + 1 for moment in seen.arrivals)
    ideal = "an ideal pacer"
    yield Row("first second", burst, Bound.AT_MOST, _LIMIT, "writes", against=ideal)
    yield Row("  behind it", seen.late * 1000, Bound.AT_MOST, 100, "ms", against=ideal)


def _durable(scale: Scale) -> Iterator[Row]:
    """How long it takes until what the service has acknowledged would outlast a kill."""
    with _served_folder(scale.paced, "--latency", str(scale.latencies[0])) as (folder, url):
        lags = Path(folder).with_suffix(".lags")
        spend(program("tests.bench.recorded", str(lags), "sync", folder, *target(url), "-q"))
        seconds = [float(line) for line in lags.read_text().split()]
        lags.unlink()
    what, against = "acknowledged to durable", "a commit each half second"
    for name, lag, goal in (("median", median(seconds), 0.5), ("longest", max(seconds), 0.6)):
        yield Row(
            f"{what}, {name}", lag * 1000, Bound.AT_MOST, goal * 1000, "ms", against=against
        )  # fmt: skip


def ms(seconds: float) -> str:
    """A time in milliseconds, to be shown."""
    return f"{seconds * 1000:g} ms"
