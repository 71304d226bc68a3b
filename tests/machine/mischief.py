"""What goes wrong during a call, and when: faults, lies, a kill or a Ctrl-C, all in this process.

A kill is played: at its moment the state's last commit is put aside, and from then on the service
carries nothing out. However the call ends after that, the state is set back to what was put aside:
that is what a process that dies leaves behind.
"""

import os
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

from kvsync.state.sqlite import State
from tests.lyingproxy import LyingProxy

_CARRIED_OUT = frozenset({"", "reset-after", "cut-off"})


class Trouble(NamedTuple):
    """What befalls a call.

    ``faults`` befall its first requests, one each. The request number ``request``, or the
    transaction number ``commit``, both counted from 1 and 0 for never, is the moment at which it
    is killed (``kill``), or else of a Ctrl-C. ``carried_out``: a kill's request is carried out.
    ``deeds`` are what a middlebox does to its first requests.
    """

    faults: tuple[str, ...] = ()
    deeds: tuple[str, ...] = ()
    request: int = 0
    commit: int = 0
    kill: bool = False
    carried_out: bool = False


QUIET = Trouble()


class Mischief:
    """Stands in for the emulator's `Faults`, and looks over the shoulder of `State`.

    ``box`` is the middlebox in front of that emulator.
    """

    def __init__(self, box: LyingProxy) -> None:
        self.box = box
        self._trouble = QUIET
        self._state = Path()
        self._aside = Path()
        self.requests = self.commits = 0
        self.dead = self.stopped = False

    @contextmanager
    def during(self, trouble: Trouble, state: Path) -> Iterator[None]:
        """Let this befall what is done within, with the state file ``state``."""
        self._trouble, self._state, self._aside = trouble, state, state.with_suffix(".aside")
        self.requests = self.commits = 0
        self.dead = self.stopped = False
        deeds = iter(trouble.deeds)
        self.box.draw = lambda: next(deeds, "")
        withheld = self.box.withheld
        transaction = State._transaction  # noqa: SLF001 - no other place sees every commit

        def counted(state: State) -> object:
            self._commit()
            return transaction(state)

        with patch.object(State, "_transaction", counted):
            yield
        self.box.settle()
        self.requests += self.box.withheld - withheld
        if self.dead:
            self._bury()
        self._trouble = QUIET

    def draw(self) -> str:
        """The fault of the request that is just arriving."""
        self.requests += 1
        if self.dead:
            return "reset-before"
        if self.requests == self._trouble.request:
            if self._trouble.kill:
                self._kill()
                return "reset-after" if self._trouble.carried_out else "reset-before"
            self.stopped = True
            os.kill(os.getpid(), signal.SIGINT)
        faults = self._trouble.faults
        return faults[self.requests - 1] if self.requests <= len(faults) else ""

    def is_carried_out(self, fault: str) -> bool:
        """Whether the request is carried out although, or before, this fault befalls it."""
        return fault in _CARRIED_OUT

    def _commit(self) -> None:
        self.commits += 1
        if self._trouble.kill and self.commits == self._trouble.commit and not self.dead:
            self._kill()

    def _kill(self) -> None:
        # First of all: what the service still did would be in nobody's state.
        self.dead = True
        self._aside.unlink(missing_ok=True)
        if self._state.exists():
            source = f"{self._state.as_uri()}?mode=ro"
            with (
                closing(sqlite3.connect(source, uri=True)) as there,
                closing(sqlite3.connect(self._aside)) as here,
            ):
                there.backup(here)

    def _bury(self) -> None:
        self._state.unlink(missing_ok=True)
        if self._aside.exists():
            shutil.move(self._aside, self._state)
