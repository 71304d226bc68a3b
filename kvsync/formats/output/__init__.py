"""Where an export is written: a directory, a file, or stdout; and files that are written anew."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Protocol

from kvsync.formats import WRITTEN, endings_of, format_of
from kvsync.formats.folder_index import Origin
from kvsync.model.errors import UsageError
from kvsync.model.text import printable
from kvsync.model.values import Destination, Pair

if TYPE_CHECKING:
    from kvsync.formats.format import Codec
    from kvsync.formats.output.stdout import Stream

__all__ = [
    "FORMATS",
    "STDOUT",
    "Origin",
    "Output",
    "guess_format",
    "open_new",
    "open_output",
    "refuse_taken",
    "usual_endings",
]

FORMATS = ("dir", *WRITTEN)
STDOUT = "-"

_CONVERT_LESS = "convert with --to jsonl, or less"


class Output(Protocol):
    """Where pairs are kept. Its methods block, and are called from one thread at a time."""

    def has(self, key: str) -> bool:
        """Return whether the pair was exported before, and need not be fetched again."""

    def write(self, pairs: Sequence[Pair]) -> int:
        """Keep these pairs, each with a value; returns how many were new or changed.

        Raises `OutputError`, and `UsageError` for more than the format can have.
        """

    def finish(self) -> int:
        """Return all pairs have been written: make the export complete.

        Returns how many pairs were dropped, since they are no longer in the namespace; only a
        refresh knows of those. Raises `OutputError`.
        """


def guess_format(out: str, option: str = "--format") -> str:
    """Return the format that the name of an export's place speaks of.

    Raises `UsageError`, naming the option that says it, for a name that speaks of several.
    """
    if out == STDOUT:
        return "jsonl"
    if out.endswith(".json"):
        raise UsageError(
            f"{printable(out)} may be anything in JSON: give {option} cloudflare for wrangler's"
            f" array, or {option} jsonl for an object a line"
        )
    return next((form for form in WRITTEN if out.endswith(endings_of(form))), "dir")


def usual_endings() -> str:
    """Return the endings by which `guess_format` knows a file's format, as a help page lists
    them.
    """
    return ", ".join(endings[0] for endings in map(endings_of, WRITTEN) if endings)


def open_output(
    out: str,
    format: str,  # noqa: A002 - the name of the option
    origin: Origin,
    *,
    refresh: bool = False,
) -> AbstractContextManager[Output]:
    """Return the output ``out`` (``-`` is stdout), to be entered; ``format`` is one of `FORMATS`.

    What an earlier run left is taken up; ``refresh`` compares it with what is written now. Left
    without `Output.finish`, it keeps what it has for a later run.

    Raises `UsageError` for a format that is none or cannot go there; entered, also for a place
    that holds something else, `LockedError` for one that another run writes, `InputError` for an
    index that kvsync did not write, and `OutputError`.
    """
    if format not in FORMATS:
        raise UsageError(f"--format must be {' or '.join(FORMATS)}")
    if format == "dir":
        if out == STDOUT:
            raise UsageError(
                f"a directory cannot go to stdout: give --format {' or '.join(WRITTEN)}"
            )
        from kvsync.formats.output.folder import open_folder

        return open_folder(out, origin, refresh=refresh)
    from kvsync.formats.output.onefile import open_file
    from kvsync.formats.output.stdout import open_stdout

    codec = _codec(format, Destination(origin.zone, origin.namespace))
    return (
        open_stdout(codec)
        if out == STDOUT
        else open_file(out, codec, origin.prefix, refresh=refresh)
    )


def refuse_taken(out: str, *, force: bool) -> None:
    """Raise `UsageError` if ``out`` is no place for a new file.

    That is anything but a file, and a file, unless ``force`` allows to replace it.
    """
    if out != STDOUT:
        from kvsync.formats.output.files import refuse_taken

        refuse_taken(out, force=force)


@contextmanager
def open_new(
    out: str,
    format: str,  # noqa: A002 - the name of the option
    destination: Destination,
    *,
    force: bool = False,
) -> Iterator["Stream"]:
    """Yield what writes one of `WRITTEN` to ``out`` (``-`` is stdout), from its beginning.

    A manifest names the destination, as far as that is known. A file has its name, and is whole,
    once the block has been left; if it is left with an error, ``out`` stays as it was.

    Raises what `refuse_taken` does, `LockedError` for a file that another run writes, and
    `OutputError`.
    """
    from kvsync.formats.output.stdout import Stream

    codec = _codec(format, destination)
    if out == STDOUT:
        from kvsync.formats.output.stdout import put_out

        stream = Stream(codec, put_out, _CONVERT_LESS)
        yield stream
        stream.end()
        return
    from kvsync.formats.output.files import open_anew

    with open_anew(out, force=force) as put:
        stream = Stream(codec, put, _CONVERT_LESS)
        yield stream
        stream.end()


def _codec(name: str, destination: Destination) -> "Codec":
    write = format_of(name).write
    if write is None:
        raise ValueError(f"not written: {name}")
    return write(destination)
