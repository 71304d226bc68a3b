"""Answers that are given twice, each time with a RequestId of its own."""

import re
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import pytest

from kvsync.state.sqlite import State
from tests.cli.test_wrong_answers import REFUSED
from tests.middlebox import Exchange, Tamper, as_it_is, middlebox

KEYS = 20


def anew(answer: bytes) -> bytes:
    """The same answer, with another RequestId."""
    return re.sub(rb'"RequestId": ?"[^"]*"', b'"RequestId":"%b"' % str(uuid4()).encode(), answer)


def sized(answer: bytes) -> bytes:
    """The answer with the length that it has."""
    length = len(answer.partition(b"\r\n\r\n")[2])
    return re.sub(rb"Content-Length: \d+", b"Content-Length: %d" % length, answer)


def retried(latency: float, gap: float) -> Tamper:
    """Each answer takes a while, and comes once more after another one."""
    return lambda exchange: [
        (latency, exchange.answer),
        (latency + gap, sized(anew(exchange.answer))),
    ]


def in_one_piece(exchange: Exchange) -> list[tuple[float, bytes]]:
    """Each answer comes twice in one segment."""
    return [(0.0, exchange.answer + sized(anew(exchange.answer)))]


def only(number: int, tamper: Tamper) -> Tamper:
    """Does so with one exchange alone; all take as long."""

    def tampered(exchange: Exchange) -> list[tuple[float, bytes]]:
        latency = tamper(exchange)[0][0]
        return list(tamper(exchange)) if exchange.number == number else [(latency, exchange.answer)]

    return tampered


TAMPERS: dict[str, tuple[Tamper, int]] = {
    "slower than the gap": (retried(0.02, 0.015), 1),
    "as slow as the gap": (retried(0.01, 0.01), 1),
    "two at a time": (retried(0.02, 0.012), 2),
    "one alone": (only(3, retried(0.02, 0.01)), 1),
    "the last but one": (only(KEYS - 2, retried(0.02, 0.01)), 1),
    "in one piece": (in_one_piece, 2),
    "fast": (retried(0.001, 0.03), 1),
}


@pytest.fixture
def written(manifest) -> Callable[[str], None]:
    """A manifest of keys with this value."""

    def write(value: str) -> None:
        manifest("keys:\n" + "".join(f"  k{number}: {value}\n" for number in range(KEYS)))

    return write


@pytest.mark.slow
@pytest.mark.parametrize("name", TAMPERS)
def test_what_a_connection_has_said_is_doubted_once_it_says_more_than_it_was_asked(
    kvsync, edge, written, name
) -> None:
    """Nothing that was refused is taken for written, nothing that was written for what it was."""
    tamper, workers = TAMPERS[name]
    with middlebox(edge.url) as box:
        address = ("--endpoint", box.url, "--workers", str(workers), "--retries", "0")
        written("v")
        assert kvsync("sync", "m.yaml", *address).code == 0
        written("w")
        box.exchanges.clear()
        box.tamper, box.refuses = tamper, lambda request: bool(REFUSED.search(request))
        assert kvsync("sync", "m.yaml", *address).code in {5, 6}
        wrong = vouched_for() - held(edge)
        assert wrong == set()
        box.tamper, box.refuses = as_it_is, lambda _: False
        written("v")
        assert kvsync("sync", "m.yaml", *address).code == 0
        assert {value for _, value in held(edge)} == {"v"}


def held(edge) -> set[tuple[str, str]]:
    """What the store has."""
    return {(key, value) for key, (value, _) in edge.pairs("zone-1", "ns").items()}


def vouched_for() -> set[tuple[str, str]]:
    """What the state is sure of."""
    values = {sha256(value.encode()).digest(): value for value in "vw"}
    with State.read(str(Path(".kvsync/state.db").absolute())) as state:
        (target,) = state.targets()
        rows = state.rows(target)
        return {(key, values[row.digest]) for key, row in rows.items() if not row.in_doubt}
