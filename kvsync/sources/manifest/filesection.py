"""``files:``: the dumps of a manifest, behind its keys and trees."""

from bisect import bisect
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, groupby
from typing import TYPE_CHECKING

from kvsync.formats.losses import NO_LOSSES, Loss, Losses
from kvsync.model.entries import left_out_of
from kvsync.model.values import Entry, Loaded
from kvsync.sources.dump.dumped import DumpReader, Filling
from kvsync.sources.files import Clock, os_fault
from kvsync.sources.manifest.filefields import FIELD_OF, read_file_entry
from kvsync.sources.manifest.nodes import Node
from kvsync.sources.manifest.nodes import Sequence as SequenceNode
from kvsync.sources.manifest.treefields import TreeContext
from kvsync.sources.tree.treereader import Claims

if TYPE_CHECKING:
    from kvsync.sources.dump.scratch import Scratch


class FileSection:
    """The dumps that one manifest names; without any, it is as if it were not there."""

    def __init__(self) -> None:
        self._readers: list[DumpReader] = []
        self._starts: list[int] = []
        """The number of the first entry of each dump."""
        self._scratch: Scratch | None = None
        self.warnings: list[str] = []
        """What a person should know of the dumps; complete once `entries` was called."""

    @property
    def losses(self) -> Losses:
        """What the dumps' pairs have that EdgeKV cannot hold."""
        return self._scratch.losses if self._scratch else NO_LOSSES

    @property
    def marks(self) -> list[tuple[str, bytes]]:
        """Each dump's path, and its signature when it was read."""
        return [reader.mark for reader in self._readers]

    @property
    def shown(self) -> list[str]:
        """Each dump's path as the manifest's user would write it."""
        return [reader.shown for reader in self._readers]

    def read(self, node: Node, context: TreeContext, clock: Clock) -> None:
        """Take the dumps that the node names."""
        if not isinstance(node, SequenceNode):
            context.mistakes.at(node, "files must be a list (- path: …)")
            return
        readers = (read_file_entry(item, context, clock) for item in node.items)
        self._readers = [reader for reader in readers if reader]

    def entries(
        self, before: Sequence[Entry], context: TreeContext, claims: Claims
    ) -> Sequence[Entry]:
        """The entries ``before``, and behind them those of the dumps."""
        if not self._readers:
            return before
        from kvsync.sources.dump.scratch import Scratch

        self._scratch = scratch = Scratch()
        self._starts.clear()
        filling = Filling(scratch, context.mistakes, claims.claim, _field)
        with scratch.filling():
            for entry in before:
                scratch.add(entry)
            scratch.spare(left_out_of(before))
            for reader in self._readers:
                self._starts.append(len(scratch))
                try:
                    reader.fill(filling)
                except OSError as error:
                    context.mistakes.about(reader.shown, os_fault(error))
        self.warnings = [f"{shown}: {told}" for shown, told in filling.notes]
        return scratch

    def split(self, wanted: Iterable[Entry]) -> tuple[Iterable[Entry], Iterable[Entry]]:
        """The wanted entries that come from no dump, and those that do."""
        if not self._readers:
            return wanted, ()
        others: list[Entry] = []
        waiting = iter(wanted)
        for entry in waiting:
            if self._dump_of(entry):
                return others, chain([entry], waiting)
            others.append(entry)
        return others, ()

    def values(self, wanted: Iterable[Entry]) -> Iterator[Loaded]:
        """The values of entries of the dumps, in their order."""
        for number, entries in groupby(wanted, self._dump_of):
            yield from self._readers[number - 1].values(entries)

    def _dump_of(self, entry: Entry) -> int:
        """Which dump the entry is from, counted from 1; 0 for none."""
        return bisect(self._starts, self._scratch.number(entry.key)) if self._scratch else 0


def _field(kind: Loss) -> str:
    return f"{FIELD_OF.get(kind, kind)}:"
