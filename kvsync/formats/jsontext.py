"""A long text in JSON, or in lines, read piece by piece in memory that does not grow with it.

`json`'s C scanner tries what was read so far, and again with twice as much if an item does not end
there. It needs no package, gives whole items at ten times the speed of a parser that gives events,
and an error has a position.
"""

import json
import re
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from kvsync.formats.decoder import (
    DEEP,
    MANY,
    NOT_UTF8,
    Decoder,
    Json,
    Utf8,
    has_many_parts,
    syntax_words,
    without_mark,
)
from kvsync.formats.record import Fault
from kvsync.model.text import Position

MAX_ITEM = 2**24
"""Characters of one item: many times what EdgeKV holds in a value."""

_CHUNK = 2**18
_SPACE = re.compile(r"[ \t\r\n]*")

_COMING = 200
_UNSURE = 16
"""Characters before the end of what was read in which an error or a number may still change."""


class BrokenError(Exception):
    """The text cannot be read on from here."""

    def __init__(self, place: Position, message: str, item: int = 0) -> None:
        self.fault = Fault(place.line, message, place.column, item)
        super().__init__(message)


class Found(NamedTuple):
    """An item, and where it begins.

    ``number`` counts what stands side by side, from 1. ``fault`` says what is wrong with it, though
    it is well-formed; empty if nothing is.
    """

    place: Position
    value: Json
    fault: str = ""
    number: int = 0

    def wrong(self, message: str, key: str = "") -> Fault:
        """Return the fault of this item, whose key is its own unless another one is given."""
        line, column = self.place
        own = self.value.get("key") if isinstance(self.value, dict) else ""
        return Fault(
            line, message, column, self.number, key or (own if isinstance(own, str) else "")
        )


