"""The two ways of a plan or sync, and what each tells: for tests."""

import time
from dataclasses import replace
from typing import Any

import pytest

from kvsync.engine import unchanged
from kvsync.engine.call import Call
from kvsync.report import Report


class Ways:
    """Lets calls take the short way if they can; ``short`` says of each whether it did.

    ``closed``: none can. ``ahead`` is by how many seconds their clock is. All files count as old.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.short: list[bool] = []
        self.closed = False
        self.ahead = 0.0
        for command in ("plan", "sync"):
            monkeypatch.setattr(f"kvsync.engine.{command}.unchanged", self._unchanged)
        monkeypatch.setattr("kvsync.sources.files._TICK", -3600.0)
        for command in ("plan", "sync"):
            path = f"kvsync.cli.commands.{command}.call_from"
            module = __import__(f"kvsync.cli.commands.{command}", fromlist=["call_from"])
            monkeypatch.setattr(path, self._timed(module.call_from))

    def _timed(self, call_from: Any) -> Any:
        return lambda *args: replace(call_from(*args), clock=lambda: time.time() + self.ahead)

    def _unchanged(self, call: Call, command: str, *, noting: bool) -> Report | None:
        report = None if self.closed else unchanged.unchanged(call, command, noting=noting)
        self.short.append(report is not None)
        return report


def told(result: Any) -> Any:
    """All that a call told on stdout with ``--json``, but for how long it took, and its code."""
    document = result.json
    for run in document["runs"]:
        run["summary"].pop("elapsed_s", None)
    return result.code, document
