"""Holding state files of which some may be damaged: these are set aside, and made anew."""

import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress

from kvsync.engine.call import Settings
from kvsync.engine.job import Job
from kvsync.engine.state_access import Holder
from kvsync.model.errors import DamagedError
from kvsync.model.text import count_text, printable
from kvsync.state import Glimpse, State, refuse_foreign, set_aside
from kvsync.state.examine import Diagnosis, examine

_ORPHANS = (
    "keys that the source no longer names are nobody's now: `kvsync verify --exact` lists them"
)


class Mender(Holder):
    """A `Holder` that knows what to do with a damaged file; nothing, until the sources are read."""

    def __init__(
        self,
        settings: Settings,
        stack: ExitStack,
        tell: Callable[[str], None],
        before: Mapping[str, Glimpse],
    ) -> None:
        super().__init__(settings, stack, tell, before)
        self._damaged: dict[str, Diagnosis] = {}
        self._told: dict[str, list[str]] = {}

    def hold_if_there(self, path: str) -> State:
        """As with any holder; of a damaged file what nobody knows."""
        if not os.path.exists(path):
            return State.read(path)
        with suppress(DamagedError):
            refuse_foreign(path)
        self.lock(path)
        found = examine(path, salvaging=True)
        if not found.problems:
            return self.open(path)
        self._damaged[path] = found
        return State(path, None)

    def hold(self, path: str) -> State:
        """As with any holder; a damaged file is set aside first, and what is sound kept."""
        found = self._damaged.get(path)
        if not found:
            self._told[path] = [_ORPHANS]
            return super().hold(path)
        away = set_aside(path)
        state = self.open(path)
        for target, rows in found.salvage.items():
            state.correct(target, rows, [])
        self._told[path] = [
            f"the state was damaged ({found.problems[0]}), and is now at {printable(away)}",
            _kept(found),
            _ORPHANS,
        ]
        return state

    def told(self, job: Job) -> list[str]:
        """What has become of the job's state, if it was not as it should be."""
        return self._told.get(job.state_path, [])


def _kept(found: Diagnosis) -> str:
    count = sum(map(len, found.salvage.values()))
    if count:
        return f"{count_text(count, 'row')} that it held as they were written were kept"
    return "nothing of it was kept: other sources and targets that it knew need a rebuild, too"
