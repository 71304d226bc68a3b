"""Counts of a source's files that are left out, or stored one way or another."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

TEXT, BASE64 = "text", "base64"
"""How a file is stored that decides that by itself."""

_NAMED = 10


class Why:
    """Why a file is left out: for its name, or by a policy."""

    NAME = "name"
    EMPTY = "empty"
    LARGE = "large"


class Tally(NamedTuple):
    """How many files are left out, by why, and how many are stored how, where each decides that.

    ``examples`` names some of them, by the same words.
    """

    left_out: Mapping[str, int]
    encodings: Mapping[str, int]
    examples: Mapping[str, Sequence[str]]

    @classmethod
    def from_json(cls, fields: Sequence[Any]) -> "Tally":
        """Return what ``json`` has made of one, as it knows no named tuples."""
        return cls._make(fields)


NOTHING_TOLD = Tally({}, {}, {})


class Tallying:
    """Counts while files are read."""

    def __init__(self) -> None:
        self._left_out: Counter[str] = Counter()
        self._encodings: Counter[str] = Counter()
        self._examples: dict[str, list[str]] = {}

    def leave_out(self, why: str, origin: str) -> None:
        """Count a file that is left out."""
        self._count(self._left_out, why, origin)

    def store(self, encoding: str, origin: str) -> None:
        """Count a file by how it is stored, where it decides that itself."""
        self._count(self._encodings, encoding, origin)

    def _count(self, counts: Counter[str], word: str, origin: str) -> None:
        counts[word] += 1
        if counts[word] <= _NAMED:
            self._examples.setdefault(word, []).append(origin)

    @property
    def tally(self) -> Tally:
        """All that was counted."""
        return Tally(dict(self._left_out), dict(self._encodings), dict(self._examples))
