"""The table: one row per figure."""

import math
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import NamedTuple, TypeAlias

__all__ = ["HEADING", "Bound", "Measurement", "Row", "Scale"]


class Bound(StrEnum):
    """On which side of its goal a figure must be."""

    AT_LEAST = "≥"
    AT_MOST = "≤"
    EXACTLY = "="


class Row(NamedTuple):
    """One figure and its goal, both in ``unit``.

    ``share`` is how much of the goal is enough: 0.97 of what the limit allows.
    """

    what: str
    measured: float
    bound: Bound
    goal: float
    unit: str
    share: float = 1.0

    @property
    def ratio(self) -> float:
        """The figure as a share of the goal; NaN where the goal is 0."""
        return self.measured / self.goal if self.goal else math.nan

    @property
    def ok(self) -> bool:
        """Whether the goal is reached."""
        enough = self.goal * self.share
        if self.bound is Bound.EXACTLY:
            return self.measured == enough
        return self.measured >= enough if self.bound is Bound.AT_LEAST else self.measured <= enough

    def __str__(self) -> str:
        share = f"{self.share:.0%} of " if self.share != 1 else ""
        goal = f"{self.bound} {share}{self.goal:,g} {self.unit}"
        ratio = f"{self.ratio:.3f}" if self.goal else "-"
        return _line(self.what, f"{self.measured:,.5g}", goal, ratio, "ok" if self.ok else "missed")

    def as_json(self) -> dict[str, object]:
        """The row's fields, its ratio (None where there is none) and whether it is ok."""
        return {**self._asdict(), "ratio": self.ratio if self.goal else None, "ok": self.ok}


def _line(what: str, measured: str, goal: str, ratio: str, verdict: str = "") -> str:
    return f"{what:<46}  {measured:>8}  {goal:<21}  {ratio:>5}  {verdict}".rstrip()


HEADING = _line("what", "measured", "goal", "ratio")


class Scale(NamedTuple):
    """How much is measured: numbers of keys for each kind of measurement."""

    requests: tuple[int, ...]
    verify: int
    export: int
    plan: int


Measurement: TypeAlias = Callable[[Scale], Iterator[Row]]
