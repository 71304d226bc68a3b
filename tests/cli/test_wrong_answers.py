"""Answers that are sent twice, late, early, or for another request."""

import re
from pathlib import Path

import pytest

from kvsync.state.sqlite import State
from tests.middlebox import Exchange, Middlebox, Tamper, middlebox

KEYS = 60
REFUSED = re.compile(rb'"Key":"k\d*7"')


def repeated(delay: float) -> Tamper:
    """Each answer comes twice, so many seconds apart."""
    return lambda exchange: [(0.0, exchange.answer), (delay, exchange.answer)]


def in_one_piece(exchange: Exchange) -> list[tuple[float, bytes]]:
    """Each answer comes twice in one segment."""
    return [(0.0, exchange.answer * 2)]


def half_again(exchange: Exchange) -> list[tuple[float, bytes]]:
    """After each answer comes the beginning of one."""
    return [(0.0, exchange.answer), (0.015, exchange.answer[:40])]


def after_hints(exchange: Exchange) -> list[tuple[float, bytes]]:
    """Before each answer and after it come informational ones."""
    hint = b"HTTP/1.1 103 Early Hints\r\n\r\n"
    return [(0.0, hint + exchange.answer), (0.015, hint)]


def nameless(exchange: Exchange) -> list[tuple[float, bytes]]:
    """Each eighth answer has lost its RequestId."""
    answer = exchange.answer
    if not exchange.number % 8:
        answer = re.sub(
            rb'"RequestId":"[^"]*"', lambda m: b'"Nothing":"%b"' % (m[0][13:-1]), answer
        )
        answer = re.sub(rb"Content-Length: \d+", _length_of(answer), answer)
    return [(0.0, answer)]


def _length_of(answer: bytes) -> bytes:
    return b"Content-Length: %d" % len(answer.partition(b"\r\n\r\n")[2])


class Shifted:
    """Each sixth answer is the one before it, in other letters."""

    def __init__(self) -> None:
        self.last = b""

    def __call__(self, exchange: Exchange) -> list[tuple[float, bytes]]:
        last, self.last = self.last, exchange.answer
        if not last or exchange.number % 6:
            return [(0.0, exchange.answer)]
        head, gap, body = last.partition(b"\r\n\r\n")
        name = re.search(rb'"RequestId":"([^"]*)"', body)
        assert name
        return [(0.0, head + gap + body.replace(name[1], name[1].upper()))]


TAMPERS = {
    "at once": repeated(0.0),
    "5 ms later": repeated(0.005),
    "15 ms later": repeated(0.015),
    "50 ms later": repeated(0.05),
    "in one piece": in_one_piece,
    "half": half_again,
    "hints": after_hints,
    "nameless": nameless,
    "shifted": Shifted(),
}


def claimed(folder: Path) -> dict[str, bool]:
    """The keys that the state has, and whether it vouches for each."""
    with State.read(str(folder / ".kvsync" / "state.db")) as state:
        (target,) = state.targets()
        return {key: not row.in_doubt for key, row in state.rows(target).items()}


def fits(box: Middlebox, claims: dict[str, bool], held: set[str]) -> None:
    """What the state vouches for is there, and nothing that was refused is vouched for."""
    assert box.exchanges
    assert {key for key, sure in claims.items() if sure} <= held


@pytest.mark.slow
@pytest.mark.parametrize("name", TAMPERS)
def test_no_key_is_called_unchanged_that_is_not_there(
    kvsync, edge, manifest, clean_environment, name
) -> None:
    """Whatever comes twice or for another request acknowledges nothing; a run without the trouble
    finds out what is missing.
    """
    keys = "".join(f"  k{number}: v\n" for number in range(KEYS))
    manifest(f"keys:\n{keys}")
    with middlebox(edge.url, TAMPERS[name]) as box:
        box.refuses = lambda request: bool(REFUSED.search(request))
        address = ("--endpoint", box.url)
        result = kvsync("sync", "m.yaml", *address, "--retries", "20", "--workers", "3")
        fits(box, claimed(clean_environment), set(edge.pairs("zone-1", "ns")))
    assert result.code in {5, 6}
    again = kvsync("sync", "m.yaml")
    assert again.code == 0, again.err
    assert set(edge.pairs("zone-1", "ns")) == {f"k{number}" for number in range(KEYS)}
    assert "nothing to do" in kvsync("sync", "m.yaml").out
