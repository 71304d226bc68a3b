"""A service that fails: in one way at a time, in all of them, and for an hour."""

import contextlib
import io
import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch
from zlib import crc32

from kvsync.cli import run
from kvsync.emulator.options import ALL_FAULTS, EmulatorOptions
from tests.processes import busiest_second
from tests.servers import ServedEmulator
from tests.torture.hasty import hasty
from tests.torture.lab import Lab, Line, Scale, plain_environment

_STORM = 1.35
"""Attempts per key that are too many at 20 % of faults: 1.25 is what arithmetic asks for."""
_SLOWER = {"429", "RequestLimitExceeded"}
_UNBOUNDED = 100_000
_HOUR = 3600


def each_fault(scale: Scale, seed: int) -> Iterator[Line]:
    """Every way to fail, at every share, with no pace to keep."""
    for fault in sorted(ALL_FAULTS):
        for share in scale.shares:
            yield _attacked(f"{fault} {share:.0%}", frozenset({fault}), share, scale.keys, seed)


def all_faults(scale: Scale, seed: int) -> Iterator[Line]:
    """All ways to fail at once, at every share, with no pace to keep."""
    for share in scale.shares:
        yield _attacked(f"all of them {share:.0%}", ALL_FAULTS, share, scale.keys, seed)


def paced(scale: Scale, seed: int) -> Iterator[Line]:
    """The pace of 20 a second, kept by first attempts and retries alike."""
    yield _attacked("20/s, failures 20%", ALL_FAULTS - _SLOWER, 0.2, scale.paced, seed, rate=20)
    # The rate is halved again and again: to an eighth, if there is no end of it.
    yield _attacked(
        "20/s, a storm of 50%", frozenset(_SLOWER), 0.5, scale.paced // 5, seed, rate=20
    )
    yield _attacked("20/s, refusals 5%", frozenset(_SLOWER), 0.05, scale.paced, seed, rate=20)


def _attacked(
    attack: str,
    faults: frozenset[str],
    share: float,
    keys: int,
    seed: int,
    *,
    rate: int = _UNBOUNDED,
) -> Line:
    options = EmulatorOptions(
        rate=rate, fault=share, faults=faults, seed=seed + crc32(attack.encode())
    )
    patience = ["--rate", str(rate), "--timeout", "1", "--retries", "20"]
    with tempfile.TemporaryDirectory() as folder, ServedEmulator(options) as edge:
        lab = Lab(Path(folder), edge, keys, *patience)
        document = lab.sync()
        stats = edge.stats()
        broken = lab.broken()
    arrivals = [at for at, action in stats["arrivals"] if action == "EdgeKVPut"]
    figures: dict[str, float | int | str] = {
        "exit": document["exit_code"],
        "keys": keys,
        "faults": sum(stats["faults"].values()),
        "attempts per key": len(arrivals) / keys,
        "refused": sum(stats["refused"].values()),
    }
    if document["exit_code"]:
        broken.append(f"exit {document['exit_code']}")
    if share <= 0.2 and len(arrivals) / keys >= _STORM and keys >= 500:
        broken.append("a storm of retries")
    if rate != _UNBOUNDED:
        figures["busiest second"] = busiest_second(arrivals)
        if busiest_second(arrivals) > rate or figures["refused"]:
            broken.append("the pace is broken")
    return Line(attack, figures, broken)


def outage(scale: Scale, seed: int) -> Iterator[Line]:
    """Every request fails for an hour of a fake clock: a patient run outlasts it, others do not."""
    yield _outlasted(scale, seed)
    yield _tried_again(scale, seed)


def _outlasted(scale: Scale, seed: int) -> Line:
    """One run that retries for as long as it takes."""
    begun = time.monotonic()
    with _dead_service(scale, seed, "--retries", "5000") as (lab, edge):
        with hasty() as loops:
            loops.at[_HOUR] = lambda: edge.fail(0.0)
            document = in_process(lab)
        broken = lab.broken()
        attempts = edge.stats()["requests"]["EdgeKVPut"]
    if document["exit_code"]:
        broken.append(f"exit {document['exit_code']}")
    if loops.passed < _HOUR:
        broken.append("it did not last so long")
    figures = {
        "exit": document["exit_code"],
        "keys": scale.keys,
        "hours": loops.passed / _HOUR,
        "attempts per second": attempts / loops.passed,
        "seconds here": round(time.monotonic() - begun),
    }
    return Line("an hour of outage, one run", figures, broken)


def _tried_again(scale: Scale, seed: int) -> Line:
    """Runs from cron, one every five minutes: each gives up soon, the last one comes after it."""
    longest = 0.0
    codes = []
    with _dead_service(scale, seed) as (lab, edge), hasty() as loops:
        for minute in range(0, 65, 5):
            if minute == 60:
                before = edge.stats()["requests"]["EdgeKVPut"]
                edge.fail(0.0)
            begun = loops.passed
            codes.append(in_process(lab)["exit_code"])
            longest = max(longest, loops.passed - begun)
        broken = lab.broken()
    if codes != [5] * 12 + [0]:
        broken.append(f"exit codes {codes}")
    if longest > 300:
        broken.append("a run outlasts the interval")
    figures = {
        "runs": len(codes),
        "last exit": codes[-1],
        "attempts in the hour": before,
        "longest run, s": round(longest),
    }
    return Line("an hour of outage, from cron", figures, broken)


@contextlib.contextmanager
def _dead_service(scale: Scale, seed: int, *options: str) -> Iterator[tuple[Lab, ServedEmulator]]:
    dead = EmulatorOptions(rate=0, fault=1.0, faults=frozenset({"502"}), seed=seed)
    with tempfile.TemporaryDirectory() as folder, ServedEmulator(dead) as edge:
        yield Lab(Path(folder), edge, scale.keys, "--workers", "8", *options), edge


def in_process(lab: Lab, *options: str) -> Any:
    """The document of a sync in this process, with these options besides."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with (
        patch.dict(os.environ, plain_environment()),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        run([*lab.arguments, *options])
    out.seek(0)
    return json.load(out)
