"""The types of options: texts that are allowed, and the values that they become."""

import math
from typing import Any

import click

from kvsync.formats import parse_delimiter
from kvsync.model.text import parse_duration
from kvsync.plan.limits import Allowance, parse_allowance


class Delimiter(click.ParamType[str]):
    """One character, or tab."""

    name = "delimiter"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the character."""
        try:
            return parse_delimiter(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Duration(click.ParamType[float]):
    """Seconds, or 90s, 15m, 1h30m, 7d; ``least`` is in seconds."""

    name = "duration"

    def __init__(self, least: float = 0.0) -> None:
        self._least = least

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Seconds from text."""
        try:
            seconds = float(value)
        except ValueError:
            try:
                seconds = float(parse_duration(value))
            except ValueError as error:
                self.fail(str(error), param, ctx)
        if not self._least <= seconds < math.inf:
            self.fail(f"give {self._least:g} s or more", param, ctx)
        return seconds


class Rate(click.FloatRange):
    """Requests per second: any positive number that is one."""

    name = "rate"

    def __init__(self) -> None:
        super().__init__(min=0, min_open=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number."""
        rate = super().convert(value, param, ctx)
        if not math.isfinite(rate):
            self.fail("give a number; 100000 is as good as unbounded", param, ctx)
        return rate


class MaxDelete(click.ParamType[Allowance]):
    """A number of keys, or a share as 50%."""

    name = "allowance"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Allowance:
        """Return the allowance."""
        if isinstance(value, Allowance):
            return value
        try:
            return parse_allowance(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
