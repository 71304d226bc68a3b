"""What a pair of another store has, and EdgeKV cannot hold."""

from collections.abc import Collection, Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple, Protocol

ERROR, SKIP, KEEP = "error", "skip", "keep"
"""What may become of a pair that would lose something; all other ways change it, and send it."""


class Loss(StrEnum):
    """The kinds of what EdgeKV cannot hold; each is the name of an option."""

    METADATA = "metadata"
    FLAGS = "flags"
    BINARY = "binary"
    EMPTY = "empty"
    LARGE = "large"
    KEYS = "keys"
    GROUPS = "groups"
    EXPIRED = "expired"
    SHORT_TTL = "short-ttl"
    TYPES = "types"
    MISSING = "missing"


class Lossy(NamedTuple):
    """One thing that EdgeKV cannot hold of a pair, and what was done about it.

    ``detail`` is what is lost, or says more; it never has a value.
    """

    kind: Loss
    way: str
    detail: str = ""


class LostPair(NamedTuple):
    """What a pair lost; ``origin`` is where it stands (``dump.json:12``)."""

    key: str
    origin: str
    loss: Lossy


class Losses(Protocol):
    """All that a source's pairs lose, in the source's order."""

    @property
    def totals(self) -> Mapping[tuple[Loss, str], int]:
        """How many pairs lose something, by kind and way."""

    @property
    def unasked(self) -> Collection[Loss]:
        """Kinds of pairs that are left out though no option says so."""

    def __iter__(self) -> Iterator[LostPair]: ...


class _Nothing:
    """Of a source whose pairs are whole."""

    totals: Mapping[tuple[Loss, str], int] = {}
    unasked: Collection[Loss] = ()

    def __iter__(self) -> Iterator[LostPair]:
        return iter(())


NO_LOSSES: Losses = _Nothing()


def told_expired(losses: Losses) -> Collection[str]:
    """Keys of pairs whose expiry has passed, where that was asked for: then they are told of."""
    asked = any(kind is Loss.EXPIRED for kind, _ in losses.totals if kind not in losses.unasked)
    return {pair.key for pair in losses if pair.loss.kind is Loss.EXPIRED} if asked else ()


def told_short(losses: Losses) -> Collection[str]:
    """Keys of pairs that have less than 60 s to live: all that there are are told of."""
    if not any(kind is Loss.SHORT_TTL for kind, _ in losses.totals):
        return ()
    return {pair.key for pair in losses if pair.loss.kind is Loss.SHORT_TTL}
