"""How many requests it takes, against the fewest that the API allows."""

from collections import Counter
from collections.abc import Iterator
from math import ceil

from kvsync.model.text import count_text
from tests.bench.bundle import bundle
from tests.bench.table import Bound, Row, Scale
from tests.processes import run, serving, statistics, target

_UNBOUNDED = ("--rate", "100000")
"""What is counted here takes no time."""


def requests(scale: Scale) -> Iterator[Row]:
    """A row for each number of keys and each command that asks for many of them at once."""
    for keys in scale.requests:
        yield from _requests(keys)


def _requests(keys: int) -> Iterator[Row]:
    batches, pages = ceil(keys / 20), ceil(keys / 1000)
    unlimited = ("--rate", "0")
    with bundle(keys) as made, serving("--data", str(made.data), *unlimited) as url:
        place = [str(made.source), *target(url), *_UNBOUNDED]
        verify = {"EdgeKVGet": batches, "EdgeKVList": pages}
        yield _row(url, keys, verify, "verify", *place)
        yield _row(url, keys, {"EdgeKVGet": batches}, "plan", "--refresh", *place)
        made.empty()
        delete = ["sync", "--delete", "--max-delete", "100%"]
        yield _row(url, keys, {"EdgeKVDelete": batches}, *delete, *place)


def _row(url: str, keys: int, fewest: dict[str, int], *command: str) -> Row:
    """The requests of one command; those of an action that it need not use count as well."""
    before = Counter(statistics(url)["requests"])
    run(*command)
    used = Counter(statistics(url)["requests"]) - before
    option = f" {command[1]}" if command[1].startswith("--") else ""
    what = f"{command[0]}{option}, {count_text(keys, 'key')}"
    return Row(
        what, used.total(), Bound.EXACTLY, sum(fewest.values()), "requests", against="the fewest"
    )  # fmt: skip
