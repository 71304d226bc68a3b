"""A namespace that wrangler makes on this machine, and the dump of it that our guide tells to make.

Nothing leaves the machine: wrangler's local mode keeps namespaces in a folder.
"""

import json
import subprocess
import time
from base64 import b64encode
from pathlib import Path
from typing import Any, NamedTuple

from tests.real.tools import environment, tool

COUNT = 120
"""More than one request of the script takes."""
# Far more than any of the commands takes.
_SECONDS = 120
_HARD_TEXTS = (
    "plain",
    "émoji 🎉 👩‍👩‍👧 漢字",
    '"quoted" and \\backslashed\\ \\u0041',
    "lines\nand\r\nmore\n",
    "control \x00\x01\x1f\x7f, separators \u2028\u2029, a byte order mark \ufeff",
    '{"json": [1, 2.50, null], "as": "text"}',
    "1e3",
    " spaces around ",
)


class Stored(NamedTuple):
    """What a namespace holds of a key; ``expires`` in Unix seconds, 0 for never."""

    value: bytes
    metadata: Any = None
    expires: int = 0


class WranglerDump(NamedTuple):
    """A dump, and what must be in it.

    ``keys`` is what ``kv key list`` wrote (names, expirations, metadata), ``values`` what
    ``kv bulk get`` wrote, ``joined`` both in the form that ``kv bulk put`` takes.
    """

    keys: Path
    values: Path
    joined: Path
    expected: dict[str, Stored]


def dump_namespace(folder: Path, script: str) -> WranglerDump:
    """Fill a namespace, and dump it by a script that is given its id; takes 15 s of CPU.

    wrangler takes 2 s to start: all tests share what one script makes.
    """
    program = tool("wrangler")
    tool("jq")
    expected = _pairs(int(time.time()))
    _write(folder / "filled.json", expected)
    place = ["--namespace-id", "ns", "--local", "--persist-to", "state"]
    _run(folder, [program, "kv", "bulk", "put", "filled.json", *place], folder / "put.log")
    (folder / "dump.sh").write_text(script.replace("--remote", "--local --persist-to state"))
    _run(folder, [tool("bash"), "dump.sh", "ns"], folder / "dump.log")
    names = ("keys.json", "values.json", "dump.json")
    return WranglerDump(*(folder / name for name in names), expected)


def _pairs(now: int) -> dict[str, Stored]:
    pairs = {}
    for number in range(COUNT):
        # JavaScript puts keys that look like numbers before all others.
        key = str(number) if number % 50 == 0 else f"key-{number:04}"
        text = f"{number} {_HARD_TEXTS[number % len(_HARD_TEXTS)]}"
        metadata = None if number % 10 == 9 else {"n": number, "tags": ["ü", None], "at": {"x": 1}}
        expires = now + 30 * 86400 + number if number % 3 == 0 else 0
        pairs[key] = Stored(text.encode(), metadata, expires)
    pairs["large"] = Stored(b"0123456789abcdef" * 16384)
    pairs["logo"] = Stored(b"\x89PNG\r\n\x1a\n")
    pairs["sign"] = Stored("\ufffd".encode())
    return pairs


def _write(path: Path, pairs: dict[str, Stored]) -> None:
    """Write the file that ``kv bulk put`` takes."""
    items = []
    for key, stored in pairs.items():
        item: dict[str, Any] = {"key": key}
        try:
            item["value"] = stored.value.decode()
        except UnicodeDecodeError:
            item |= {"value": b64encode(stored.value).decode(), "base64": True}
        if stored.metadata is not None:
            item["metadata"] = stored.metadata
        if stored.expires:
            item["expiration"] = stored.expires
        items.append(item)
    path.write_text(json.dumps(items))


def _run(folder: Path, command: list[str], output: Path) -> None:
    """Run a command in a folder, its standard output into a file. Fails with its other words."""
    with output.open("wb") as file:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.PIPE,
            timeout=_SECONDS,
            check=False,
        )
    assert done.returncode == 0, f"{command}: {done.stderr.decode()}{output.read_text()}"
