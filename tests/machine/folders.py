"""Two folders and a manifest beside one state, and what happens to them between two calls."""

import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import partial
from io import BytesIO, StringIO, TextIOWrapper
from typing import TypeAlias
from unittest.mock import patch

from kvsync.cli import run
from kvsync.emulator.limits import Refusal
from kvsync.engine.call import Call as Settled
from kvsync.state.sqlite import run_lock
from tests.emulator.raw import call, error_of
from tests.machine.lab import FAR, Held, Lab
from tests.machine.mischief import QUIET

FAILURES = "failures.jsonl"
LINK = "current"
"""A link in each folder, to another one that its pattern leaves out."""

_SOON_S = 1800
ENDS: Mapping[str, Callable[[], int]] = {
    "never": lambda: 0,
    "far": lambda: FAR,
    "soon": lambda: int(time.time()) + _SOON_S,
    "past": lambda: int(time.time()) - _SOON_S,
}
"""When a pair of the manifest may end, in Unix seconds, 0 for never."""

Files: TypeAlias = Mapping[str, str]
"""What lies in a folder, by relative path: a value, or nothing in an empty file. What begins with
``current/`` is reached by a link that may break."""


def key_of(path: str) -> str:
    """The key of a file, as the style ``join`` has it."""
    return path.replace("/", "_")


class Clock:
    """The time of all that runs in this process, and of the emulator that is given it."""

    def __init__(self) -> None:
        self._real = time.time
        self._passed = 0.0

    def now(self) -> float:
        """Unix seconds."""
        return self._real() + self._passed

    def let_pass(self, seconds: float) -> None:
        """It is so much later."""
        self._passed += seconds


@contextmanager
def clock() -> Iterator[Clock]:
    """Time passes within when it is let."""
    made = Clock()
    # A call's own clock was bound when it was imported.
    with (
        patch.object(time, "time", made.now),
        patch("kvsync.cli.call.Call", partial(Settled, clock=made.now)),
    ):
        yield made


class FoldersLab(Lab):
    """A namespace that may vanish, a state, and the sources ``one``, ``two`` and ``m.yaml``."""

    def lay(self, source: str, files: Files) -> None:
        """Let this folder hold these files, the link and what it leads to among them."""
        folder = self._folder / source
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (folder / ".kvsyncignore").write_text("store/\n")
        for path, content in files.items():
            file = folder / path.replace(f"{LINK}/", "store/v1/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
        (folder / "store" / "v1").mkdir(parents=True, exist_ok=True)
        (folder / LINK).symlink_to("store/v1")

    def break_link(self, source: str) -> None:
        """What the folder's link leads to goes away."""
        (self._folder / source / "store" / "v1").rename(self._folder / source / "store" / "v0")

    def mend_link(self, source: str) -> None:
        """It comes back."""
        (self._folder / source / "store" / "v0").rename(self._folder / source / "store" / "v1")

    def declare(self, pairs: Mapping[str, tuple[str, int]]) -> None:
        """Let the manifest name these pairs, each with its ``expires``, 0 for none."""
        keys = {
            key: {"value": value, **({"expires": at} if at else {})}
            for key, (value, at) in pairs.items()
        }
        (self._folder / "m.yaml").write_text(json.dumps({"version": 1, "keys": keys}))

    @property
    def held(self) -> Held:
        """What the namespace holds; a missing one holds nothing."""
        try:
            return super().held
        except Refusal:
            return {}

    @property
    def exists(self) -> bool:
        """Whether the namespace is there."""
        try:
            return super().held is not None
        except Refusal:
            return False

    def vanish(self) -> None:
        """Somebody deletes the namespace."""
        with self._mischief.during(QUIET, self.state):
            answer = call(self.edge, "DeleteEdgeKVNamespace", ZoneId=self.zone)
        assert not error_of(answer)

    def failed_keys(self) -> set[str]:
        """What stands in the failure file, if there is one."""
        path = self._folder / FAILURES
        if not path.exists():
            return set()
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        return {line["key"] for line in lines[1:] if line.get("action") != "delete"}

    def failures_in(self) -> list[str]:
        """The option that writes that file."""
        return ["--failures", str(self._folder / FAILURES)]

    def forget_failures(self) -> None:
        """Somebody deletes it."""
        (self._folder / FAILURES).unlink(missing_ok=True)

    @contextmanager
    def while_waiting(self, happens: Callable[[], object]) -> Iterator[None]:
        """The next run that wants the state's lock waits for another one, and this happens."""
        before = [happens]

        @contextmanager
        def lock(path: str, timeout: float, waiting: Callable[[str], None]) -> Iterator[None]:
            if before:
                before.pop()()
                waiting("waiting for another run")
            with run_lock(path, timeout):
                yield

        with patch("kvsync.state.sqlite.location.run_lock", lock):
            yield

    def sync_quietly(self, source: str, *options: str) -> int:
        """A sync while another run waits; returns its exit code."""
        place = ["--zone", self.zone, "--state", str(self.state), *options]
        with redirect_stdout(TextIOWrapper(BytesIO())), redirect_stderr(StringIO()):
            return run(["sync", str(self._folder / source), *place])
