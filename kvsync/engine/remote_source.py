"""A namespace as a source: what a copy reads, listed and read whole, and again when it is sent."""

import asyncio
import hashlib
import os
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

from kvsync.edgekv.endpoint import INTL
from kvsync.engine.call import Call, Copying
from kvsync.engine.job import Job, Located
from kvsync.engine.opening import far_job
from kvsync.engine.remote_reader import Answer, RemoteReader
from kvsync.engine.session import Network, Session
from kvsync.engine.target import resolve
from kvsync.formats.record import NO_LOSSES
from kvsync.model.api import KEYS_PER_REQUEST
from kvsync.model.errors import Interrupted, KvsyncError, ServiceError, UsageError
from kvsync.model.keys import matches
from kvsync.model.owners import name_fault
from kvsync.model.tally import NOTHING_TOLD
from kvsync.model.text import count_text, printable
from kvsync.model.values import Destination, Entry, Expiry, Loaded, Lost, Pair, Recall
from kvsync.report import RunReport
from kvsync.report.progress import Interface
from kvsync.sources.dump.scratch import Scratch

_AHEAD_BYTES = 32 << 20
"""Bytes of value that are asked for ahead of their turn; one answer may always be."""


class RemoteSource:
    """The pairs of a namespace, as a `Source`; ``job`` is the one that copies them."""

    charset = "utf-8"
    destination = Destination()
    losses = NO_LOSSES
    tally = NOTHING_TOLD
    complete = True
    stale = False
    passing = False
    valueless = ()
    fingerprint = None

    def __init__(self, reader: RemoteReader, job: Job, call: Call, copying: Copying) -> None:
        self.label = job.report.source
        self.owner = copying.name or _owner(self.label, reader.job.target.endpoint)
        self.home = self.location = os.getcwd()
        self.warnings: list[str] = []
        self._reader = reader
        self._job = job
        self._prefix = copying.prefix
        self._only = call.only
        # So much that what a push has under way at a latency of two seconds does not run dry.
        self._ahead = 2 + 2 * call.settings.workers // KEYS_PER_REQUEST

    def may_own(self, key: str, origin: str, *, dotted: bool) -> bool:  # noqa: ARG002 - no folder
        """Return whether the origin is the namespace."""
        return origin == self._origin

    def entries(self, recall: Recall) -> Sequence[Entry]:  # noqa: ARG002 - nothing here stays unread
        """Return all pairs of the namespace, in its own order; their values are not kept.

        Raises what kept any of them from being read: a part would look as if the rest had gone.
        """
        scan = _Scan(self._origin, self._only)
        self.warnings = []
        with scan.entries.filling(), self._accounted():
            self._reader.scan(scan, self._prefix, self._job)
        if not scan.complete:
            raise self._reason()
        if scan.left_out and not scan.entries:
            self.warnings.append("no key of the source matches --only")
        return scan.entries

    def values(self, wanted: Iterable[Entry]) -> Iterator[Loaded]:
        """Yield the pairs as they are now, read ahead of their turn.

        It ends early once the reader was stopped. Raises what ended the reading before that.
        """
        values = self._read_ahead(wanted)
        session = self._reader.network.session
        if session.loop.is_running():
            # The caller is a thread that a push in that loop waits for.
            yield from values
            return
        while some := session.finish(asyncio.to_thread(tuple, islice(values, KEYS_PER_REQUEST))):
            yield from some

    def _read_ahead(self, wanted: Iterable[Entry]) -> Iterator[Loaded]:
        batches = _batches(wanted)
        asked: deque[_Asked] = deque()
        while self._ask(batches, asked):
            entries, _, answer = asked.popleft()
            try:
                pairs = answer.result()
            except Interrupted:
                if self._reader.error:
                    raise self._placed(self._reader.error) from None
                return
            yield from (self._loaded(entry, pairs[entry.key]) for entry in entries)

    @contextmanager
    def _accounted(self) -> Iterator[None]:
        """Add to the job's report what is asked meanwhile; it may have been read before."""
        found, report = self._reader.job.report, self._job.report
        before, retries, elapsed = Counter(found.requests), found.retries, found.elapsed
        yield
        report.count(Counter(found.requests) - before)
        report.retries += found.retries - retries
        report.elapsed += found.elapsed - elapsed

    @property
    def _origin(self) -> str:
        target = self._reader.job.target
        return f"{target.zone}/{target.namespace}"

    def _ask(self, batches: Iterator[Sequence[Entry]], asked: "deque[_Asked]") -> bool:
        """Ask for as many of the next batches as may be on their way; whether any is."""
        while not asked or (
            len(asked) < self._ahead and sum(ask.size for ask in asked) < _AHEAD_BYTES
        ):
            entries = next(batches, ())
            if not entries:
                break
            answer = self._reader.ask([entry.key for entry in entries])
            asked.append(_Asked(entries, sum(entry.size for entry in entries), answer))
        return bool(asked)

    def _loaded(self, entry: Entry, found: Pair | ServiceError) -> Loaded:
        if isinstance(found, ServiceError):
            return entry, Lost(f"it could not be read: {found.message}", found.code)
        if found.value is None:
            return entry, Lost("it has gone from the source since the plan was made")
        return _entry(found, found.value, entry.origin), found.value

    def _reason(self) -> KvsyncError:
        """Return what kept the namespace from being read whole."""
        report = self._reader.job.report
        if report.error:
            return self._placed(report.error)
        if report.unread:
            (key, error), more = report.unread[0], len(report.unread) - 1
            rest = f" and {count_text(more, 'more key')}" if more else ""
            error.args = (f"{printable(key)}{rest} could not be read: {error}",)
            return self._placed(error)
        interrupted = Interrupted()
        interrupted.exit_code = 128 + report.signal
        return interrupted

    def _placed(self, error: KvsyncError) -> KvsyncError:
        """Return the error, with words that say which of the two sides it comes from."""
        error.args = (f"reading {printable(self._origin)}: {error}",)
        return error


