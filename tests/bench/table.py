"""The table: one row per figure."""

import math
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any, NamedTuple, TypeAlias

NOT_MEASURED = math.nan
NO_GOAL = math.nan


class Bound(StrEnum):
    """On which side of its goal a figure must be."""

    AT_LEAST = "≥"
    AT_MOST = "≤"
    EXACTLY = "="


class Sides(NamedTuple):
    """The two figures that a ratio was made of, in ``unit``: medians of the same run."""

    ours: float
    theirs: float
    unit: str

    @property
    def ratio(self) -> float:
        """Ours by theirs."""
        return self.ours / self.theirs

    def __str__(self) -> str:
        return f"{self.ours:.3g} : {self.theirs:.3g} {self.unit}"


class Row(NamedTuple):
    """One figure and its goal, both in ``unit``; ``x`` is a ratio of two ``sides``.

    ``share`` is how much of the goal is enough: 0.97 of what the limit allows. ``measured`` is
    `NOT_MEASURED` where what it is held against cannot be had here, ``goal`` `NO_GOAL` where the
    figure is just told. ``note`` is the floor, or the profile, of a goal that may be missed.
    """

    what: str
    measured: float
    bound: Bound
    goal: float
    unit: str
    share: float = 1.0
    against: str = "-"
    sides: Sides | None = None
    note: str = ""

    @property
    def ok(self) -> bool:
        """Whether the goal is reached."""
        enough = self.goal * self.share
        if self.bound is Bound.EXACTLY:
            return self.measured == enough
        return self.measured >= enough if self.bound is Bound.AT_LEAST else self.measured <= enough

    @property
    def verdict(self) -> str:
        """Whether the goal is met, in a word; empty if there is none."""
        if math.isnan(self.goal):
            return ""
        if math.isnan(self.measured):
            return "unknown"
        return "met" if self.ok else "missed"

    def __str__(self) -> str:
        share = f"{self.share:.0%} of " if self.share != 1 else ""
        has_goal = not math.isnan(self.goal)
        goal = f"{self.bound} {share}{self.goal:,.3g} {self.unit}" if has_goal else "-"
        known = not math.isnan(self.measured)
        measured = f"{_plain(self.measured)} {self.unit}" if known else "-"
        return _line(self.what, self.against, measured, goal, self.verdict, str(self.sides or ""))

    def as_json(self) -> dict[str, object]:
        """The row's fields, and its verdict; ``measured`` and ``goal`` None where there is none."""
        fields: dict[str, Any] = {**self._asdict(), "verdict": self.verdict}
        fields["sides"] = self.sides._asdict() if self.sides else None
        for name in ("measured", "goal"):
            fields[name] = None if math.isnan(fields[name]) else fields[name]
        return fields


def _plain(figure: float) -> str:
    return f"{figure:,.0f}" if figure == round(figure) or figure >= 1000 else f"{figure:.3g}"


def _line(*cells: str) -> str:
    widths = (41, 27, 13, 18, 7, 0)
    return " ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()


HEADING = _line("what", "against", "measured", "goal", "", "ours : theirs")


class Scale(NamedTuple):
    """How much is measured: numbers of keys, entries or files, and how often."""

    paced: int = 300
    """Keys on the wire, at the pace."""
    latencies: tuple[float, ...] = (0.05, 0.25, 2.0)
    paced_tls: tuple[int, ...] = (60, 80, 100, 300)
    """Keys on the wire over TLS: where there are few, the handshakes weigh most."""
    latencies_tls: tuple[float, ...] = (0.0, 0.05, 0.25)
    pushed: int = 10_000
    by_sdk: int = 10_000
    files: int = 100_000
    pairs: int = 100_000
    large: int = 2_000
    """Values of 500 KB."""
    entries: tuple[int, ...] = (1_000, 10_000, 100_000, 1_000_000)
    rounds: int = 5
    requests: tuple[int, ...] = (1, 20, 21, 1_000, 10_000)
    verify: int = 10_000
    export: int = 500
    plan: int = 500_000


Measurement: TypeAlias = Callable[[Scale], Iterator[Row]]
