"""Between a running call and whoever shows it to a person."""

from collections.abc import Sequence
from typing import Protocol

from kvsync.report import RunReport
from kvsync.report.progress import Progress


class Interface(Protocol):
    """What a sync asks of whoever shows it to a person."""

    def approve(self, runs: Sequence[RunReport]) -> bool:
        """Whether to go on, now that the plans are made."""

    def warn(self, runs: Sequence[RunReport]) -> None:
        """Say those of the runs' warnings that have not been said yet."""

    def progress(self, label: str, total: int, what: str) -> Progress:
        """What shows how far something has come: ``what`` is being done to ``total`` keys."""

    def tell(self, line: str) -> None:
        """Say a line while the call goes on."""