class _Asked(NamedTuple):
    entries: Sequence[Entry]
    size: int
    answer: "Future[Answer]"


class _Scan:
    """Keeps what pairs are known by (`kvsync.formats.output.Output`)."""

    def __init__(self, origin: str, only: Sequence[str]) -> None:
        self.entries = Scratch()
        self.complete = False
        self.left_out = False
        self._origin = origin
        self._only = only

    def has(self, key: str) -> bool:
        """Return whether the key is not wanted, and need not be read."""
        skipped = bool(self._only) and not matches(key, self._only)
        self.left_out |= skipped
        return skipped

    def write(self, pairs: Sequence[Pair]) -> int:
        """Keep digests and sizes."""
        for pair in pairs:
            if pair.value:
                self.entries.add(_entry(pair, pair.value, self._origin))
        return len(pairs)

    def finish(self) -> int:
        """Everything has been read."""
        self.complete = True
        return 0


def _owner(label: str, endpoint: str) -> str:
    """Whose keys they are: two services may have namespaces with the same name in zones, too.

    Before there was more than one to tell apart, owners said nothing of the usual one.
    """
    return f"copy:{label}" if endpoint == INTL else f"copy:{label} at {endpoint}"


def _entry(pair: Pair, value: bytes, origin: str) -> Entry:
    digest = hashlib.sha256(value).digest()
    return Entry(pair.key, digest, len(value), Expiry(at=pair.expires), origin)


def _batches(entries: Iterable[Entry]) -> Iterator[Sequence[Entry]]:
    rest = iter(entries)
    while batch := tuple(islice(rest, KEYS_PER_REQUEST)):
        yield batch


@contextmanager
def opened(call: Call, interface: Interface, copying: Copying) -> Iterator[tuple[Job, Session]]:
    """Yield the job of a copy, ``call`` says where to; and the session in which it is read.

    Raises `UsageError` if a side is not known, or if both are the same.
    """
    if fault := name_fault(copying.name):
        raise UsageError(f"--name {fault}")
    reading = far_job(replace(call, settings=copying.settings))
    target, _ = resolve(Destination(), call.settings, reading.location)
    label = reading.report.source + (f"/{copying.prefix}*" if copying.prefix else "")
    job = Job(RunReport(label, target, rate=call.settings.rate), located=Located(reading.location))
    if job.place == reading.place:
        raise UsageError(
            f"{printable(reading.report.source)} would be copied to itself: name another"
            " --to-zone, --to-namespace or --to-endpoint"
        )
    with Session(call, interface) as session:
        network = Network(replace(call, settings=copying.settings), session)
        reader = RemoteReader(network, reading)
        job.source = RemoteSource(reader, job, call, copying)
        job.stop_reading = reader.stop
        yield job, session
    job.report.count(reader.requests)
    job.report.retries += reader.retries
