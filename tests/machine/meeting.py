"""States that meet: links that break, files that become empty, waits, ends and what was failed.

The rules draw from fewer keys than `Machine`, and what they may do to each other is more.
"""

import time
from collections.abc import Callable, Collection
from random import Random

from hypothesis import note
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.machine.chance import trouble
from tests.machine.folders import ENDS, FAILURES, LINK, Clock, Files, FoldersLab, key_of
from tests.machine.lab import Call, Held, claims_truly
from tests.machine.machine import DICE, TALLY
from tests.machine.mischief import QUIET, Trouble

FOLDERS = ("one", "two")
SOURCES = (*FOLDERS, "m.yaml")
_VALUES = ("a", "bb", "ccc", "dddd")
_FULL = ("--delete", "--max-delete", "100%")
_TIMES = (60, 3600, 40 * 86400)


class Meeting(RuleBasedStateMachine):
    """Whatever meets: nothing is called unchanged that is not so, nobody's keys are deleted.

    ``files`` is what lies in each folder, ``broken`` whose link leads nowhere, ``pairs`` what the
    manifest names. ``failed`` is what was to be sent of the keys in the failure file, by a run of
    ``failed_of``, until a later run of that source went through.
    """

    def __init__(self, lab: FoldersLab, clock: Clock) -> None:
        super().__init__()
        self.lab = lab
        self.clock = clock
        self.files: dict[str, Files] = {}
        self.broken: set[str] = set()
        self.pairs: dict[str, tuple[str, int]] = {}
        self.failed: dict[str, tuple[str, int]] = {}
        self.failed_of = ""
        self.outdated = False
        self.vanished = False

    @initialize(dice=DICE)
    def begin(self, dice: Random) -> None:
        """There are three sources."""
        for source in FOLDERS:
            self._lay(source, _files(source, dice))
        self.declare(dice)

    def _lay(self, source: str, files: Files) -> None:
        note(f"{source} holds {dict(files)}")
        self.lab.lay(source, files)
        self.files[source] = files
        self.broken.discard(source)

    @rule(dice=DICE)
    def edit(self, dice: Random) -> None:
        """A folder is written anew; some of its files are empty."""
        source = dice.choice(FOLDERS)
        self._lay(source, _files(source, dice))

    @rule(dice=DICE)
    def empty(self, dice: Random) -> None:
        """Some files of a folder become empty, or it shrinks to what is left."""
        source = dice.choice(FOLDERS)
        becomes_empty = dice.random() < 0.6
        files = {
            path: content if dice.random() < 0.5 else ""
            for path, content in self.files[source].items()
            if becomes_empty or dice.random() < 0.4
        }
        self._lay(source, files)

    @rule(dice=DICE)
    def link(self, dice: Random) -> None:
        """A link breaks; a broken one is mended."""
        source = dice.choice(FOLDERS)
        note(f"the link of {source} {'is mended' if source in self.broken else 'breaks'}")
        if source in self.broken:
            self.lab.mend_link(source)
        else:
            self.lab.break_link(source)
        self.broken ^= {source}

    @rule(dice=DICE)
    def declare(self, dice: Random) -> None:
        """The manifest is written anew; some of its pairs end, some have ended."""
        self.pairs = {
            key: (dice.choice(_VALUES), ENDS[dice.choice(sorted(ENDS))]())
            for key in ("m-0", "m-1", "m-2")
            if dice.random() < 0.8
        }
        note(f"m.yaml names {self.pairs}")
        self.lab.declare(self.pairs)

    @rule(dice=DICE)
    def wait(self, dice: Random) -> None:
        """Time passes."""
        seconds = dice.choice(_TIMES)
        note(f"{seconds} s pass")
        self.clock.let_pass(seconds)

    @rule(dice=DICE)
    def vanish(self, dice: Random) -> None:
        """Seldom, somebody deletes the namespace."""
        if dice.random() < 0.3 and not self.vanished:
            note("the namespace is deleted")
            self.lab.vanish()
            self.vanished = True
            self.failed = {}

    @rule(dice=DICE)
    def lose_state(self, dice: Random) -> None:
        """Seldom, somebody deletes the state."""
        if dice.random() < 0.2:
            note("the state is deleted")
            self.lab.lose_state()
            self.failed = {}

    @rule(dice=DICE)
    def sync(self, dice: Random) -> None:
        """Somebody syncs a source or several, with or without trouble."""
        sources = dice.sample(SOURCES, dice.choice((1, 1, 2)))
        self._sync(sources, _options(dice), trouble(dice))

    @rule(dice=DICE)
    def fail(self, dice: Random) -> None:
        """A folder is written anew, not all of it gets through, and the rest is put aside."""
        source = dice.choice(FOLDERS)
        self._lay(source, _files(source, dice))
        faults = Trouble(tuple(dice.choice(("", "InternalError", "429")) for _ in range(20)))
        self.lab.forget_failures()
        wanted = self._wanted([source])
        self._sync([source], [*self.lab.failures_in(), "--retries", "0"], faults)
        self.failed = {key: wanted[key] for key in self.lab.failed_keys()}
        self.failed_of, self.outdated = source, False

    @rule(dice=DICE)
    def retry(self, dice: Random) -> None:
        """What did not get through is sent; nothing of it, where the source went through since."""
        if not self.failed:
            return
        note(f"sync {FAILURES}, {'outdated' if self.outdated else 'fresh'}: {self.failed}")
        call = self.lab.call("sync", [FAILURES])
        for key in _changed(call):
            assert not self.outdated, f"{key} was {call.before.get(key)}, is {call.after.get(key)}"
            assert call.after.get(key) == self.failed[key]
        self.vanished = not self.lab.exists

    @rule(dice=DICE)
    def sync_after_a_wait(self, dice: Random) -> None:
        """While a run waits for the state, a folder of it is edited and pushed by another run."""
        if dice.random() < 0.4:
            self.lose_state(_Always())
        source = dice.choice(FOLDERS)

        def happens() -> None:
            self._lay(source, {**_files(source, dice), f"{source}-late": dice.choice(_VALUES)})
            code = self.lab.sync_quietly(source, "--empty", "skip")
            note(f"meanwhile another run pushed {source}: {code}")

        with self.lab.while_waiting(happens):
            self._sync([source], [*_FULL, "--lock-timeout", "5m"], QUIET)

    @invariant()
    def state_is_true(self) -> None:
        """The state claims nothing that the target does not hold.

        But for a namespace that vanished, until somebody makes it anew.
        """
        if self.vanished:
            return
        held = self.lab.held
        for row in self.lab.rows.values():
            has_run_out = 0 < row.runs_out <= time.time()
            assert has_run_out or claims_truly(row, held), f"{row} but {held.get(row.key)}"

    def _sync(self, sources: Collection[str], options: Collection[str], trouble: Trouble) -> None:
        note(f"sync {sources} {options} {trouble}")
        if "m.yaml" not in sources:
            # Beside a manifest nothing may be said of folders: with it, an empty file is an error.
            options = [*options, "--empty", "skip"]
        call = self.lab.call("sync", sources, *options, trouble=trouble)
        self.vanished = not self.lab.exists
        self._check_touched(call, sources, options)
        if call.killed or call.code:
            self._check_refused(call, sources)
            return
        TALLY["meetings that went well"] += 1
        if self.failed_of in sources:
            self.outdated = True
        if not self.vanished:
            for key, pair in self._wanted(sources).items():
                assert call.after.get(key) == pair, f"{key} is {call.after.get(key)}, not {pair}"
            again = self.lab.call("sync", sources, *options)
            assert (again.code, again.after) == (0, call.after), again.err

    def _wanted(self, sources: Collection[str]) -> Held:
        """What there is to be sent: no empty values, and none whose time has passed."""
        wanted = {
            key_of(path): (content, 0)
            for source in sources
            for path, content in self.files.get(source, {}).items()
            if content
        }
        if "m.yaml" in sources:
            wanted |= {key: pair for key, pair in self.pairs.items() if not _is_past(pair[1])}
        return wanted

    def _named(self, sources: Collection[str]) -> set[str]:
        named = {key_of(path) for source in sources for path in self.files.get(source, {})}
        return named | (self.pairs.keys() if "m.yaml" in sources else set())

    def _check_touched(
        self, call: Call, sources: Collection[str], options: Collection[str]
    ) -> None:
        """Keys that are named become what they are wanted to be, and only own ones are deleted."""
        wanted, named = self._wanted(sources), self._named(sources)
        for key in _changed(call):
            if key in call.after:
                assert call.after[key] == wanted[key], key
                continue
            if _is_past(call.before[key][1]):
                continue
            assert "--delete" in options, key
            assert key not in named, key
            # Somebody else may have pushed it while this run waited.
            row = (call.rows | self.lab.rows).get(key)
            assert row, key
            assert self._owns(sources, row.owner), row
            assert not self.broken & set(sources), key

    def _owns(self, sources: Collection[str], owner: str) -> bool:
        return owner.removeprefix("./") in sources

    def _check_refused(self, call: Call, sources: Collection[str]) -> None:
        """What is broken is told, before anything is sent."""
        if self.broken & set(sources) and not call.killed:
            assert (call.code, call.after) == (2, call.before), call.err


class _Always(Random):
    """Dice that never hold anything back."""

    def random(self) -> float:
        return 0.0


def meeting_in(make_lab: Callable[[], FoldersLab], clock: Clock) -> Callable[[], Meeting]:
    """Makes machines, each in a lab of its own."""
    return lambda: Meeting(make_lab(), clock)


def _files(source: str, dice: Random) -> Files:
    paths = [f"{source}-{number}" for number in range(3)]
    paths += [f"{LINK}/{source}-{number}" for number in range(2)]
    return {
        path: dice.choice(_VALUES) if dice.random() < 0.85 else ""
        for path in paths
        if dice.random() < 0.75
    }


def _options(dice: Random) -> list[str]:
    options = [*_FULL] if dice.random() < 0.5 else []
    options += ["--refresh"] * (dice.random() < 0.2)
    return options + ["--create-namespace"] * (dice.random() < 0.5)


def _changed(call: Call) -> list[str]:
    return [
        key
        for key in sorted(call.before.keys() | call.after.keys())
        if call.before.get(key) != call.after.get(key)
    ]


def _is_past(expires: int) -> bool:
    return 0 < expires <= time.time()
