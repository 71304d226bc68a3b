"""What other stores' tools write: each format is read into records, as they stand.

What EdgeKV cannot hold of a record is decided elsewhere: a reader loses nothing. Whoever names a
format need not load what reads it.
"""

from importlib import import_module

from kvsync.formats.record import Layout, Read

__all__ = ["FORMATS", "guess_format", "name_stranger", "parse_delimiter", "reader"]

FORMATS: tuple[str, ...] = (
    "jsonl",
    "csv",
    "tsv",
    "cloudflare",
    "fastly",
    "akamai",
    "consul",
    "dotenv",
    "redis",
)

_USUAL = Layout()
_PLACES = {
    "csv": ("tables", "read_csv"),
    "tsv": ("tables", "read_tsv"),
    "jsonl": ("jsonl", "read"),
    "cloudflare": ("cloudflare", "read"),
    "fastly": ("fastly", "read"),
    "akamai": ("akamai", "read"),
    "consul": ("consul", "read"),
    "dotenv": ("dotenv", "read"),
}


def reader(form: str) -> Read:
    """What reads this format. Raises `ValueError` for one that is not read from a file."""
    if form not in _PLACES:
        raise ValueError(f"not read from a file: {form}")
    module, name = _PLACES[form]
    read: Read = getattr(import_module(f"kvsync.formats.{module}"), name)
    return read


def guess_format(name: str, head: bytes, layout: Layout = _USUAL) -> tuple[str, str] | None:
    """The format and what tells it (``its name``, ``its content``), or None if nothing does.

    Nothing is said to tell it where it is certain. ``head`` is the beginning of the file, which may
    be cut off anywhere. Nothing is guessed that may as well be something else. ``layout`` has the
    columns that a table must have.
    """
    from kvsync.formats.guess import guess_format as guess

    return guess(name, head, layout)


def name_stranger(head: bytes) -> str:
    """What a file is that begins so, if it is JSON that is nearly a dump, and how to make one."""
    from kvsync.formats.guess import name_stranger as name

    return name(head)


def parse_delimiter(text: str) -> str:
    """The delimiter of a table that somebody has written.

    Raises `ValueError`, with the words to show.
    """
    if text in {"tab", "\\t"}:
        return "\t"
    if len(text) != 1 or text in '"\r\n\0':
        raise ValueError('must be one character, or tab; no quote ("), and no line end')
    return text
