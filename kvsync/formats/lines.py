"""A file's lines, with their numbers."""

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from kvsync.formats.jsontext import MAX_ITEM
from kvsync.formats.utf8 import NOT_UTF8, without_mark


class Line(NamedTuple):
    """A line with its end. ``number`` counts from 1; ``fault`` says why there is no text."""

    number: int
    text: str
    fault: str = ""


def lines(file: BinaryIO) -> Iterator[Line]:
    """The lines, without a byte order mark; each ends with ``\\n``, but perhaps the last."""
    number = 0
    while data := file.readline(MAX_ITEM):
        number += 1
        if number == 1:
            try:
                data = without_mark(data)
            except ValueError as error:
                yield Line(1, "", str(error))
                return
        if len(data) == MAX_ITEM and not data.endswith(b"\n"):
            yield Line(
                number, "", "a line of 16 MiB or more: EdgeKV cannot hold that, leave it out"
            )
            _skip_line(file)
            continue
        try:
            yield Line(number, data.decode())
        except UnicodeDecodeError:
            yield Line(number, "", NOT_UTF8)


def _skip_line(file: BinaryIO) -> None:
    while (data := file.readline(MAX_ITEM)) and not data.endswith(b"\n"):
        pass
