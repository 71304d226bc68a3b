"""Permission tests: a child process run by a user who may do nothing here.

CI is root, who may read and write anything; a developer is not, and needs no other user.
"""

import functools
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

_NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
_DROPPING = str(Path(__file__).with_name("dropping.py"))


def without_coverage() -> dict[str, str]:
    """The environment, without what makes a child import coverage and write its data."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}


def as_nobody(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run Python with these arguments (``-c CODE …`` or ``-m kvsync …``) as somebody else."""
    return _run([*_python(), *args], cwd)


@functools.cache
def _python() -> list[str]:
    """A Python that is nobody.

    Where nobody may not even read this interpreter or this checkout (in a home, or in a clone
    that only its owner may enter), the child imports all it needs before it becomes nobody.
    """
    if os.geteuid() != 0:
        return [sys.executable]
    usable = [*_NOBODY, sys.executable]
    probe = _run([*usable, "-c", "import kvsync.sources, kvsync.state"], Path("/"))
    return usable if probe.returncode == 0 else [sys.executable, _DROPPING]


def _run(command: list[str], cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, check=False, env=without_coverage()
    )


@pytest.fixture
def shared() -> Iterator[Path]:
    """A directory that everybody may look into; pytest's own are closed to other users."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)
        for path in [Path(folder), *Path(folder).rglob("*")]:
            if path.is_dir():
                path.chmod(0o755)
