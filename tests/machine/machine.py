"""Whatever happens in whatever order: what must be true after each step."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from hashlib import sha256
from random import Random

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from kvsync.model.values import Row
from tests.machine.chance import KEYS, MINE, SOURCES, Flags, files, flags, pairs, trouble
from tests.machine.lab import Call, Lab, Pairs, claims_truly, holds
from tests.machine.mischief import QUIET, Trouble

TALLY: Counter[str] = Counter()
"""What happened so far, for whoever runs many examples."""

DICE = st.randoms(use_true_random=True)


class Machine(RuleBasedStateMachine):
    """Edits, syncs, faults, kills and strangers in any order, and what must never happen.

    ``wanted`` is what each source names; ``theirs`` has the keys that a stranger has touched since,
    each with the word of the service that the state went by at that time.
    """

    def __init__(self, lab: Lab) -> None:
        super().__init__()
        self.lab = lab
        self.wanted: dict[str, Pairs] = {}
        self.history: list[tuple[str, Pairs]] = []
        self.theirs: dict[str, object] = {}
        TALLY["examples"] += 1

    @initialize(dice=DICE)
    def begin(self, dice: Random) -> None:
        """There are two sources."""
        self.write("m.yaml", pairs(dice))
        self.write("tree", files(dice))

    def write(self, source: str, wanted: Pairs) -> None:
        """Let this source name these pairs."""
        note(f"{source} names {dict(wanted)}")
        self.lab.write(source, wanted)
        self.wanted[source] = wanted
        self.history.append((source, wanted))

    @rule(dice=DICE)
    def edit(self, dice: Random) -> None:
        """Somebody changes one key of the manifest, or the whole folder in the tick of the last."""
        if dice.random() < 0.3:
            self.write("tree", files(dice))
            return
        key = dice.choice(MINE)
        others = {name: pair for name, pair in self.wanted["m.yaml"].items() if name != key}
        self.write("m.yaml", others | {k: pair for k, pair in pairs(dice).items() if k == key})

    @rule(dice=DICE)
    def drift(self, dice: Random) -> None:
        """An hour later a stranger writes some keys, or deletes them."""
        self.lab.wait_an_hour()
        for key in dice.sample(KEYS, dice.randint(1, 4)):
            value = dice.choice(["", "one", "theirs"])
            note(f"a stranger lets {key} be {value!r}")
            self.theirs[key] = _word(self.lab.rows.get(key))
            if value:
                self.lab.edge.put(self.lab.zone, "ns", key, value)
            else:
                self.lab.edge.delete(self.lab.zone, "ns", key)

    @rule(dice=DICE)
    def lose_state(self, dice: Random) -> None:
        """Seldom, somebody deletes the state file."""
        if dice.random() < 0.2:
            note("the state is deleted")
            self.lab.lose_state()
            self.theirs = {}

    @rule(dice=DICE)
    def push(self, dice: Random) -> None:
        """Somebody writes the manifest anew, and its push gets into trouble."""
        self.write("m.yaml", pairs(dice))
        self._sync(SOURCES[:1], flags(dice)._replace(only=()), trouble(dice))

    @rule(dice=DICE)
    def push_and_roll_back(self, dice: Random) -> None:
        """As `push`, and then somebody goes back to what was there before, or earlier."""
        self.push(dice)
        earlier = [wanted for source, wanted in self.history if source == "m.yaml"]
        self.write("m.yaml", dice.choice(earlier[-4:-1]))
        self._sync(SOURCES[:1], flags(dice)._replace(only=()), QUIET)

    @rule(dice=DICE)
    def sync(self, dice: Random) -> None:
        """Somebody syncs one source or both, with or without trouble."""
        sources = dice.choice([SOURCES[:1], SOURCES[1:], SOURCES, SOURCES[::-1]])
        self._sync(sources, flags(dice), trouble(dice))

    @rule(dice=DICE)
    def plan_and_sync(self, dice: Random) -> None:
        """A plan changes nothing, and tells what the sync after it does."""
        sources, chosen = dice.choice([SOURCES[:1], SOURCES[1:]]), flags(dice)
        plan = self.lab.call("plan", sources, *chosen.options)
        assert (plan.after, plan.commits) == (plan.before, 0)
        assert self.lab.rows == plan.rows
        call = self._sync(sources, chosen, QUIET)
        assert plan.code == call.code
        # What a plan tells of deletes that are too many, a sync does not do.
        assert plan.code or _changes(plan) == _changes(call)

    @invariant()
    def state_is_true(self) -> None:
        """The state claims nothing that the target does not hold, save what strangers touched."""
        held = self.lab.held
        for key, row in self.lab.rows.items():
            if not (key in self.theirs and self.theirs[key] == _word(row)):
                assert claims_truly(row, held), f"{row} but {held.get(key)}"

    def _sync(self, sources: Sequence[str], flags: Flags, trouble: Trouble) -> Call:
        """A sync, checked; one that went well has left nothing to do."""
        note(f"sync {sources} {flags} {trouble}")
        call = self.lab.call("sync", sources, *flags.options, trouble=trouble)
        wanted = self._wanted(sources, flags)
        self._check_touched(call, sources, flags, wanted)
        _count(call, trouble)
        if call.killed:
            return call
        self._check_told(call, sources, flags, trouble)
        if not call.code:
            self._check_done(call, sources, flags, wanted)
            again = self.lab.call("sync", sources, *flags.options)
            assert (again.code, again.after, _changes(again)) == (0, call.after, [])
            assert flags.refresh or not again.requests
        return call

    def _wanted(self, sources: Collection[str], flags: Flags) -> Pairs:
        named = {key: pair for source in sources for key, pair in self.wanted[source].items()}
        return {key: pair for key, pair in named.items() if flags.matches(key)}

    def _check_touched(
        self, call: Call, sources: Collection[str], flags: Flags, wanted: Pairs
    ) -> None:
        """A call changes keys that it names, to what it says, and deletes its own that it lets go.

        That holds however it ends.
        """
        for key in call.before.keys() | call.after.keys():
            if call.before.get(key) == call.after.get(key):
                continue
            if key in wanted:
                assert holds(call.after, key, wanted[key]), key
                continue
            assert key not in call.after, key
            assert flags.delete, key
            assert not flags.only, key
            row = call.rows[key]
            assert row.owner in sources, key
            assert not row.estranged, key
            seen = sha256(call.before[key][0].encode()).digest()
            assert not flags.refresh or row.in_doubt or seen == row.digest, key

    def _check_told(
        self, call: Call, sources: Sequence[str], flags: Flags, trouble: Trouble
    ) -> None:
        """Exit code, requests and counts are what happened."""
        document = call.document
        assert document["exit_code"] == call.code
        refusals = self._refusals(call, sources, flags)
        if refusals:
            # A refresh reads the target first, and that may go wrong, too.
            read = flags.refresh and bool(trouble.deeds or any(trouble.faults) or call.stopped)
            codes = {*refusals, *((5, 7, 130) if read else ())}
            assert call.code in codes, (call.code, refusals, call.err)
            assert call.after == call.before
        elif call.stopped:
            assert call.code == 130, call.err
        elif trouble.deeds:
            # A foreign Date may be the end of a run: nobody can sign for a clock that lies.
            assert call.code in {0, 5, 6, 7}, call.err
        elif not any(trouble.faults):
            assert call.code == 0, call.err
        else:
            assert call.code in {0, 5}, call.err
        summaries = [told["summary"] for told in document["runs"]]
        told = sum(sum(summary["requests"].values()) for summary in summaries)
        assert told == call.requests, (told, call.requests)
        for run in document["runs"]:
            _check_summary(run)

    def _refusals(self, call: Call, sources: Sequence[str], flags: Flags) -> list[int]:
        """The exit code of a call that must be refused, in a list; else an empty one."""
        if len(sources) > 1 and self.wanted[sources[0]].keys() & self.wanted[sources[1]].keys():
            return [2]
        wanted = self._wanted(sources, flags)
        if any(row.owner not in sources for key, row in call.rows.items() if key in wanted):
            return [11]
        if flags.delete and not flags.only and not flags.full:
            named = self._wanted(sources, flags)
            for source in sources:
                if self.wanted[source]:
                    continue
                mine = [row for key, row in call.rows.items() if row.owner == source]
                if any(row.key not in named and self._would_go(call, row, flags) for row in mine):
                    return [11]
        return []

    def _would_go(self, call: Call, row: Row, flags: Flags) -> bool:
        """Whether an orphan is deleted, as far as that depends on the orphan."""
        if not flags.refresh or row.in_doubt:
            return not row.estranged
        held = call.before.get(row.key)
        return bool(held) and sha256(held[0].encode()).digest() == row.digest

    def _check_done(
        self, call: Call, sources: Collection[str], flags: Flags, wanted: Pairs
    ) -> None:
        """After a sync that went well the target is as the sources say, and the state says so."""
        rows = self.lab.rows
        if flags.refresh:
            read = wanted.keys() | {key for key, row in call.rows.items() if row.owner in sources}
            self.theirs = {
                key: word
                for key, word in self.theirs.items()
                if not (flags.matches(key) and key in read)
            }
        for key, pair in wanted.items():
            row = rows[key]
            assert (row.owner in sources, row.in_doubt) == (True, False)
            assert row.digest == sha256(pair[0].encode()).digest()
            if not (key in self.theirs and self.theirs[key] == _word(row)):
                assert holds(call.after, key, pair), key
        if flags.delete and not flags.only:
            left = [row for row in rows.values() if row.owner in sources and row.key not in wanted]
            assert all(row.estranged for row in left), left


def machine_in(make_lab: Callable[[], Lab]) -> Callable[[], Machine]:
    """Makes machines, each in a lab of its own."""
    return lambda: Machine(make_lab())


def _word(row: Row | None) -> object:
    """Which word of the service a row goes by."""
    return row and (row.request_id, row.digest)


def _changes(call: Call) -> list[tuple[str, str, str]]:
    runs = call.document["runs"]
    return sorted((c["action"], c["key"], c["reason"]) for run in runs for c in run["changes"])


def _check_summary(run: Mapping[str, object]) -> None:
    """What a run tells adds up."""
    summary, changes, failures = run["summary"], run["changes"], run["failures"]
    done = Counter(change["action"] for change in changes)
    actions = ("create", "update", "renew", "delete")
    assert [summary[name] for name in actions] == [done[name] for name in actions]
    assert summary["bytes"] == sum(c["bytes"] for c in changes if c["action"] != "delete")
    assert len(failures) == summary["failed"] + summary["rejected"]
    if summary["failed"] and not run["error"] and run["exit_code"] != 130:
        assert run["exit_code"] == (6 if summary["rejected"] else 5)
    if any(failure["action"] != "delete" for failure in failures):
        assert not done["delete"]


def _count(call: Call, trouble: Trouble) -> None:
    TALLY["syncs"] += 1
    TALLY["kills"] += call.killed
    TALLY["stops"] += call.stopped
    TALLY["deeds"] += sum(map(bool, trouble.deeds[: call.requests]))
    TALLY["faults"] += sum(map(bool, trouble.faults[: call.requests]))
    TALLY[f"exit {call.code}" if not call.killed else "killed"] += 1
    TALLY["requests"] += call.requests
