"""Another store's dump as a source: a file, or what comes through a pipe."""

import os
import shutil
import sys
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import BinaryIO

from kvsync.dumps import reader
from kvsync.dumps.failures import FailureHeader, read_header
from kvsync.dumps.losses import Losses
from kvsync.errors import InputError, Mistake, OutputError, UsageError
from kvsync.model import Destination, Entry, Loaded, Recall
from kvsync.sources.dumped import DumpFile, DumpReader, Filling
from kvsync.sources.dumpoptions import rules_of
from kvsync.sources.files import Clock, os_fault
from kvsync.sources.mistakes import Mistakes
from kvsync.sources.options import SourceOptions, ttl_of
from kvsync.sources.scratch import Scratch
from kvsync.units import printable

__all__ = ["STDIN", "DumpSource"]

STDIN = "-"


class DumpSource:
    """A dump (`kvsync.source.Source`) in the format that the options say.

    Raises `InputError` for what cannot be read, `UsageError` for options that make no sense.
    """

    def __init__(self, path: str, options: SourceOptions, clock: Clock) -> None:
        expiry, self.warnings = ttl_of(options)
        self.label = path
        self.location = os.path.abspath(path)
        self.charset = options.charset or "strict"
        rules = rules_of(options.loss_rules, self.charset, options.prefix or "", expiry)
        try:
            spooled = not os.path.isfile(path)
            opened: Callable[[], BinaryIO]
            opened = _spooled(path) if spooled else partial(_open, path)
            header = _header(opened()) if options.dump.form == "jsonl" else None
        except OSError as error:
            raise InputError([Mistake(os_fault(error), printable(path))]) from None
        self.owner = options.name or (header.owner if header else "")
        if spooled and not self.owner:
            raise UsageError(
                f"{printable(path)} is no file: say with --name NAME whose keys these are"
            )
        self.home = os.getcwd() if spooled else _home(os.path.dirname(self.location), header)
        self.complete = header is None
        self.destination = _destination(header, path)
        file = DumpFile(opened, reader(options.dump.form), options.dump.layout)
        self._reader = DumpReader(file, path, rules, clock)
        self._scratch = Scratch()

    @property
    def losses(self) -> Losses:
        """What its pairs have that EdgeKV cannot hold."""
        return self._scratch.losses

    def entries(self, recall: Recall) -> Sequence[Entry]:  # noqa: ARG002 - a dump is read whole
        """All pairs, in the dump's order. Raises `InputError` with every mistake found."""
        mistakes = Mistakes(self.label)
        self._scratch = scratch = Scratch()
        try:
            with scratch.filling():
                self._reader.fill(Filling(scratch, mistakes, lambda *_: ""))
        except OSError as error:
            mistakes.about(self.label, os_fault(error))
        mistakes.raise_all()
        return scratch

    def values(self, wanted: Iterable[Entry]) -> Iterator[Loaded]:
        """The values of these entries, each read when it is asked for."""
        return self._reader.values(wanted)


class _Spool:
    """What came through a pipe, in a file that has no name and that nobody else can open."""

    def __init__(self, source: BinaryIO) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the source lives
        weakref.finalize(self, self._file.close)
        try:
            shutil.copyfileobj(source, self._file, 1 << 20)
            self._file.flush()
        except OSError as error:
            raise OutputError(f"cannot keep what was piped in: {error.strerror}") from error

    def __call__(self) -> BinaryIO:
        """It, from its beginning."""
        file = open(os.dup(self._file.fileno()), "rb")  # noqa: SIM115 - the caller closes it
        file.seek(0)
        return file


def _open(path: str) -> BinaryIO:
    return open(path, "rb")


def _spooled(path: str) -> _Spool:
    if path == STDIN:
        return _Spool(sys.stdin.buffer)
    with open(path, "rb") as pipe:
        return _Spool(pipe)


def _header(file: BinaryIO) -> FailureHeader | None:
    with file:
        return read_header(file.readline(1 << 16))


def _home(folder: str, header: FailureHeader | None) -> str:
    """Where the state lies: pairs that failed go on where they failed, wherever the file lies."""
    return header.home if header and os.path.isdir(header.home) else folder


def _destination(header: FailureHeader | None, path: str) -> Destination:
    if header is None:
        return Destination()
    return Destination(header.zone, header.namespace, printable(path), printable(path))
