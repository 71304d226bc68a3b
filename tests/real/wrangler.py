"""A namespace that wrangler makes on this machine, and the dump of it that our guide tells to make.

Nothing leaves the machine: wrangler's local mode keeps namespaces in a folder.
"""

import json
import subprocess
import time
from pathlib import Path
from typing import Any, NamedTuple

from tests.real.tools import environment, tool

__all__ = ["COUNT", "Stored", "WranglerDump", "dump_namespace", "run_script"]

COUNT = 1000
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
# As the README has it. Values come as {"value": …} from local namespaces, bare from remote ones.
_JOIN = (
    'map({key: .name, value: ($values[0][.name] | if type == "object" then .value else . end)}'
    " + del(.name))"
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


def dump_namespace(folder: Path) -> WranglerDump:
    """Fill a namespace with some 1,000 keys, and dump it; takes 10 s, on a busy machine 30 s."""
    program, jq = tool("wrangler"), tool("jq")
    expected = _pairs(int(time.time()))
    _write(folder / "filled.json", expected)
    keys, values, joined = folder / "keys.json", folder / "values.json", folder / "dump.json"
    place = ["--namespace-id", "ns", "--local", "--persist-to", "state"]
    _run(folder, [program, "kv", "bulk", "put", "filled.json", *place], folder / "put.log")
    _run(folder, [program, "kv", "key", "list", *place], keys)
    _run(folder, [program, "kv", "bulk", "get", "keys.json", *place], values)
    _run(folder, [jq, "--slurpfile", "values", "values.json", _JOIN, "keys.json"], joined)
    return WranglerDump(keys, values, joined, expected)


def run_script(folder: Path, script: str, pairs: list[dict[str, Any]]) -> None:
    """Fill a namespace with these pairs, and run a script that is given its id; takes 10 s."""
    program = tool("wrangler")
    tool("jq")
    (folder / "filled.json").write_text(json.dumps(pairs))
    (folder / "dump.sh").write_text(script)
    place = ["--namespace-id", "ns", "--local", "--persist-to", "state"]
    _run(folder, [program, "kv", "bulk", "put", "filled.json", *place], folder / "put.log")
    _run(folder, [tool("bash"), "dump.sh", "ns"], folder / "dump.log")


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
    return pairs


def _write(path: Path, pairs: dict[str, Stored]) -> None:
    """Write the file that ``kv bulk put`` takes."""
    items = []
    for key, stored in pairs.items():
        item: dict[str, Any] = {"key": key, "value": stored.value.decode()}
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
