"""A directory tree that was named on the command line, as a source: each file is a pair."""

from collections.abc import Iterable, Iterator, Sequence

from kvsync.formats.losses import NO_LOSSES
from kvsync.model.entries import Sparing
from kvsync.model.tally import Tally, Tallying
from kvsync.model.values import Destination, Entry, Loaded, Recall
from kvsync.sources.evidence import Evidence
from kvsync.sources.files import Clock
from kvsync.sources.fingerprint import Fingerprint
from kvsync.sources.mistakes import Mistakes
from kvsync.sources.options import SourceOptions, tree_from_options
from kvsync.sources.tree.treereader import Claims, TreeReader


class TreeSource:
    """A directory (`kvsync.sources.interface.Source`)."""

    losses = NO_LOSSES
    complete = True
    stale = False
    passing = False
    left_over = ()

    def __init__(self, path: str, options: SourceOptions, clock: Clock) -> None:
        tree, self._warnings = tree_from_options(path, options)
        self.label = path
        self.owner = options.name or ""
        self.location = tree.root
        self.home = tree.root
        self.destination = Destination()
        self.charset = tree.charset
        self._reader = TreeReader(tree, options, clock)
        self._tallying = Tallying()

    @property
    def warnings(self) -> list[str]:
        """What a person should know; complete once `entries` has been called."""
        return [*self._warnings, *self._reader.warnings]

    @property
    def tally(self) -> Tally:
        """What is left out, and how files are stored that decide it themselves."""
        return self._tallying.tally

    @property
    def fingerprint(self) -> Fingerprint | None:
        """What tells whether another reading would find the same; None: nothing does."""
        evidence = Evidence()
        evidence.tree(self._reader.tree.root, self._reader.observed)
        return evidence.fingerprint()

    def may_own(self, key: str, origin: str, *, dotted: bool) -> bool:
        """Whether a file of the tree may have made the origin."""
        return self._reader.may_own(key, origin, dotted=dotted)

    def entries(self, recall: Recall) -> Sequence[Entry]:
        """All files as pairs, by path. Raises `InputError` with every mistake found."""
        mistakes = Mistakes(self.label)
        self._tallying = Tallying()
        entries = self._reader.entries(recall, Claims(), mistakes, self._tallying)
        mistakes.raise_all()
        return Sparing(entries, self._reader.spared) if self._reader.spared else entries

    def values(self, wanted: Iterable[Entry]) -> Iterator[Loaded]:
        """The values of these entries, by path, each read when it is asked for."""
        return self._reader.values({entry.key: entry for entry in wanted})
