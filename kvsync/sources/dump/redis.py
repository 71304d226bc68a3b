"""A live Redis server as a source."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from kvsync.formats.policies import Rules, settle
from kvsync.formats.record import SKIP, Loss, Losses, Record
from kvsync.formats.redis import RedisDump
from kvsync.model.tally import NOTHING_TOLD
from kvsync.model.text import printable
from kvsync.model.values import Destination, Entry, Loaded, Lost, Recall
from kvsync.sources.dump.dumped import Filling
from kvsync.sources.dump.scratch import Scratch
from kvsync.sources.files import Clock
from kvsync.sources.mistakes import Mistakes
from kvsync.sources.options import SourceOptions, rules_of, ttl_of

_AT_ONCE = 64


class RedisSource:
    """One database of a server (`kvsync.sources.interface.Source`).

    Raises `UsageError` for a wrong address, options that make no sense, or a missing package.
    """

    tally = NOTHING_TOLD
    complete = True
    stale = False
    passing = False
    valueless = ()
    fingerprint = None
    destination = Destination()

    def __init__(
        self, url: str, options: SourceOptions, environ: Mapping[str, str], clock: Clock
    ) -> None:
        expiry, self.warnings = ttl_of(options)
        self.charset = options.charset or "strict"
        # Keys of a living server run out all the time: that must not end a run.
        dump = replace(options.loss_rules, ways={Loss.EXPIRED: SKIP, **options.loss_rules.ways})
        self._rules = rules_of(dump, self.charset, options.prefix or "", expiry)
        self._dump = RedisDump(url, environ)
        self.label = str(self._dump.address)
        self.owner = options.name or self.label
        self.home = self.location = os.getcwd()
        self._clock = clock
        self._scratch = Scratch()
        self._names: dict[str, str] = {}
        """What the server calls keys that are sent under another name."""

    @property
    def losses(self) -> Losses:
        """Losses of its pairs."""
        return self._scratch.losses

    def may_own(self, key: str, origin: str, *, dotted: bool) -> bool:  # noqa: ARG002 - no folder
        """Return whether the origin is the server."""
        return origin == printable(self.label)

    def entries(self, recall: Recall) -> Sequence[Entry]:  # noqa: ARG002 - nothing here stays unread
        """Return all strings, in the server's own order. Raises `InputError` and `UsageError`."""
        mistakes = Mistakes(self.label)
        self._scratch = scratch = Scratch()
        self._names.clear()
        with scratch.filling():
            filling = Filling(scratch, mistakes, lambda *_: "")
            now = self._clock()
            filling.fill(self._items(now), self.label, self._rules, now)
        mistakes.raise_all()
        return scratch

    def _items(self, now: float) -> Iterator[Record]:
        # Who asks for values connects anew: it may be long until then, or never.
        with self._dump:
            for item in self._dump.records():
                settled = settle(item, self._rules, now)
                # What is left out leaves its key to others.
                sent = settled.value is not None and not settled.outdated
                if sent and settled.key != item.key:
                    self._names[settled.key] = item.key
                yield item

    def values(self, wanted: Iterable[Entry]) -> Iterator[Loaded]:
        """Yield the values of these entries, read some at a time when the first of them is asked
        for.
        """
        waiting = iter(wanted)
        with self._dump:
            while entries := list(islice(waiting, _AT_ONCE)):
                names = [self._names.get(entry.key, entry.key) for entry in entries]
                for entry, (name, value) in zip(entries, self._dump.values(names), strict=True):
                    yield _loaded(entry, Record(name, value, 0), self._rules)


def _loaded(entry: Entry, record: Record, rules: Rules) -> Loaded:
    value = settle(record, rules, 0).value
    if record.value is None or value is None:
        return entry, Lost("it has gone since the plan was made, or has become what cannot be sent")
    return entry._replace(digest=hashlib.sha256(value).digest(), size=len(value)), value
