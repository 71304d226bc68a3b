"""A server that means harm costs a bounded time and a bounded memory, and is named."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

import pytest

from tests.hostile.attacks import BULKY, ENDLESS, SLOW
from tests.hostile.serving import Answer, HostileServer, hostile
from tests.nobody import without_coverage

pytestmark = pytest.mark.slow

SECONDS = 15.0
"""Three times what it may take on a machine that does nothing else."""
BYTES = 300 << 20
TARGET = ["--zone", "zone-1", "--namespace", "ns", "--retries", "0"]
PAIR = {"TENCENTCLOUD_SECRET_ID": "AKIDtest", "TENCENTCLOUD_SECRET_KEY": "secret-of-the-test"}


def measured(attacks: Mapping[str, Answer], *command: str) -> dict[str, Any]:
    """How a command ends against each attack, all in one child process."""
    with ExitStack() as stack:
        servers: list[HostileServer] = [
            stack.enter_context(hostile(attack)) for attack in attacks.values()
        ]
        lines = [[*command, *TARGET, "--endpoint", server.url] for server in servers]
        child = subprocess.run(
            [sys.executable, "-m", "tests.hostile.measured", json.dumps(lines)],
            capture_output=True,
            timeout=60,
            check=True,
            env={**without_coverage(), **PAIR, "PYTHONPATH": os.getcwd()},
        )
    return dict(zip(attacks, json.loads(child.stdout), strict=True))


@pytest.fixture(scope="module")
def endless() -> dict[str, Any]:
    """How a read of one key ends."""
    return measured(ENDLESS, "get", "k")


@pytest.fixture(scope="module")
def slow() -> dict[str, Any]:
    """How it ends where silence is borne for 0.1 s."""
    return measured(SLOW, "get", "k", "--timeout", "0.1")


@pytest.fixture(scope="module")
def bulky(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """How a read of twenty keys ends."""
    folder = tmp_path_factory.mktemp("bulky")
    for number in range(20):
        (folder / f"k{number}").write_text("v")
    return measured(BULKY, "verify", str(folder))


def check(end: Mapping[str, Any], code: str) -> None:
    """The command has ended as it should: soon, small, with words and without a traceback."""
    assert end["code"] == 5, end["words"]
    assert f"{code}: " in end["words"]
    assert "127.0.0.1" in end["words"] or "--endpoint" in end["words"]
    assert "Traceback" not in end["words"]
    assert end["seconds"] < SECONDS
    assert end["peak"] < BYTES


@pytest.mark.parametrize("name", ENDLESS)
def test_what_has_no_end_is_cut_off(endless: dict[str, Any], name: str) -> None:
    """Bodies, headers and depths without end are an answer that cannot be read, and that is all."""
    check(endless[name], "BadAnswer")


@pytest.mark.parametrize("name", SLOW)
def test_what_only_seems_to_move_is_given_up(slow: dict[str, Any], name: str) -> None:
    """An answer that comes no nearer to its end is given up after ten times the time-out."""
    check(slow[name], "Timeout")
    assert slow[name]["seconds"] > 10 * 0.1


@pytest.mark.parametrize("name", BULKY)
def test_what_unfolds_in_memory_is_refused(bulky: dict[str, Any], name: str) -> None:
    """As much as twenty values may have, made so that Python's objects would be many times that."""
    check(bulky[name], "BadAnswer")
