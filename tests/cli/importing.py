"""What a command line imports: for tests."""

import subprocess
import sys

from tests.nobody import without_coverage


def imported(*args: str) -> set[str]:
    """The top-level packages that a command line imports."""
    code = (
        "import sys; from kvsync.cli import run; run(sys.argv[1:]);"
        "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    child = subprocess.run(
        [sys.executable, "-c", code, *args],
        capture_output=True, text=True, check=True, env=without_coverage(),
    )  # fmt: skip
    return set(child.stderr.split())
