"""The machine goes in by the front door, too."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from tests.cli.conftest import clean_environment, credentials, edge
from tests.lyingproxy import LyingProxy

__all__ = ["box", "clean_environment", "credentials", "edge", "folder", "small_steps"]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder in memory, where there is one: each commit waits for a disk."""
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    made = Path(tempfile.mkdtemp(dir=memory))
    yield made
    shutil.rmtree(made)


@pytest.fixture(autouse=True)
def small_steps() -> Iterator[None]:
    """Windows and batches of a few keys, and no waits: eight keys are then as good as hundreds."""
    with (
        patch("kvsync.push.put.WINDOW", 3),
        patch("kvsync.push.pool._COMMIT_ROWS", 2),
        patch("kvsync.push.delete.WINDOW", 4),
        patch("kvsync.push.delete.KEYS_PER_REQUEST", 2),
        patch("kvsync.edgekv.calls._FIRST_WAIT", 0.0),
    ):
        yield


@pytest.fixture
def box(edge) -> Iterator[LyingProxy]:
    """What lies between, where it is asked to."""
    with LyingProxy(edge.url) as box:
        yield box
