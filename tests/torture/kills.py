"""Runs that are killed, or asked to stop, at any instant."""

import json
import random
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kvsync.emulator.options import EmulatorOptions
from kvsync.push.pool import WINDOW, PoolOptions
from tests.servers import ServedEmulator
from tests.torture.lab import Lab, Line, Scale

_OPTIONS = ("--rate", "400", "--grace", "5")
_LATENCY_S = 0.02
_REPEATS = PoolOptions().workers + WINDOW
"""The requests in flight, and one batch."""


def kills(scale: Scale, seed: int) -> Iterator[Line]:
    """SIGKILL at random instants; after each, a run that goes through."""
    chance = random.Random(seed)
    counts: Counter[str] = Counter()
    most = 0
    with _lab(scale) as lab:
        duration = _duration(lab)
        for number in range(scale.kills):
            lab.write(number + 1)
            child = lab.start()
            _wait(child, chance.uniform(0, duration))
            child.kill()
            child.communicate()
            counts["cut short"] += child.returncode == -signal.SIGKILL
            counts["unsound"] += not lab.is_sound()
            counts["false claims"] += len(lab.false_claims())
            held = lab.held()
            lacking = sum(held.get(key) != value for key, value in lab.wanted.items())
            counts["while sending"] += 0 < lacking < len(lab.wanted)
            before = lab.edge.stats()["requests"]["EdgeKVPut"]
            counts["next runs done"] += lab.sync()["exit_code"] == 0 and not lab.broken()
            most = max(most, lab.edge.stats()["requests"]["EdgeKVPut"] - before - lacking)
    broken = [f"{counts[name]} {name}" for name in ("false claims", "unsound") if counts[name]]
    if counts["next runs done"] != scale.kills:
        broken.append("a next run did not complete")
    if most > _REPEATS:
        broken.append(f"more than {_REPEATS} keys repeated")
    names = ("cut short", "while sending", "next runs done", "false claims", "unsound")
    figures = {name: counts[name] for name in names}
    yield Line("SIGKILL", {"kills": scale.kills, **figures, "most keys repeated": most}, broken)


def signals(scale: Scale, seed: int) -> Iterator[Line]:
    """SIGINT and SIGTERM at random instants; after each, a run that goes through."""
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        yield _stopped(scale, seed, number, code)


def _stopped(scale: Scale, seed: int, number: signal.Signals, code: int) -> Line:
    chance = random.Random(seed + number)
    counts: Counter[str] = Counter()
    slowest = 0.0
    with _lab(scale) as lab:
        duration = _duration(lab)
        for version in range(1, scale.signals // 2 + 1):
            lab.write(version)
            child = lab.start()
            _wait(child, chance.uniform(0, duration))
            child.send_signal(number)
            begun = time.monotonic()
            out, _ = child.communicate()
            slowest = max(slowest, time.monotonic() - begun)
            counts[_ending(lab, child.returncode, out, code)] += 1
            counts["false claims"] += len(lab.false_claims())
            counts["next runs done"] += lab.sync()["exit_code"] == 0 and not lab.broken()
    sent = scale.signals // 2
    broken = [f"{counts[name]} {name}" for name in ("false claims", "else") if counts[name]]
    if counts["next runs done"] != sent:
        broken.append("a next run did not complete")
    if slowest > float(_OPTIONS[-1]) + 2:
        broken.append("not within the grace time")
    names = (f"exit {code}", "done already", "before its start", "next runs done", "false claims")
    figures = {name: counts[name] for name in names}
    return Line(number.name, {"signals": sent, **figures, "slowest end, s": slowest}, broken)


def _ending(lab: Lab, returned: int, out: str, code: int) -> str:
    """How a run ended that got a signal."""
    if not out and returned != 0:
        # Python was still starting: nobody listened, and nothing was sent.
        untouched = not any(value in lab.held().values() for value in lab.wanted.values())
        return "before its start" if untouched else "else"
    document = json.loads(out)
    summary = document["runs"][0]["summary"] if document["runs"] else {}
    if returned == 0 == document["exit_code"]:
        return "done already"
    # A shell calls both 128 + the signal: exit codes, and ends by the signal itself.
    if returned not in {code, 128 - code} or document["exit_code"] != code:
        return "else"
    parts = ("create", "update", "unchanged", "failed", "skipped")
    told = sum(summary.get(part, 0) for part in parts)
    return f"exit {code}" if told in {0, len(lab.wanted)} else "else"


def _wait(child: "subprocess.Popen[str]", seconds: float) -> None:
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        return


def _duration(lab: Lab) -> float:
    """Seconds that an undisturbed run takes, from start to end."""
    lab.sync()
    lab.write(-1)
    begun = time.monotonic()
    lab.sync()
    return time.monotonic() - begun


@contextmanager
def _lab(scale: Scale) -> Iterator[Lab]:
    options = EmulatorOptions(rate=0, latency=_LATENCY_S)
    with tempfile.TemporaryDirectory() as folder, ServedEmulator(options) as edge:
        yield Lab(Path(folder), edge, scale.killed_keys, *_OPTIONS)
