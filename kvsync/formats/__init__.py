"""Files of other stores' tools, both ways: a module a format, with its record `FORMAT`.

A new format is a module here, and its name in `FILES`, and in `WRITTEN` if it is written, too: the
command line, the manifest's schema, the guessing, `kvsync export` and `kvsync convert` take it from
there. Names and endings are all that start-up needs, so they stand here; the rest is loaded when
its turn comes. What EdgeKV cannot hold of a record is decided elsewhere: a reader loses nothing.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from kvsync.formats.record import Layout, Read

if TYPE_CHECKING:
    from kvsync.formats.format import Format

__all__ = [
    "FILES",
    "FORMATS",
    "MANIFEST",
    "MANIFEST_ENDINGS",
    "WRITTEN",
    "all_formats",
    "endings_of",
    "format_of",
    "guess_format",
    "name_stranger",
    "parse_delimiter",
    "reader",
]

FILES: Mapping[str, tuple[str, ...]] = {
    "jsonl": (".jsonl", ".ndjson"),
    "csv": (".csv",),
    "tsv": (".tsv",),
    "cloudflare": (),
    "fastly": (".jsonl", ".ndjson"),
    "akamai": (".csv",),
    "consul": (),
    "dotenv": (),
}
"""Formats of dumps, and the endings that tell of their names; the first is the usual one."""

MANIFEST = "manifest"
"""The format of a manifest, by any file name: it is a source of its own, no dump."""

MANIFEST_ENDINGS = (".yaml", ".yml")

WRITTEN: tuple[str, ...] = ("jsonl", MANIFEST, "cloudflare", "csv")
"""Formats of what `kvsync export` and `kvsync convert` write, each with a writer."""

FORMATS: tuple[str, ...] = (*FILES, "redis")
"""All that is read but manifests and directories; a live server is no file."""

_NO_LAYOUT = Layout()


def format_of(name: str) -> "Format":
    """Return the record of one of `FORMATS` or `WRITTEN`."""
    found: Format = import_module(f"kvsync.formats.{name}").FORMAT
    return found


def endings_of(name: str) -> tuple[str, ...]:
    """Return the endings of the names of this format's files."""
    return MANIFEST_ENDINGS if name == MANIFEST else FILES.get(name, ())


def all_formats() -> "list[Format]":
    """Return the records of `FORMATS`, in that order."""
    return [format_of(name) for name in FORMATS]


def reader(name: str) -> Read:
    """Return the reader of this format. Raises `ValueError` for one that is not read from a
    file.
    """
    read = format_of(name).read if name in FILES else None
    if read is None:
        raise ValueError(f"not read from a file: {name}")
    return read


def guess_format(name: str, head: bytes, layout: Layout = _NO_LAYOUT) -> tuple[str, str] | None:
    """Return the format and what tells it (``its name``, ``its content``), or None if nothing does.

    Nothing is said to tell it where it is certain. ``head`` is the beginning of the file, which may
    be cut off anywhere. Nothing is guessed that may as well be something else. ``layout`` has the
    columns that a table must have.
    """
    from kvsync.formats.guess import guess_format as guess

    return guess(name, head, layout)


def name_stranger(head: bytes) -> str:
    """Return what a file is that begins so, if it is JSON that is nearly a dump, and how to make
    one.
    """
    from kvsync.formats.guess import name_stranger as name

    return name(head)


def parse_delimiter(text: str) -> str:
    """Return the delimiter of a table that someone has written.

    Raises `ValueError`, with the words to show.
    """
    if text in {"tab", "\\t"}:
        return "\t"
    if len(text) != 1 or text in '"\r\n\0':
        raise ValueError('must be one character, or tab; no quote ("), and no line end')
    return text
