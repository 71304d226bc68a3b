"""Answers that were believed and are not any more."""

from collections.abc import Callable, Sequence


class Doubts:
    """Who hears of which keys the answers are in doubt again: of one run against one namespace."""

    def __init__(self) -> None:
        self.heard: Callable[[Sequence[str]], None] = lambda _: None
