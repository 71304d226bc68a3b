"""UTF-8 from a binary stream, piece by piece, up to the first byte that is none."""

import codecs
from collections.abc import Iterator
from typing import BinaryIO

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
        """The next characters, made of ``size`` bytes or a few more; empty at the end."""
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
    """The beginning of a file without the byte order mark.

    Raises `ValueError`, with the words to show, for the mark of UTF-16.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ValueError(_UTF16)
    return data.removeprefix(codecs.BOM_UTF8)
