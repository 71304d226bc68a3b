"""Between a running call and whoever shows it to a person."""

from collections.abc import Sequence
from typing import Protocol

from kvsync.progress import Progress
from kvsync.report import RunReport

__all__ = ["Interface"]


class Interface(Protocol):
    """What a sync asks of whoever shows it to a person."""

    def approve(self, runs: Sequence[RunReport]) -> bool:
        """Whether to go on, now that the plans are made."""

    def progress(self, run: RunReport) -> Progress:
        """What shows how far one run's push has come."""

    def tell(self, line: str) -> None:
        """Say a line while the call goes on."""
