"""Two services of two accounts, and what lies between them: for tests of copy."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from kvsync.state.sqlite import State

KVSYNC = [sys.executable, "-m", "kvsync"]
_PAIRS = {"old": ("AKIDold", "secret-of-old"), "new": ("AKIDnew", "secret-of-new")}


class Sides(NamedTuple):
    """The emulator to copy from and the one to copy to: each lets in its own profile alone."""

    old: Any
    new: Any

    @staticmethod
    def serve(serve_emulator: Callable[..., Any], home: Path, **options: Any) -> "Sides":
        """Two emulators, and the profiles ``old`` and ``new`` under a home."""
        (home / ".tccli").mkdir(exist_ok=True)
        for name, (secret_id, secret_key) in _PAIRS.items():
            content = {"secretId": secret_id, "secretKey": secret_key}
            profile = home / ".tccli" / f"{name}.credential"
            profile.touch(mode=0o600)
            profile.write_text(json.dumps(content))
        old = serve_emulator(credential=_PAIRS["old"], **options)
        return Sides(old, serve_emulator(credential=_PAIRS["new"]))

    @property
    def command(self) -> list[str]:
        """What copies the one's ``ns`` to the other's, as fast as it can."""
        return [
            "copy", "--zone", "zone-1", "--rate", "100000",
            "--from-namespace", "ns", "--from-endpoint", self.old.url, "--from-profile", "old",
            "--to-namespace", "ns", "--to-endpoint", self.new.url, "--to-profile", "new",
        ]  # fmt: skip

    @property
    def source(self) -> dict[str, tuple[str, int]]:
        """What the one holds: value and expiry."""
        return self.old.pairs("zone-1", "ns")

    @property
    def target(self) -> dict[str, tuple[str, int]]:
        """What the other holds."""
        return self.new.pairs("zone-1", "ns")

    def fill(self, count: int, value: str = "v") -> None:
        """Give the one so many pairs."""
        for n in range(count):
            self.old.put("zone-1", "ns", f"k{n}", f"{value}{n}")

    def start(self, *options: str) -> "subprocess.Popen[str]":
        """Copy in a process of its own."""
        pipe = subprocess.PIPE
        command = [*KVSYNC, *self.command, *options]
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def rows(path: str = ".kvsync/state.db") -> dict[str, Any]:
    """What the state knows of its one target."""
    with State.read(os.path.realpath(path)) as state:
        (target,) = state.targets()
        return state.rows(target)
