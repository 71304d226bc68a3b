"""Short ways to export pairs and to read them back."""

import csv
import errno
import json
import os
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import strategies as st

from kvsync.formats.output import Origin, open_output
from kvsync.model.values import Pair
from kvsync.sources import open_source

ORIGIN = Origin("https://edge.example", "zone-1", "ns", "")

KEYS = [
    *("a", "A", "a/b", "a_b", "a.b", "../../etc/passwd", "/etc/passwd", "..", ".", "CON", "con"),
    *("-rf", "_-", "__", "\n", "a\n", " ", "\0", "\x7f", "\x85", "\u2028", "\ufeff", "\u202e"),
    *("<<", "=", "~", "yes", "1", "1e3", "null", "? a", "- a", "# a", "&a", "*a", "!a", "{a: b}"),
    *('"', "'", "\\", "%", "$$", "${HOME}", "é", "e\u0301", "\U0001f600", ".kvsync-index"),
    *("x" * 127, "x" * 128, "x" * 129, "x" * 512, "X" * 512, "é" * 512, "\U0001f600" * 512),
    *("\1" * 512, "\U0001f600" * 30, ".kvsyncignore", ".git", "Thumbs.db"),
]
VALUES = [
    *("\n", "\n\n", " ", "\t", "\0", "\x01\x1b[2J", "\r", "\r\n", "\x7f", "\x85", "\u2028\u2029"),
    *(
        "\ufeff",
        "\ufffe",
        "\U0001f600",
        "yes",
        "~",
        "${HOME}",
        "a: b # c",
        "'\"\\",
        "x\n...\n---\n",
    ),
    *('"', '"\n', 'a,b\r"c"\n', ",", "a\rb", '"' * 2**20, "\n" * 2**20, "[\n", "]\n", "},\n{"),
    *(" x ", "x\n\n", "<<", "1 MiB".ljust(2**20, "."), "\1" * 2**18, "\u2028" * 2**16),
]
HOSTILE = [
    Pair(key, VALUES[number % len(VALUES)].encode(), 2000000000 * (number % 3 == 0))
    for number, key in enumerate(KEYS)
] + [Pair(f"value-{number}", value.encode(), number) for number, value in enumerate(VALUES)]

_TEXT = st.characters(exclude_categories=["Cs"])
PAIRS = st.lists(
    st.builds(
        Pair,
        st.text(_TEXT, min_size=1, max_size=512),
        st.text(_TEXT, min_size=1).map(str.encode),
        st.one_of(st.just(0), st.integers(0, 10**12 - 1)),
    ),
    unique_by=lambda pair: pair.key,
    max_size=12,
)

NAMESPACE = [Pair("a", b"1"), Pair("B/b", "\u00e9\n".encode(), 2000000000), Pair("c" * 300, b"3")]
"""A small namespace, in which every kind of line occurs."""


def export(
    out: Path | str, kind: str, pairs: Iterable[Pair], *, refresh: bool = False
) -> tuple[int, int, int]:
    """A whole export, as a run makes it: how many were fetched, new or changed, and dropped."""
    with open_output(str(out), kind, ORIGIN, refresh=refresh) as place:
        wanted = [pair for pair in pairs if not place.has(pair.key)]
        changed = place.write(wanted[:2]) + place.write(wanted[2:])
        return len(wanted), changed, place.finish()


def start(out: Path, kind: str, pairs: Iterable[Pair], *, refresh: bool = False) -> None:
    """An export that ends before it has finished."""
    with open_output(str(out), kind, ORIGIN, refresh=refresh) as place:
        place.write([pair for pair in pairs if not place.has(pair.key)])


def read_back(out: Path) -> list[Pair]:
    """The pairs of an exported directory or manifest, by key, as kvsync would send them."""
    source = open_source(str(out), environ={})
    entries = source.entries(lambda _: None)
    assert source.charset == "utf-8"
    return sorted(
        Pair(entry.key, value, entry.expiry.at)
        for entry, value in source.values(entries)
        if isinstance(value, bytes) and not entry.expiry.ttl
    )


def json_lines(out: Path) -> list[Pair]:
    """The pairs of a file of JSON Lines, by key."""
    found = [json.loads(line) for line in out.read_bytes().split(b"\n")[:-1]]
    assert all(set(line) <= {"key", "value", "expiration"} for line in found)
    return sorted(
        Pair(line["key"], line["value"].encode(), line.get("expiration", 0)) for line in found
    )


def array(out: Path) -> list[Pair]:
    """The pairs of a JSON array as wrangler takes it, by key."""
    found = json.loads(out.read_bytes())
    assert all(set(item) <= {"key", "value", "expiration"} for item in found)
    return sorted(
        Pair(item["key"], item["value"].encode(), item.get("expiration", 0)) for item in found
    )


def rows(out: Path) -> list[list[str]]:
    """The rows of a CSV file as the csv module reads them; the first is the header."""
    limit = csv.field_size_limit(2**30)
    try:
        with out.open(encoding="utf-8", newline="") as file:
            return list(csv.reader(file, strict=True))
    finally:
        csv.field_size_limit(limit)


def table(out: Path) -> list[Pair]:
    """The pairs of a CSV file, by key; none of them has a TTL."""
    header, *found = rows(out)
    assert header == ["key", "value", "expiration", "expiration_ttl"]
    assert not any(ttl for *_, ttl in found)
    return sorted(Pair(key, value.encode(), int(at or 0)) for key, value, at, _ in found)


def contents(out: Path) -> dict[str, bytes]:
    """Every file of a directory, or the file and what is beside it."""
    folder = out if out.is_dir() else out.parent
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def mode(path: Path) -> int:
    """Who may do what with it."""
    return stat.S_IMODE(path.lstat().st_mode)


@contextmanager
def full_disk(left: int) -> Iterator[None]:
    """A disk that takes no more than so many bytes."""
    write = os.write

    def limited(descriptor: int, data: bytes) -> int:
        nonlocal left
        if not left:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = write(descriptor, data[:left])
        left -= written
        return written

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "write", limited)
        yield


def refuse(*_: object, **__: object) -> None:
    """A call that the disk does not carry out."""
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def recorded(patch: pytest.MonkeyPatch, *names: str) -> list[str]:
    """The calls of these functions of ``os`` from now on, in order."""
    calls: list[str] = []

    def recording(name: str) -> Callable[..., object]:
        call = getattr(os, name)
        return lambda *args, **options: (calls.append(name), call(*args, **options))[1]

    for name in names:
        patch.setattr(os, name, recording(name))
    return calls


@contextmanager
def room() -> Iterator[Path]:
    """A directory for one of hypothesis' examples, which share what pytest would give."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)
