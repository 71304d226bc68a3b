"""``files:``: the dumps of a manifest, behind its keys and trees."""

import os
from bisect import bisect
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import chain, groupby
from typing import TYPE_CHECKING, Any

from msgspec import UNSET, UnsetType

from kvsync.formats import FILES, guess_format, name_stranger, parse_delimiter, reader
from kvsync.formats.policies import Rules
from kvsync.formats.record import NO_LOSSES, Layout, Loss, Losses
from kvsync.model.entries import left_out_of
from kvsync.model.files import open_regular
from kvsync.model.keys import check_key
from kvsync.model.values import Entry, Loaded
from kvsync.sources.dump.dumped import DumpFile, DumpReader, Filling
from kvsync.sources.files import Clock, os_fault
from kvsync.sources.manifest.fields import convert, read_fields
from kvsync.sources.manifest.nodes import Mapping, Node, Scalar
from kvsync.sources.manifest.nodes import Sequence as SequenceNode
from kvsync.sources.manifest.schema import WAY_FIELDS, DumpFields, FileFields
from kvsync.sources.manifest.treefields import TreeContext, shown_path
from kvsync.sources.tree.tree import Claims

if TYPE_CHECKING:
    from kvsync.sources.dump.scratch import Scratch

_HEAD = 1 << 16
"""Bytes of a file by which its format is guessed."""

_UNTOLD = "the format cannot be told from the file: write format: beside path:"


def read_file_entry(node: Node, context: TreeContext, clock: Clock) -> DumpReader | None:
    """Return the reader of the dump, or None if there is none to read."""
    mistakes = context.mistakes
    if not isinstance(node, Mapping):
        mistakes.at(node, "a file must be a mapping (- path: …)")
        return None
    found = read_fields(node, FileFields, mistakes, "a file")
    fields = convert(found, FileFields, mistakes)
    rules = _rules(found, fields, context)
    path = _path(node, found, fields, context)
    layout = Layout(
        fields.key_column or "",
        fields.value_column or "",
        fields.ttl_column or "",
        fields.value_json is True,
        parse_delimiter(fields.delimiter) if isinstance(fields.delimiter, str) else "",
    )
    form = _text(fields.format) if "format" in found else path and _guess(path, layout)
    if path and not form and "format" not in found:
        mistakes.at(_mark(found["path"]), _stranger(path) or _UNTOLD)
    if not (path and form):
        return None
    file = DumpFile(partial(open_regular, path), reader(form), layout, path)
    return DumpReader(file, shown_path(path, context), rules, clock)


def _rules(found: dict[str, Node], fields: DumpFields, context: TreeContext) -> Rules:
    ways: dict[Loss, str] = {}
    for kind, name in WAY_FIELDS.items():
        way: Any = getattr(fields, name)
        if way is not UNSET:
            ways[kind] = way
    prefix = _text(fields.prefix)
    fault = check_key(prefix, context.charset) if prefix else ""
    if fault:
        context.mistakes.at(_mark(found["prefix"]), f"the prefix {fault}")
        prefix = ""
    ttl = found.get("ttl")
    expiry = context.lifetimes.ttl(ttl) if ttl else context.default
    separator = "_" if fields.separator is UNSET else _text(fields.separator)
    return Rules(ways, context.charset, prefix, separator, expiry)


def _text(field: str | UnsetType) -> str:
    return field if isinstance(field, str) else ""


def _mark(node: Node) -> Any:
    return node


def _path(node: Mapping, found: dict[str, Node], fields: DumpFields, context: TreeContext) -> str:
    given = found.get("path")
    if given is None:
        context.mistakes.at(node, "a file needs a path: write path: and the dump's file")
        return ""
    if fields.path is UNSET or not isinstance(given, Scalar):
        return ""
    path = context.paths.resolve(given)
    try:
        if path and not os.path.isfile(path):
            os.stat(path)
            context.mistakes.at(given, "not a regular file: name a dump's file")
            return ""
    except OSError as error:
        context.mistakes.at(given, os_fault(error))
        return ""
    return path


def _guess(path: str, layout: Layout) -> str:
    """Return the dump's format, as far as it can be told; a file that cannot be read is told of
    later.
    """
    try:
        guess = guess_format(path, _head(path), layout)
    except OSError:
        return next(iter(FILES))
    return guess[0] if guess else ""


def _stranger(path: str) -> str:
    try:
        return name_stranger(_head(path))
    except OSError:
        return ""


def _head(path: str) -> bytes:
    with open_regular(path) as file:
        return file.read(_HEAD)


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
        """Losses of the dumps' pairs."""
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
        """Return the entries ``before``, and behind them those of the dumps."""
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
        """Return the wanted entries that come from no dump, and those that do."""
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
        """Yield the values of entries of the dumps, in their order."""
        for number, entries in groupby(wanted, self._dump_of):
            yield from self._readers[number - 1].values(entries)

    def _dump_of(self, entry: Entry) -> int:
        """Return which dump the entry is from, counted from 1; 0 for none."""
        return bisect(self._starts, self._scratch.number(entry.key)) if self._scratch else 0


def _field(kind: Loss) -> str:
    return f"{WAY_FIELDS.get(kind, kind).replace('_', '-')}:"
