"""Whatever happens to a source and its surroundings: both ways of a plan tell the same."""

import os
import shutil
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kvsync.cli import run
from tests.cli.conftest import Result
from tests.cli.ways import Ways, told

DAY = 86400
NAMES = st.sampled_from(["a", "b", "sub/c", "sub/d.tmp", "deep/er/e", ".kvsyncignore"])


class World:
    """A manifest with a tree, a file, a dump and a variable, in a folder of its own."""

    numbers = count()

    def __init__(self, ways: Ways, capsys: pytest.CaptureFixture[str]) -> None:
        self.ways = ways
        self._capsys = capsys
        self.folder = Path(f"world-{next(self.numbers)}")
        self.options: list[str] = []
        self.source = str(self.folder / "m.yaml")
        for name in ("tree/a", "tree/sub/c", "value"):
            self.write(name)
        self.dump()
        self.manifest("30d")

    def write(self, name: str) -> None:
        """A new content, and of a size that there was not before."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        # A line of a file with patterns is one that matches nothing here.
        path.write_text("*.tmp\n" * (next(self.numbers) % 50 + 1) if path.name[0] == "." else
                        f"{next(self.numbers)}" * (next(self.numbers) % 90 + 1))  # fmt: skip

    def dump(self) -> None:
        line = f'{{"key": "dumped", "value": "{next(self.numbers)}"}}\n'
        (self.folder / "d.jsonl").write_text(line)

    def manifest(self, ttl: str) -> None:
        Path(self.source).write_text(
            f"version: 1\nnamespace: ${{NS:-ns}}\nkeys:\n  k: {{value: v, ttl: {ttl}}}\n"
            "  v: {file: value}\n  e: {env: TOKEN}\ntrees: [{path: tree, prefix: t-}]\n"
            "files: [{path: d.jsonl, format: jsonl}]\n"
        )

    def call(self, command: str) -> Result:
        code = run([command, self.source, "--json", *self.options])
        return Result(code, *self._capsys.readouterr())

    def check(self) -> None:
        """Plan both ways."""
        short = self.call("plan")
        self.ways.closed = True
        assert told(self.call("plan")) == told(short)
        self.ways.closed = False


def _remove(world: World, name: str) -> None:
    (world.folder / "tree" / name).unlink(missing_ok=True)


def _link(world: World, name: str) -> None:
    link = world.folder / "tree/link"
    link.unlink(missing_ok=True)
    link.symlink_to(name)


def _own(world: World, name: str) -> None:
    other = world.folder / "o.yaml"
    other.write_text("version: 1\nkeys: {v: other}\n")
    run(["sync", str(other), "--adopt", "-q"])


def _state(world: World, name: str) -> None:
    run(["state", "forget", world.source, "--only", "[kv]", "-q"])


STEPS: dict[str, Callable[[World, str], object]] = {
    "sync": lambda world, _: [world.call("sync") for _ in range(2)],
    "sync again": lambda world, _: [world.call("sync") for _ in range(3)],
    "write": lambda world, name: world.write(f"tree/{name}"),
    "remove": _remove,
    "remove folder": lambda world, _: shutil.rmtree(world.folder / "tree/sub", ignore_errors=True),
    "link": _link,
    "value": lambda world, _: world.write("value"),
    "dump": lambda world, _: world.dump(),
    "manifest": lambda world, name: world.manifest(f"{40 + len(name)}d"),
    "variable": lambda _, name: os.environ.update(TOKEN=name),
    "namespace": lambda _, name: os.environ.update(NS="ns" if len(name) % 2 else ""),
    "later": lambda world, name: setattr(world.ways, "ahead", len(name) * 2.5 * DAY),
    "options": lambda world, name: setattr(
        world, "options", [[], ["--renew-within", "9d"], ["--adopt"]][len(name) % 3]
    ),
    "other owner": _own,
    "forget": _state,
}


@pytest.mark.slow
def test_both_ways_tell_the_same(edge, monkeypatch, capsys):
    """After edits, syncs, other options, variables and times: the same plan, long or short."""
    ways = Ways(monkeypatch)
    monkeypatch.setenv("NS", "")

    @settings(max_examples=12, suppress_health_check=[*HealthCheck])
    @given(st.lists(st.tuples(st.sampled_from([*STEPS]), NAMES), min_size=3, max_size=8))
    def hold(steps: list[tuple[str, str]]) -> None:
        ways.ahead = 0
        os.environ["TOKEN"] = "a"
        world = World(ways, capsys)
        STEPS["sync again"](world, "")
        for step, name in steps:
            STEPS[step](world, name)
            world.check()

    monkeypatch.setenv("TOKEN", "a")
    hold()
    # Else the two were compared with themselves.
    assert ways.short.count(True) > 12
