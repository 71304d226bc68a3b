"""The real tools that scripts/realtools.sh gets."""

import os
import shutil
from pathlib import Path

import pytest

_BIN = Path(__file__).parents[2] / ".tools" / "bin"


def tool(*names: str) -> str:
    """The path of the first of these programs that is there.

    Without one of them a developer's test is skipped; in CI it fails: what is never run proves
    nothing.
    """
    for name in names:
        if found := shutil.which(name, path=environment()["PATH"]):
            return found
    reason = f"there is no {names[0]} here; ./scripts/test tests/real gets it, where it can"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def environment(home: Path | None = None) -> dict[str, str]:
    """The environment for a tool: it finds the others, talks to nobody and writes to ``home``."""
    return {
        "PATH": f"{_BIN}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home or _BIN),
        "LANG": "C.UTF-8",
        "CI": "1",
        "WRANGLER_SEND_METRICS": "false",
    }
