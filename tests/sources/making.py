"""Short ways to make a source and to ask it."""

import time
from collections.abc import Mapping
from pathlib import Path

from kvsync.model.errors import InputError
from kvsync.model.values import Entry, Recall, Row, nothing_known
from kvsync.sources import SourceOptions, open_source
from kvsync.sources.interface import Source

HEAD = "version: 1\n"
SECRET = "hunter2-s3cr3t"
DEEP = "nested more than 64 levels deep: make it flatter"
LONE = "a lone $: write $$ for the sign, ${NAME} or ${NAME:-default} otherwise"
STRICT = (
    "has other characters than letters, digits, - and _: "
    "change it, or allow every character, as the service does since mid-2026, with charset: utf-8"
    " (or --charset utf-8)"
)


def nothing(_: str) -> Row | None:
    """A state that knows no key."""
    return None


def manifest(
    directory: Path,
    text: str,
    environ: Mapping[str, str] | None = None,
    options: SourceOptions | None = None,
    clock: float = 0,
) -> Source:
    """A manifest named m.yaml, opened; its directory is where the process stands."""
    path = directory / "m.yaml"
    path.write_text(text)
    now = (lambda: clock) if clock else time.time
    return open_source(str(path), options or SourceOptions(), environ=environ or {}, clock=now)


def mistakes(source: Source) -> list[str]:
    """The messages that a person would read, without the directory of the test."""
    found = _mistakes(source, nothing)
    # Files are then not looked at before they are read: that must make no difference.
    assert _mistakes(source, nothing_known) == found
    return found


def _mistakes(source: Source, recall: Recall) -> list[str]:
    try:
        source.entries(recall)
    except InputError as error:
        cut = f"{source.home}/"
        return [str(mistake).replace(cut, "") for mistake in error.mistakes]
    return []


def faults(directory: Path, text: str, environ: Mapping[str, str] | None = None) -> list[str]:
    """What is wrong with a manifest, whether found when it is opened or when it is read."""
    try:
        source = manifest(directory, text, environ)
    except InputError as error:
        return [str(mistake).replace(f"{directory}/", "") for mistake in error.mistakes]
    return mistakes(source)


def pairs(source: Source) -> dict[str, str]:
    """All keys and values."""
    entries = list(source.entries(nothing_known))
    assert list(source.entries(nothing)) == entries
    loaded = list(source.values(entries))
    assert [entry for entry, _ in loaded] == entries
    return {entry.key: value.decode() for entry, value in loaded if isinstance(value, bytes)}


def values_of(source: Source, entries: list[Entry]) -> list[tuple[Entry, object]]:
    """What the source loads for these entries."""
    return list(source.values(entries))


def row_of(entry: Entry, **changes: object) -> Row:
    """The state's row after this entry was pushed."""
    row = Row(
        key=entry.key,
        digest=entry.digest,
        size=entry.size,
        expiry=entry.expiry,
        runs_out=0,
        acknowledged=1,
        request_id="r",
        owner="o",
        origin=entry.origin,
        in_doubt=False,
        signature=entry.signature,
    )
    return row._replace(**changes)  # type: ignore[arg-type]