class JsonText:
    """A text, and a place in it. Each method raises `BrokenError` and `OSError`.

    At least ``chunk`` bytes are read at once.
    """

    def __init__(self, file: BinaryIO, chunk: int = _CHUNK) -> None:
        self._chunk = chunk
        self._source = Utf8(file)
        self._decoder = Decoder()
        self._text = ""
        self._at = self._counted = 0
        self._line = 1
        self._begun = 0
        """Where the line begins, counted from what was read so far: it may have been forgotten."""
        self._ended = False
        self.number = 0
        """The number of what is read, among what stands side by side; 0 before the first of it."""

    @property
    def place(self) -> Position:
        """Where the text was read to."""
        self._count()
        return Position(self._line, self._at - self._begun + 1)

    def fault(self, message: str) -> Fault:
        """Return that something is wrong where the text was read to."""
        return Fault(self.place.line, message, self.place.column)

    def peek(self) -> str:
        """Return the next character that is no space; the place is then there. Empty at the end."""
        while True:
            space = _SPACE.match(self._text, self._at)
            self._at = space.end() if space else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def coming(self) -> str:
        """Return the beginning of what comes next, as far as it was read; it is still to come."""
        self.peek()
        return self._text[self._at : self._at + _COMING]

    @property
    def unread(self) -> str:
        """The text behind the place, as far as it was read."""
        return self._text[self._at :]

    def skip(self, word: str) -> None:
        """Go behind this word if it is what comes next."""
        self.peek()
        while len(self._text) - self._at < len(word) and self._more():
            pass
        if self._text.startswith(word, self._at):
            self._at += len(word)

    def elements(self) -> Iterator[Found]:
        """Yield the elements of the array that begins here; then the place is behind it."""
        for number in self._parts("[", "]"):
            self.number = number
            yield self.item()

    def names(self) -> Iterator[tuple[Position, str]]:
        """Yield the members of the object that begins here, where and what; then the place is
        behind it.

        Read what a name stands for right after it, where the place is.
        """
        for number in self._parts("{", "}"):
            self.number = number
            if self.peek() != '"':
                raise self._unexpected('a name in double quotes (")')
            name = self.item()
            self._expect(":")
            yield name.place, str(name.value)

    def texts(self) -> Iterator[Found]:
        """Yield what stands here one after the other, up to the end."""
        while self.peek():
            self.number += 1
            yield self.item()

    def item(self) -> Found:
        """Return the value that begins here; then the place is behind it."""
        self.peek()
        place = self.place
        value, self._at = self._value(place)
        return Found(place, value, self._decoder.fault, self.number)

    def _parts(self, opening: str, closing: str) -> Iterator[int]:
        """Yield where each part begins, the number of the part."""
        self.peek()
        begun = self.place
        self._expect(opening)
        if self.peek() == closing:
            self._at += 1
            return
        number = 1
        yield number
        while self.peek() == ",":
            self._at += 1
            number += 1
            yield number
        if not self.peek():
            self.number = 0
            raise self._cut_off(begun)
        self._expect(closing, f", or {closing}")

    def _expect(self, character: str, shown: str = "") -> None:
        if self.peek() != character:
            raise self._unexpected(shown or character)
        self._at += 1

    def _unexpected(self, expected: str) -> BrokenError:
        if not self.peek():
            return self._cut_off(self.place)
        return self._broken(self.place, f"not JSON: expected {expected}")

    def _broken(self, place: Position, message: str) -> BrokenError:
        return BrokenError(place, message, self.number)

    def _cut_off(self, begun: Position) -> BrokenError:
        self._at = len(self._text)
        words = f"the file ends in the middle of what begins at {begun}"
        return self._broken(self.place, f"{words}: get the whole file")

    def _value(self, place: Position) -> tuple[Json, int]:
        while True:
            try:
                value, end = self._decoder.decode(self._text, self._at)
            except json.JSONDecodeError as error:
                self._look_on(error, place)
            except RecursionError:
                raise self._broken(place, DEEP) from None
            else:
                length = end - self._at
                sure = self._text[end - 1] in '"}]' or len(self._text) - end > _UNSURE
                if sure or not self._grow(place):
                    return value, self._at + length

    def _look_on(self, error: json.JSONDecodeError, place: Position) -> None:
        """Read on if that may mend the error."""
        near = len(self._text) - error.pos <= (0 if self._ended else _UNSURE)
        if not near and not error.msg.startswith("Unterminated string"):
            self._at = error.pos
            raise self._broken(self.place, syntax_words(error))
        if self._ended:
            raise self._cut_off(place)
        self._grow(place)

    def _grow(self, place: Position) -> bool:
        if len(self._text) - self._at > MAX_ITEM:
            raise self._broken(place, "more than 16 MiB: EdgeKV cannot hold that, leave it out")
        # What was read belongs to the item, which did not end in it.
        if has_many_parts(self._text[self._at :]):
            raise self._broken(place, MANY)
        return self._more()

    def _more(self) -> bool:
        """Read on, and forget what lies before the place; whether there was more."""
        self._count()
        rest = self._text[self._at :]
        # Twice as much as there is: trying an item over and over costs no more than twice its end.
        more = "" if self._ended else self._source.read(max(self._chunk, len(rest)))
        self._ended = not more
        self._text = rest + more
        self._begun -= self._at
        self._at = self._counted = 0
        if self._ended and self._source.fault:
            self._at = len(self._text)
            raise self._broken(self.place, self._source.fault)
        return bool(more)

    def _count(self) -> None:
        lines = self._text.count("\n", self._counted, self._at)
        if lines:
            self._line += lines
            self._begun = self._text.rfind("\n", self._counted, self._at) + 1
        self._counted = self._at


class Line(NamedTuple):
    """A line with its end. ``number`` counts from 1; ``fault`` says why there is no text."""

    number: int
    text: str
    fault: str = ""


def lines(file: BinaryIO) -> Iterator[Line]:
    """Yield the lines, without a byte order mark; each ends with ``\\n``, but perhaps the last."""
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
