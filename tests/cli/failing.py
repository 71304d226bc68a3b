"""Services that fail for a while, and the files that list what did not get through: for tests."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from kvsync.edgekv.client import Namespace
from kvsync.emulator.faults import Faults
from kvsync.model.errors import PassingError

FILE = "failures.jsonl"


@contextmanager
def broken(times: int = 10**9, fault: str = "InternalError") -> Iterator[None]:
    """So many requests, from now on, fail at every emulator of this process."""
    left = iter(range(times))
    with patch.object(Faults, "draw", lambda _: fault if next(left, None) is not None else ""):
        yield


@contextmanager
def broken_puts(times: int = 10**9) -> Iterator[None]:
    """So many writes, from now on, fail without being sent; everything else goes on."""
    left = iter(range(times))
    real = Namespace.put

    async def put(*args: Any) -> Any:
        if next(left, None) is not None:
            raise PassingError("InternalError", "broken")
        return await real(*args)

    with patch.object(Namespace, "put", put):
        yield


def manifest_of(*numbers: int) -> str:
    """Keys ``k1`` and so on, with the values ``v1`` and so on."""
    return "keys: {" + ", ".join(f"k{n}: v{n}" for n in numbers) + "}\n"


def header(path: str = FILE) -> dict[str, Any]:
    """The first line of a failure file."""
    found: dict[str, Any] = json.loads(Path(path).read_text().splitlines()[0])
    return found


def listed(path: str = FILE) -> dict[str, dict[str, Any]]:
    """Its other lines, by key."""
    lines = map(json.loads, Path(path).read_text().splitlines()[1:])
    return {line["key"]: line for line in lines}
