"""Permission tests: a child process run by a user who may do nothing here.

CI is root, who may read and write anything; a developer is not, and needs no other user.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

__all__ = ["as_nobody", "shared", "without_coverage"]

_NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


def without_coverage() -> dict[str, str]:
    """The environment, without what makes a child import coverage and write its data."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}


def as_nobody(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run Python with these arguments as somebody else."""
    command = [*(_NOBODY if os.geteuid() == 0 else []), sys.executable, *args]
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, check=False, env=without_coverage()
    )


@pytest.fixture
def shared() -> Iterator[Path]:
    """A directory that everybody may look into; pytest's own are closed to other users."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)
        for path in [Path(folder), *Path(folder).rglob("*")]:
            if path.is_dir():
                path.chmod(0o755)
