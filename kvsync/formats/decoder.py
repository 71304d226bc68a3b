"""UTF-8 from a binary stream, and one JSON text: decoded strictly.

`json`'s own C scanner does the work. What it lets pass is looked for here: duplicate fields, NaN,
and numbers that an int or a float would change.
"""

import codecs
import json
import re
from collections.abc import Iterator
from typing import BinaryIO, TypeAlias

import msgspec

NOT_UTF8 = "not valid UTF-8: save the file as UTF-8"
_UTF16 = "the file is UTF-16 (Windows PowerShell writes that): save it as UTF-8"


class Utf8:
    """The text of a stream, without a byte order mark.

    ``fault`` says why the text ends where it does; it is empty where the stream just ends.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.fault = ""
        self._file = file
        self._decode = codecs.getincrementaldecoder("utf-8")().decode
        self._begun = self._ended = False

    def read(self, size: int) -> str:
        """Return the next characters, made of ``size`` bytes or a few more; empty at the end."""
        text = ""
        while not text and not self._ended:
            data = b"".join(self._data(max(size, 4)))
            if not self._begun:
                data = self._beginning(data)
            self._ended = not data
            text = self._text(data)
        return text

    def _data(self, size: int) -> Iterator[bytes]:
        # A pipe gives what it has.
        while size > 0 and (data := self._file.read(size)):
            yield data
            size -= len(data)

    def _beginning(self, data: bytes) -> bytes:
        self._begun = True
        try:
            return without_mark(data)
        except ValueError as error:
            self.fault = str(error)
            return b""

    def _text(self, data: bytes) -> str:
        try:
            return self._decode(data, not data)
        except UnicodeDecodeError as error:
            self.fault = NOT_UTF8
            self._ended = True
            return error.object[: error.start].decode()


def without_mark(data: bytes) -> bytes:
    """Return the beginning of a file without the byte order mark.

    Raises `ValueError`, with the words to show, for the mark of UTF-16.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ValueError(_UTF16)
    return data.removeprefix(codecs.BOM_UTF8)


Json: TypeAlias = "str | int | bool | msgspec.Raw | list[Json] | dict[str, Json] | None"
"""Numbers that Python would not give back as they were are `msgspec.Raw`."""

DEEP = "nested too deeply: write the value as a string"
MANY = "more than 250,000 parts in one object: write the value as a string"

_MOST_PARTS = 250_000
"""Lists, objects and commas: `[],` takes twenty times as much memory as it has characters."""
_STRINGS = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\Z)', re.DOTALL)

_EXACT_DIGITS = 18


class Decoder:
    """Decodes one text after the other.

    ``fault`` says what is wrong with the last one although it is well-formed.
    """

    def __init__(self) -> None:
        self.fault = ""
        self._decode = json.JSONDecoder(
            object_pairs_hook=self._object,
            parse_constant=self._constant,
            parse_float=_raw,
            parse_int=_integer,
        ).raw_decode

    def decode(self, text: str, start: int = 0) -> tuple[Json, int]:
        """Return the value that begins here, and where it ends.

        Raises `json.JSONDecodeError` and `RecursionError`.
        """
        self.fault = ""
        return self._decode(text, start)

    def _object(self, pairs: list[tuple[str, Json]]) -> dict[str, Json]:
        fields = dict(pairs)
        if len(fields) < len(pairs):
            self.fault = "a field twice in one object: leave one of the two out"
        return fields

    def _constant(self, name: str) -> None:
        self.fault = f"{name} is not JSON: write a string, a number or null"


def has_many_parts(text: str) -> bool:
    """Return whether what Python would make of the text, or of the beginning of one, is too
    much.
    """
    if _parts(text) <= _MOST_PARTS:
        return False
    # In a string they are nothing but characters.
    return _parts(_STRINGS.sub("", text)) > _MOST_PARTS


def _parts(text: str) -> int:
    return text.count("[") + text.count("{") + text.count(",")


def syntax_words(error: json.JSONDecodeError) -> str:
    """Return what is wrong with a text, in words that repeat none of it."""
    words = error.msg.removesuffix(" at").removesuffix(" starting")
    return f"not JSON: {words[:1].lower()}{words[1:]}"


def _integer(digits: str) -> int | msgspec.Raw:
    return int(digits) if len(digits) <= _EXACT_DIGITS else _raw(digits)


def _raw(digits: str) -> msgspec.Raw:
    return msgspec.Raw(digits.encode())
