"""Another store's dump as a source: a file, or what comes through a pipe."""

import io
import os
import sys
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, partial
from typing import Any, BinaryIO

from kvsync.formats import format_of, reader
from kvsync.formats.failure_file import (
    LINES,
    FailureHeader,
    ValuelessFailure,
    find_header,
    valueless,
)
from kvsync.formats.record import Losses
from kvsync.model.errors import InputError, Mistake, UsageError
from kvsync.model.files import absolute, open_regular
from kvsync.model.tally import NOTHING_TOLD
from kvsync.model.text import count_text, printable
from kvsync.model.values import Destination, Entry, Loaded, Recall
from kvsync.sources.dump.dumped import DumpFile, DumpReader, Filling
from kvsync.sources.dump.failure_file import destination_of, home_of, options_for, unasked
from kvsync.sources.dump.scratch import Scratch, no_room
from kvsync.sources.files import Clock, os_fault
from kvsync.sources.interface import Fingerprint
from kvsync.sources.mistakes import Mistakes
from kvsync.sources.options import SourceOptions, rules_of, ttl_of
from kvsync.sources.origins import Whereabouts
from kvsync.sources.snapshot import Evidence

STDIN = "-"
_BLOCK = 1 << 20
_CANNOT_KEEP = "cannot keep what was piped in"


class DumpSource:
    """A dump (`kvsync.sources.interface.Source`) in the format that the options say.

    Raises `InputError` for what cannot be read, `UsageError` for options that make no sense.
    """

    tally = NOTHING_TOLD
    stale = False

    def __init__(self, path: str, options: SourceOptions, clock: Clock) -> None:
        self.label = path
        self.location = absolute(path)
        try:
            self.passing = spooled = not os.path.isfile(path)
            opened: Callable[[], BinaryIO]
            opened = _spooled(path) if spooled else partial(open_regular, path)
            header = _header(opened()) if options.dump.form == LINES else None
        except OSError as error:
            raise InputError([Mistake(os_fault(error), printable(path))]) from None
        self._unasked = unasked(options) if header else frozenset()
        if header:
            options = options_for(header, options, path)
        expiry, self.warnings = ttl_of(options)
        self.charset = options.charset or "strict"
        rules = rules_of(options.loss_rules, self.charset, options.prefix or "", expiry)
        self.owner = options.name or ""
        if spooled and not self.owner:
            raise UsageError(
                f"{printable(path)} is no file: say with --name NAME whose keys these are"
            )
        self.home = os.getcwd() if spooled else os.path.dirname(self.location)
        self.complete = header is None
        self.destination = Destination()
        if header:
            self.home, told = home_of(header, self.home)
            self.warnings += told
            self.destination = destination_of(header, path)
        place = "" if spooled else self.location
        file = DumpFile(opened, reader(options.dump.form), options.dump.layout, place)
        self._opened = opened
        self._reader = DumpReader(file, path, rules, clock)
        self._replaced = format_of(options.dump.form).replaced
        self._scratch = Scratch()

    @property
    def losses(self) -> Losses:
        """Losses of its pairs."""
        return self._scratch.losses

    @property
    def fingerprint(self) -> Fingerprint | None:
        """The fingerprint of what was read; None: nothing tells if another reading finds the
        same.
        """
        evidence = Evidence()
        evidence.file(*self._reader.mark)
        return evidence.fingerprint()

    @property
    def valueless(self) -> Iterator[ValuelessFailure]:
        """Of a failure file, what a retry of it passes over. Raises `InputError`."""
        if self.complete:
            return
        try:
            with self._opened() as file:
                yield from valueless(file)
        except OSError as error:
            raise InputError([Mistake(os_fault(error), printable(self.label))]) from None

    def may_own(self, key: str, origin: str, *, dotted: bool) -> bool:  # noqa: ARG002 - no folder
        """Return whether the origin may be a line of it."""
        if self.passing:
            return origin.partition(":")[0] == printable(self.label)
        return self._whereabouts.is_origin(origin)

    @cached_property
    def _whereabouts(self) -> Whereabouts:
        return Whereabouts(self.location)

    def entries(self, recall: Recall) -> Sequence[Entry]:  # noqa: ARG002 - a dump is read whole
        """Return all pairs, in the dump's order. Raises `InputError` with every mistake found."""
        mistakes = Mistakes(self.label)
        self._scratch = scratch = Scratch()
        scratch.losses.unasked = self._unasked
        filling = Filling(scratch, mistakes, lambda *_: "")
        try:
            with scratch.filling():
                self._reader.fill(filling)
        except OSError as error:
            mistakes.about(self.label, os_fault(error))
        self.warnings += [told for _, told in filling.notes if told not in self.warnings]
        mistakes.raise_all()
        if self._replaced and filling.spoiled:
            values = count_text(filling.spoiled, "value")
            self.warnings.append(f"{values} with U+FFFD, {self._replaced}")
        return scratch

    def values(self, wanted: Iterable[Entry]) -> Iterator[Loaded]:
        """Return the values of these entries, each read when it is asked for."""
        return self._reader.values(wanted)


class _Spool:
    """The content of a pipe, in a file that has no name and that no one else can open."""

    def __init__(self, source: BinaryIO) -> None:
        try:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the source lives
        except OSError as error:
            raise no_room(_CANNOT_KEEP, error) from error
        weakref.finalize(self, self._file.close)
        while data := source.read(_BLOCK):
            self._write(data)

    def _write(self, data: bytes) -> None:
        try:
            self._file.write(data)
            self._file.flush()
        except OSError as error:
            raise no_room(_CANNOT_KEEP, error) from error

    def __call__(self) -> BinaryIO:
        """Open it at its beginning; each reader of several has a place of its own."""
        return io.BufferedReader(_Positioned(self._file.fileno()))


class _Positioned(io.RawIOBase):
    """Reads an open file from its beginning, wherever others are in it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = os.dup(descriptor)
        self._place = 0

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def readinto(self, buffer: Any) -> int:
        data = os.pread(self._descriptor, len(buffer), self._place)
        buffer[: len(data)] = data
        self._place += len(data)
        return len(data)

    def close(self) -> None:
        if not self.closed:
            os.close(self._descriptor)
        super().close()


def _spooled(path: str) -> _Spool:
    if path == STDIN:
        return _Spool(sys.stdin.buffer)
    with open(path, "rb") as pipe:
        return _Spool(pipe)


def _header(file: BinaryIO) -> FailureHeader | None:
    with file:
        return find_header(file)
