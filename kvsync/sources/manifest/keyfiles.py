"""Files that hold the value of one key each, as a manifest names them."""

import os
from hashlib import sha256

from kvsync.model.values import Entry, Loaded, Lost, Row
from kvsync.sources.files import (
    Clock,
    form_of,
    is_pointer,
    os_fault,
    read_file,
    settled,
    signature,
)
from kvsync.sources.manifest.pairs import FilePart
from kvsync.sources.mistakes import Mistakes
from kvsync.sources.tree.devices import Devices
from kvsync.sources.tree.treereader import known, load, pointer_warning


class KeyFiles:
    """Looks at such files; with ``checksum`` it reads each, whatever the state knows of it."""

    def __init__(self, clock: Clock, checksum: bool) -> None:
        self._clock = clock
        self._checksum = checksum
        self._devices = Devices()
        self._pointers: list[str] = []

    @property
    def warnings(self) -> list[str]:
        """What a person should know of those that were looked at."""
        return pointer_warning(self._pointers)

    def identify(
        self, part: FilePart, row: Row | None, mistakes: Mistakes
    ) -> tuple[bytes, int, bytes]:
        """Digest, size and signature of a file's value; one that the state knows is not read."""
        moment = self._clock()
        if row and row.signature:
            try:
                status = os.stat(part.ref.path)
            except OSError as error:
                mistakes.at(part.node, os_fault(error))
                return b"", 0, b""
            device = self._devices.of(status.st_dev, part.ref.path)
            mark = signature(status, part.ref.encoding, device)
            if known(row, mark, part.ref.encoding, self._checksum):
                self._note(part, form_of(row.signature), mistakes)
                return row.digest, row.size, row.signature if settled(status, moment) else b""
        content = read_file(*part.ref, self._clock, self._devices)
        if isinstance(content, Lost):
            mistakes.at(part.node, content.message)
            return b"", 0, b""
        self._note(part, content.form, mistakes)
        return sha256(content.value).digest(), len(content.value), content.mark

    def _note(self, part: FilePart, form: int, mistakes: Mistakes) -> None:
        if is_pointer(form):
            self._pointers.append(f"{mistakes.origin}:{part.node.line}")

    def load(self, entry: Entry, part: FilePart) -> Loaded:
        """The entry as its file is just now, and the value."""
        return load(entry, part.ref, self._clock, self._devices)
