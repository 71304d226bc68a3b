"""What a pushed key costs beyond what Python and aiohttp cost by themselves."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.bench.sides import KVSYNC, Spent, alternating, program, spend
from tests.bench.table import Bound, Row, Scale, Sides
from tests.processes import serving, target

_BYTES = 500
_UNBOUNDED = ("--rate", "100000", "-q")
_BARE_NOTE = (
    "The bare loop has no pace, no plan, no state, no time-outs that grow with what arrives, and no"
    " clock of the service."
)

_STATE_NOTE = (
    "Each key is two durable rows, one in doubt before it is sent and one acknowledged. Of these"
    " SQLite by itself takes about 20 µs of CPU, more than the goal has; the rest is their columns,"
    " checksums, and a thread that keeps the disk off the event loop. Marks are what keeps a push"
    " that was killed from passing for none, so they stay."
)


def push(scale: Scale) -> Iterator[Row]:
    """CPU and keys per second without a pace, the server in another process."""
    yield from _against_bare(scale)
    yield from _against_vendor(scale)


class _Pushing:
    """Files, and a server that takes them as fast as it can."""

    def __init__(self, folder: str, url: str, keys: int) -> None:
        self._folder = Path(folder)
        self._url = url
        self._runs = 0
        self._keys = keys
        self.source = self._folder / "source"
        self.source.mkdir()
        for number in range(keys):
            (self.source / f"key-{number}").write_text(f"value {number} ".ljust(_BYTES, "x"))

    def ours(self, command: list[str]) -> Spent:
        """A sync that pushes all of it: it knows nothing of the one before."""
        self._runs += 1
        state = self._folder / f"{self._runs}.db"
        arguments = ["sync", str(self.source), *target(self._url), *_UNBOUNDED]
        return spend([*command, *arguments, "--state", str(state)])

    def theirs(self, name: str, *arguments: str) -> Spent:
        """Another program that does the same."""
        return spend(program(name, str(self.source), self._url, *arguments))

    def cpu(self, ours: Spent, theirs: Spent) -> Sides:
        """Microseconds of CPU a key."""
        return Sides(ours.cpu / self._keys * 1e6, theirs.cpu / self._keys * 1e6, "µs")

    def speed(self, ours: Spent, theirs: Spent) -> Sides:
        """Keys per second."""
        return Sides(self._keys / ours.seconds, self._keys / theirs.seconds, "keys/s")


def _against_bare(scale: Scale) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder, serving("--rate", "0") as url:
        pushing = _Pushing(folder, url, scale.pushed)
        spent = alternating(
            {
                "kvsync": lambda: pushing.ours(KVSYNC),
                "bare": lambda: pushing.theirs("tests.bench.bare"),
                "unrecorded": lambda: pushing.ours(program("tests.bench.unrecorded")),
            },
            scale.rounds,
        )
    sides = pushing.cpu(spent["kvsync"], spent["bare"])
    yield Row(
        f"CPU per pushed key, {scale.pushed:,} keys", sides.ratio, Bound.AT_MOST, 1.5, "x",
        against="bare aiohttp, TC3 signing", sides=sides, note=_BARE_NOTE,
    )  # fmt: skip
    sides = pushing.cpu(spent["kvsync"], spent["unrecorded"])
    yield Row(
        "  with durable state", sides.ratio, Bound.AT_MOST, 1.03, "x",
        against="no state writes", sides=sides, note=_STATE_NOTE,
    )  # fmt: skip


def _against_vendor(scale: Scale) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder, serving("--rate", "0") as url:
        pushing = _Pushing(folder, url, scale.by_sdk)
        spent = alternating(
            {
                "kvsync": lambda: pushing.ours(KVSYNC),
                "1": lambda: pushing.theirs("tests.bench.vendor", "1"),
                "20": lambda: pushing.theirs("tests.bench.vendor", "20"),
                "bare": lambda: pushing.theirs("tests.bench.bare"),
            },
            min(3, scale.rounds),
        )
    for threads, how in (("1", "one by one"), ("20", "20 threads")):
        against = f"vendor's SDK, {how}"
        cpu = pushing.cpu(spent["kvsync"], spent[threads])
        floor = pushing.cpu(spent["bare"], spent[threads])
        yield Row(
            f"CPU per pushed key, {scale.by_sdk:,} keys", cpu.ratio, Bound.AT_MOST, 1 / 3, "x",
            against=against, sides=cpu, note=f"the bare loop takes {floor.ratio:.2f} x, {floor}",
        )  # fmt: skip
        speed = pushing.speed(spent["kvsync"], spent[threads])
        floor = pushing.speed(spent["bare"], spent[threads])
        yield Row(
            "  keys a second", speed.ratio, Bound.AT_LEAST, 3, "x", against=against, sides=speed,
            note=f"the bare loop makes {floor.ratio:.2f} x, {floor}; the server is the rest",
        )  # fmt: skip
