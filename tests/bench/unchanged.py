"""A run with nothing to do, against what others take to see that there is nothing to do."""

import shutil
import subprocess
from collections.abc import Callable, Iterator

from tests.bench.bundle import Bundle, bundle, manifest
from tests.bench.sides import KVSYNC, Spent, alternating, program, spend
from tests.bench.table import NO_GOAL, NOT_MEASURED, Bound, Row, Scale, Sides
from tests.processes import CREDENTIALS, plain_environment, run, serving, target

_GIT = (
    "git", "-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c", "gc.auto=0",
    "-c", "maintenance.auto=false",
)  # fmt: skip
_HEAVY = ("aiohttp", "tqdm", "requests")
_WALK_NOTE = "Most of it is what the bare walk does: each name and status is handed to Python."
_PLAN_NOTE = (
    "A loop with nothing but the system calls that are promised (open, two fstat, read, close),"
    " SHA-256, UTF-8 and one tuple takes 15.7 µs a file, 1.3 x with start-up; kvsync's takes 18.5."
)
_CHANGED_NOTE = (
    "Of it 0.4 s are imports (a run that sends loads aiohttp), 0.5 s libyaml's events as nodes with"
    " their lines, 0.4 s entries, 0.4 s rows of the state, each with its checksum."
)


def trees(scale: Scale) -> Iterator[Row]:
    """An unchanged tree; what such a run imports; and the first plan of the same tree."""
    with (
        bundle(scale.files, folders=100, size=350) as made,
        serving("--data", str(made.data)) as url,
    ):
        sync = ["sync", str(made.source), *target(url)]
        _settle(sync)
        yield from _no_op_tree(scale, made, [*KVSYNC, *sync, "-q"])
        yield _imports(sync)
        yield _first_plan(scale, made, url)


def manifests(scale: Scale) -> Iterator[Row]:
    """An unchanged manifest, and one that has changed in one line."""
    with manifest(scale.pairs) as made, serving("--data", str(made.data)) as url:
        sync = ["sync", str(made.source), *target(url)]
        _settle(sync)
        load = program("tests.bench.loading", str(made.source))
        name = f"{scale.pairs:,} keys"
        yield _ratio(f"no-op sync of a manifest, {name}", "yaml.CSafeLoader", 0.2, _alternate(
            {"kvsync": lambda: spend([*KVSYNC, *sync, "-q"]), "": lambda: spend(load)}, scale
        ))  # fmt: skip

        def changed() -> Spent:
            text = made.source.read_text()
            made.source.write_text(text + "x")
            return spend([*KVSYNC, *sync, "-q"])

        yield _ratio("the same, one line changed", "yaml.CSafeLoader", 1.4, _alternate(
            {"kvsync": changed, "": lambda: spend(load)}, scale
        ), _CHANGED_NOTE)  # fmt: skip


def _settle(sync: list[str]) -> None:
    """The first run of a sync learns of all files; the next ones can rest on that."""
    for _ in range(2):
        run(*sync)


def _alternate(sides: dict[str, Callable[[], Spent]], scale: Scale) -> Sides:
    spent = alternating(sides, scale.rounds)
    ours, theirs = spent.values()
    return Sides(ours.seconds, theirs.seconds, "s")


def _ratio(what: str, against: str, goal: float, sides: Sides, note: str = "") -> Row:
    return Row(
        what, sides.ratio, Bound.AT_MOST, goal, "x", against=against, sides=sides, note=note
    )  # fmt: skip


def _no_op_tree(scale: Scale, made: Bundle, sync: list[str]) -> Iterator[Row]:
    others = _others(made)
    sides = {"kvsync": lambda: spend(sync)} | {
        name: lambda command=command: spend(command)  # type: ignore[misc]
        for name, command in others.items()
    }
    spent = alternating(sides, scale.rounds)
    goals = {
        "rsync -an": 1.0, "rclone check --size-only": 0.35, "git status": NO_GOAL,
        "bare scandir + stat": 2.0,
    }  # fmt: skip
    what = f"no-op sync of a tree, {scale.files:,} files"
    for name, goal in goals.items():
        if name in spent:
            both = Sides(spent["kvsync"].seconds, spent[name].seconds, "s")
            yield _ratio(what, name, goal, both, _WALK_NOTE)
        else:
            missing = f"{name.split()[0]} is not installed"
            yield Row(what, NOT_MEASURED, Bound.AT_MOST, goal, "x", against=name, note=missing)


def _others(made: Bundle) -> dict[str, list[str]]:
    """What does the same work, by name, each with a copy of the tree where it wants one."""
    source = str(made.source)
    others = {"bare scandir + stat": program("tests.bench.walk", source)}
    copy = str(made.source.parent / "copy")
    shutil.copytree(source, copy, ignore=shutil.ignore_patterns(".kvsync"))
    if shutil.which("rsync"):
        filters = ["--exclude=.kvsync"]
        subprocess.run(["rsync", "-a", *filters, f"{source}/", f"{copy}/"], check=True)
        others["rsync -an"] = ["rsync", "-an", *filters, f"{source}/", f"{copy}/"]
    if shutil.which("rclone"):
        config = ["--config", "/dev/null", "--exclude", ".kvsync/**"]
        others["rclone check --size-only"] = [
            "rclone", "check", "--size-only", *config, source, copy,
        ]  # fmt: skip
    if shutil.which("git"):
        # Beside the tree: nobody else shall walk through its objects.
        git = [*_GIT, f"--git-dir={made.source.parent / 'git'}", f"--work-tree={source}"]
        for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "all"]):
            subprocess.run([*git, *command], check=True, capture_output=True)
        others["git status"] = [*git, "status", "--short"]
    return others


def _imports(sync: list[str]) -> Row:
    """How many of the modules that a run with nothing to do must not import were imported."""
    command = program("kvsync", *sync, "-q")
    command.insert(1, "-Ximporttime")
    told = subprocess.run(
        command,
        env={**plain_environment(), **CREDENTIALS},
        capture_output=True,
        text=True,
        check=True,
    )
    names = {line.rpartition("|")[2].strip() for line in told.stderr.splitlines()}
    found = [name for name in _HEAVY if name in names]
    return Row(
        "  its imports of aiohttp, tqdm, requests", len(found), Bound.EXACTLY, 0, "modules",
        note=", ".join(found),
    )  # fmt: skip


def _first_plan(scale: Scale, made: Bundle, url: str) -> Row:
    new = ["--state", str(made.source.parent / "none.db")]
    plan = [*KVSYNC, "plan", str(made.source), *target(url), *new, "-q"]
    bare = program("tests.bench.hashing", str(made.source))
    return _ratio(
        f"first plan of a tree, {scale.files:,} files", "bare read + SHA-256", 1.3,
        _alternate({"kvsync": lambda: spend(plan), "": lambda: spend(bare)}, scale), _PLAN_NOTE,
    )  # fmt: skip
