"""A long text in JSON, read piece by piece, in memory that does not grow with it.

`json`'s C scanner tries what was read so far, and again with twice as much if an item does not end
there. It needs no package, gives whole items at ten times the speed of a parser that gives events,
and an error has a position.
"""

import json
import re
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from kvsync.dumps.decoder import DEEP, MANY, Decoder, Json, has_many_parts, syntax_words
from kvsync.dumps.record import Fault
from kvsync.dumps.utf8 import Utf8

__all__ = ["MAX_ITEM", "BrokenError", "Found", "JsonText"]

MAX_ITEM = 2**24
"""Characters of one item: many times what EdgeKV holds in a value."""

_CHUNK = 2**18
_SPACE = re.compile(r"[ \t\r\n]*")

_UNSURE = 16
"""Characters before the end of what was read in which an error or a number may still change."""


class BrokenError(Exception):
    """The text cannot be read on from here."""

    def __init__(self, line: int, message: str) -> None:
        self.fault = Fault(line, message)
        super().__init__(message)


class Found(NamedTuple):
    """An item: ``line`` is where it begins, from 1.

    ``fault`` says what is wrong with it, though it is well-formed; empty if nothing is.
    """

    line: int
    value: Json
    fault: str = ""


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
        self._ended = False

    @property
    def line(self) -> int:
        """The line of the place, from 1."""
        self._count()
        return self._line

    def peek(self) -> str:
        """The next character that is no space; the place is then there. Empty at the end."""
        while True:
            space = _SPACE.match(self._text, self._at)
            self._at = space.end() if space else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def skip(self, word: str) -> None:
        """Go behind this word if it is what comes next."""
        self.peek()
        while len(self._text) - self._at < len(word) and self._more():
            pass
        if self._text.startswith(word, self._at):
            self._at += len(word)

    def elements(self) -> Iterator[Found]:
        """The elements of the array that begins here; then the place is behind it."""
        for _ in self._parts("[", "]"):
            yield self.item()

    def names(self) -> Iterator[tuple[int, str]]:
        """The members of the object that begins here: line and name; then the place is behind it.

        Whoever takes a name must then read what it names, where the place is.
        """
        for _ in self._parts("{", "}"):
            if self.peek() != '"':
                raise self._unexpected('a name in double quotes (")')
            name = self.item()
            self._expect(":")
            yield name.line, str(name.value)

    def texts(self) -> Iterator[Found]:
        """What stands here one after the other, up to the end."""
        while self.peek():
            yield self.item()

    def item(self) -> Found:
        """The value that begins here; then the place is behind it."""
        self.peek()
        line = self.line
        value, self._at = self._value(line)
        return Found(line, value, self._decoder.fault)

    def _parts(self, opening: str, closing: str) -> Iterator[None]:
        self._expect(opening)
        begun = self.line
        if self.peek() == closing:
            self._at += 1
            return
        yield
        while self.peek() == ",":
            self._at += 1
            yield
        if not self.peek():
            raise self._cut_off(begun)
        self._expect(closing, f", or {closing}")

    def _expect(self, character: str, shown: str = "") -> None:
        if self.peek() != character:
            raise self._unexpected(shown or character)
        self._at += 1

    def _unexpected(self, expected: str) -> BrokenError:
        if not self.peek():
            return self._cut_off(self.line)
        return BrokenError(self.line, f"not JSON: expected {expected}")

    def _cut_off(self, begun: int) -> BrokenError:
        self._at = len(self._text)
        words = f"the file ends in the middle of what begins at line {begun}"
        return BrokenError(self.line, f"{words}: get the whole file")

    def _value(self, line: int) -> tuple[Json, int]:
        while True:
            try:
                value, end = self._decoder.decode(self._text, self._at)
            except json.JSONDecodeError as error:
                self._look_on(error, line)
            except RecursionError:
                raise BrokenError(line, DEEP) from None
            else:
                length = end - self._at
                sure = self._text[end - 1] in '"}]' or len(self._text) - end > _UNSURE
                if sure or not self._grow(line):
                    return value, self._at + length

    def _look_on(self, error: json.JSONDecodeError, line: int) -> None:
        """Read on if that may mend the error."""
        near = len(self._text) - error.pos <= (0 if self._ended else _UNSURE)
        if not near and not error.msg.startswith("Unterminated string"):
            self._at = error.pos
            raise BrokenError(self.line, syntax_words(error))
        if self._ended:
            raise self._cut_off(line)
        self._grow(line)

    def _grow(self, line: int) -> bool:
        if len(self._text) - self._at > MAX_ITEM:
            raise BrokenError(line, "more than 16 MiB: EdgeKV cannot hold that, leave it out")
        # What was read belongs to the item, which did not end in it.
        if has_many_parts(self._text[self._at :]):
            raise BrokenError(line, MANY)
        return self._more()

    def _more(self) -> bool:
        """Read on, and forget what lies before the place; whether there was more."""
        self._count()
        rest = self._text[self._at :]
        # Twice as much as there is: trying an item over and over costs no more than twice its end.
        more = "" if self._ended else self._source.read(max(self._chunk, len(rest)))
        self._ended = not more
        self._text = rest + more
        self._at = self._counted = 0
        if self._ended and self._source.fault:
            self._at = len(self._text)
            raise BrokenError(self.line, self._source.fault)
        return bool(more)

    def _count(self) -> None:
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
