"""Whatever source, state and target are: a refresh that deletes makes them one."""

import json
import time
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import NamedTuple, TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kvsync.cli import run
from kvsync.state.sqlite import State
from tests.cli.watching import counted, long_ago
from tests.effort import examples
from tests.servers import ServedEmulator

FAR = 4102444800
DAY = 86400
TTL = 30 * DAY
KEYS = st.sampled_from("abcdef")
TEXTS = st.sampled_from(["one", "two", "three"])
Pairs: TypeAlias = Mapping[str, tuple[str, str]]
"""Value and expiry (a word of `FIELDS` or of `TIMES`) by key."""

FIELDS = {
    "never": {},
    "far": {"expires": FAR},
    "farther": {"expires": FAR + 1},
    "ttl": {"ttl": TTL},
}
TIMES = {"never": 0, "far": FAR, "farther": FAR + 1, "soon": time.time() + DAY}
WANTED = st.dictionaries(KEYS, st.tuples(TEXTS, st.sampled_from([*FIELDS])))
WRITTEN = st.dictionaries(KEYS, st.tuples(TEXTS, st.sampled_from([*TIMES])))


class World(NamedTuple):
    """What two owners pushed once, what a stranger did then, and what the first one wants now."""

    mine: Pairs
    yours: Pairs
    written: Pairs
    deleted: frozenset[str]
    wanted: Pairs


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Any world in which the owners do not claim the same keys."""
    mine, yours, wanted = draw(WANTED), draw(WANTED), draw(WANTED)
    yours = {key: pair for key, pair in yours.items() if key not in mine}
    wanted = {key: pair for key, pair in wanted.items() if key not in yours}
    return World(mine, yours, draw(WRITTEN), draw(st.frozensets(KEYS)), wanted)


class Lab:
    """Runs command lines against a zone, and with a state, that nobody has used before."""

    numbers = count()

    def __init__(self, edge: ServedEmulator, capsys: pytest.CaptureFixture[str]) -> None:
        number = next(self.numbers)
        self.zone, self.state = f"zone-{number}", f"state-{number}.db"
        self.edge = edge
        self._capsys = capsys

    def sync(self, *arguments: str) -> None:
        """A sync that must go well."""
        code = run(["sync", *arguments, "--zone", self.zone, "--state", self.state])
        told = "".join(self._capsys.readouterr())
        assert code == 0, told

    def build(self, world: World) -> None:
        """What has been: two owners pushed, and an hour later the stranger came."""
        self.sync(manifest("m.yaml", world.mine), manifest("other.yaml", world.yours))
        long_ago(self.state)
        for key, (text, when) in world.written.items():
            self.edge.put(self.zone, "ns", key, text, int(TIMES[when]))
        for key in world.deleted:
            self.edge.delete(self.zone, "ns", key)

    @property
    def held(self) -> dict[str, tuple[str, int]]:
        """What the target holds: value, and expiry in Unix seconds or 0."""
        return dict(self.edge.pairs(self.zone, "ns"))

    @property
    def owners(self) -> dict[str, str]:
        """Whose each key is."""
        with State.read(str(Path(self.state).absolute())) as state:
            rows = [row for target in state.targets() for row in state.rows(target).values()]
        return {row.key: row.owner for row in rows}


def manifest(name: str, pairs: Pairs) -> str:
    """Writes the manifest that names these pairs; its path."""
    keys = {key: {"value": text, **FIELDS[when]} for key, (text, when) in pairs.items()}
    Path(name).write_text(json.dumps({"version": 1, "keys": keys}))
    return name


def spared(world: World, before: Mapping[str, tuple[str, int]]) -> dict[str, tuple[str, int]]:
    """What must be left as it is: whatever is not wanted, save orphans that hold our value yet."""
    return {
        key: (text, expires)
        for key, (text, expires) in before.items()
        if key not in world.wanted and (key not in world.mine or world.mine[key][0] != text)
    }


def check(world: World, held: Mapping[str, tuple[str, int]]) -> None:
    """Every wanted key is there as it is wanted, its TTL not about to run out."""
    for key, (text, when) in world.wanted.items():
        value, expires = held[key]
        assert value == text
        if when == "ttl":
            assert expires > time.time() + TTL / 2
        else:
            assert expires == TIMES[when]


# The fixtures only keep the environment clean; every example has a zone and a state of its own.
@pytest.mark.slow
@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(world=worlds())
def test_a_refresh_that_deletes_converges(edge, capsys, world):
    """The target ends as the source says, foreign keys untouched, and a second run does nothing."""
    lab = Lab(edge, capsys)
    lab.build(world)
    before = lab.held
    way = (manifest("m.yaml", world.wanted), "--refresh", "--delete", "--max-delete", "100%")
    lab.sync(*way)
    after = lab.held
    check(world, after)
    assert {key: pair for key, pair in after.items() if key not in world.wanted} == (
        spared(world, before)
    )
    owners = lab.owners
    assert {key for key, owner in owners.items() if owner == "./other.yaml"} == set(world.yours)
    assert {key for key in world.wanted if owners[key] == "./m.yaml"} == set(world.wanted)
    with counted(edge) as seen:
        lab.sync(*way)
    assert (seen.keys() <= {"EdgeKVGet"}, lab.held, lab.owners) == (True, after, owners)
