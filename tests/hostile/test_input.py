"""Input that means harm costs a bounded memory, and is named: `python -m tests.hostile` has more.

How long it takes is not judged here; what used to take for ever has not ended after a minute.
"""

from collections.abc import Iterator

import pytest

from tests.hostile.cases import faults, run_case, workplace
from tests.hostile.input import CASES

NAMES = [
    "tree: links out",
    "tree: FIFO, socket, device",
    "tree: names that a terminal obeys",
    "tree: names that are not UTF-8",
    "tree: a file of 1 TiB",
    "ignore file: stars",
    "ignore file: double stars",
    "manifest: alias bomb",
    "manifest: depth in brackets",
    "manifest: names of other languages",
    "manifest: UTF-16",
    "dump: cloudflare, lists of nothing",
    "dump: jsonl, endless",
    "dump: csv, a value of 100 MB",
    "own: state, 200 MiB of noise",
    "own: state, views without end, listed",
    "own: index, a way out",
]


@pytest.fixture(autouse=True)
def empty_folder() -> Iterator[None]:
    """Where the case is laid out."""
    with workplace():
        yield


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_hostile_input(name: str) -> None:
    """It ends with the exit code and the words that it should, in 300 MiB."""
    case = CASES[name]
    end = run_case(case)
    assert faults(case, end) == [], end.words
