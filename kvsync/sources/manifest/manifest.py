"""A YAML manifest as a source."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from hashlib import sha256
from itertools import chain

from kvsync.formats.record import Losses
from kvsync.model.entries import Sparing
from kvsync.model.files import absolute
from kvsync.model.keys import check_key
from kvsync.model.owners import name_fault
from kvsync.model.tally import Tally, Tallying
from kvsync.model.utf8 import is_text
from kvsync.model.values import NEVER, Destination, Entry, Expiry, Loaded, Recall
from kvsync.sources.files import Clock
from kvsync.sources.gc_pause import gc_paused
from kvsync.sources.interface import Fingerprint
from kvsync.sources.manifest.fields import WRITE_VERSION, convert, is_nothing, read_fields
from kvsync.sources.manifest.files import FileSection
from kvsync.sources.manifest.keys import FilePart, KeyFiles, Lifetimes, PairReader, Part
from kvsync.sources.manifest.nodes import Mapping as MappingNode
from kvsync.sources.manifest.nodes import Node, Scalar, read_yaml
from kvsync.sources.manifest.nodes import Sequence as SequenceNode
from kvsync.sources.manifest.piped import is_piped, name_of_piped, read_manifest
from kvsync.sources.manifest.scalars import flatten
from kvsync.sources.manifest.schema import DefaultFields, HeadFields, ManifestFields
from kvsync.sources.manifest.treefields import TreeContext, read_tree
from kvsync.sources.manifest.variables import Paths, expand
from kvsync.sources.mistakes import Mistakes, quoted
from kvsync.sources.options import SourceOptions
from kvsync.sources.origins import Whereabouts
from kvsync.sources.snapshot import Consulted, Evidence, digest_of
from kvsync.sources.tree.tree import Claims, TreeReader


class Manifest:
    """A manifest, as a `Source`; opened, it is known to be YAML, and no more."""

    complete = True
    valueless = ()

    def __init__(
        self,
        path: str,
        data: bytes,
        options: SourceOptions,
        environ: Mapping[str, str],
        clock: Clock,
    ) -> None:
        self.label = path
        self.location = absolute(path)
        self.passing = is_piped(path)
        self.home = os.getcwd() if self.passing else os.path.dirname(self.location)
        self._options = options
        self._environ = Consulted(environ)
        self._clock = clock
        self._evidence = Evidence()
        self._key_files = KeyFiles(clock, options.checksum)
        self._content = digest_of(data)
        self._warnings: list[str] = []
        self._parts: dict[str, Part] = {}
        self._trees: list[TreeReader] = []
        self._files = FileSection()
        self._tallying = Tallying()
        self._early = Mistakes(path)
        root = read_yaml(data, self._early.origin)
        self._fields = read_fields(root, ManifestFields, self._early, "a manifest")
        self.versioned = "version" in self._fields
        """Whether it says of itself that it is a manifest."""
        if not self.versioned and isinstance(root, MappingNode):
            self._early.at(root, f"no version: {WRITE_VERSION} at the top")
        head = self._head()
        self.owner = head.name or ""
        if self.passing:
            # What has no version is refused for that.
            named = "name" in self._fields or not self.versioned
            self.owner = name_of_piped(path, self.owner, options, named=named)
        if fault := name_fault(head.name or ""):
            self._early.at(self._fields["name"], f"name {fault}")
        # A charset that is no charset must not make a mistake of every key.
        unclear = "charset" in self._fields and not head.charset
        self.charset: str = "utf-8" if unclear else head.charset or "strict"
        zone, zone_from = self._named("zone", head.zone or "")
        namespace, namespace_from = self._named("namespace", head.namespace or "")
        self.destination = Destination(zone, namespace, zone_from, namespace_from)

    def _head(self) -> HeadFields:
        told = {
            name for name in ("zone", "namespace") if getattr(self._options, name) is not None
        }  # the command line gives these: what stands here does not matter
        wanted = set(HeadFields.__struct_fields__) - told
        found = {name: node for name, node in self._fields.items() if name in wanted}
        return convert(found, HeadFields, self._early)

    def _named(self, field: str, text: str) -> tuple[str, str]:
        """Return a field with its variables filled in, and where it stands."""
        if not text:
            return "", ""
        node = self._fields[field]
        try:
            value = expand(text, self._environ)
        except ValueError as error:
            self._early.at(node, str(error))
            return "", ""
        if not is_text(value):
            self._early.at(node, f"{field} is not UTF-8 text: set its variables anew")
            return "", ""
        if value:
            return value, f"{self._early.origin}:{node.line}"
        # Left empty, it would let the environment redirect the manifest.
        self._early.at(
            node,
            f"{field} is empty once its variables are filled in: "
            "set them, or write a default as in ${NAME:-default}",
        )
        return "", ""

    @property
    def warnings(self) -> list[str]:
        """Warnings; complete once `entries` has been called."""
        return list(self._warnings)

    @property
    def losses(self) -> Losses:
        """Losses of pairs of dumps; complete once `entries` was called."""
        return self._files.losses

    @property
    def tally(self) -> Tally:
        """Counts of files that its trees leave out, or store one way or another."""
        return self._tallying.tally

    @property
    def stale(self) -> bool:
        """True if the file is another one than when it was opened."""
        try:
            return not self.passing and digest_of(read_manifest(self.location)) != self._content
        except OSError:
            return True

    @property
    def fingerprint(self) -> Fingerprint | None:
        """The fingerprint of what was read; None: nothing tells if another reading finds the
        same.
        """
        if self.passing:
            return None
        self._evidence.content(self.location, self._content)
        for path, mark in self._files.marks:
            self._evidence.file(path, mark)
        return self._evidence.fingerprint(self._environ.digests())

    def may_own(self, key: str, origin: str, *, dotted: bool) -> bool:
        """Return whether a key, a tree or a dump in it may have made the origin."""
        place, trees, dumps = self._whereabouts
        return (
            place.has_line(origin)
            or any(tree.may_own(key, origin, dotted=dotted) for tree in trees)
            or any(dump.is_origin(origin) for dump in dumps)
        )

    @cached_property
    def _whereabouts(self) -> tuple[Whereabouts, list[TreeReader], list[Whereabouts]]:
        """Where it is, its trees, and where its dumps are, no matter what is wrong with the
        rest.
        """
        mistakes = Mistakes(self.label)
        context = self._context(Lifetimes(mistakes), mistakes)
        files = FileSection()
        node = self._fields.get("files")
        if node is not None and not is_nothing(node):
            files.read(node, context, self._clock)
        trees = self._read_trees(context)
        dumps = [Whereabouts(absolute(shown)) for shown in files.shown]
        return Whereabouts(self.location), trees, dumps

    def _context(self, lifetimes: Lifetimes, mistakes: Mistakes) -> TreeContext:
        paths = Paths(self.home, self._environ, mistakes)
        default = self._default(lifetimes, mistakes)
        shown_home = "" if self.passing else os.path.dirname(self.label)
        return TreeContext(mistakes, paths, lifetimes, default, self.charset, shown_home, self.home)

    def entries(self, recall: Recall) -> Sequence[Entry]:
        """Return all pairs: the keys, the trees and the files, each in the order of the manifest.

        Raises `InputError` with every mistake found, by line.
        """
        mistakes = Mistakes(self.label)
        mistakes.extend(self._early)
        with gc_paused():
            entries = self._all_entries(recall, mistakes)
        mistakes.raise_all()
        return entries

    def _all_entries(self, recall: Recall, mistakes: Mistakes) -> Sequence[Entry]:
        lifetimes = Lifetimes(mistakes)
        context = self._context(lifetimes, mistakes)
        claims = Claims()
        self._evidence = Evidence()
        self._key_files = KeyFiles(self._clock, self._options.checksum)
        self._tallying = Tallying()
        pairs = PairReader(mistakes, self._environ, lifetimes, context.paths, context.default)
        entries = self._key_entries(pairs, recall, claims, mistakes)
        spared: list[str] = []
        for reader in self._read_trees(context):
            entries += reader.entries(recall, claims, mistakes, self._tallying)
            self._evidence.tree(reader.tree.root, reader.observed)
            spared += reader.spared
        self._files = FileSection()
        node = self._fields.get("files")
        if node is not None and not is_nothing(node):
            self._files.read(node, context, self._clock)
        before = Sparing(entries, spared) if spared else entries
        found = self._files.entries(before, context, claims)
        told = chain.from_iterable(reader.warnings for reader in self._trees)
        self._warnings = [
            *self._key_files.warnings, *told, *lifetimes.warnings, *self._files.warnings,
        ]  # fmt: skip
        return found

    def _default(self, lifetimes: Lifetimes, mistakes: Mistakes) -> Expiry:
        node = self._fields.get("defaults")
        if node is None:
            return NEVER
        found = read_fields(node, DefaultFields, mistakes, "defaults")
        convert(found, DefaultFields, mistakes)
        return lifetimes.ttl(found.get("ttl"))

    def _key_entries(
        self, pairs: PairReader, recall: Recall, claims: Claims, mistakes: Mistakes
    ) -> list[Entry]:
        self._parts.clear()
        entries = []
        shown, charset = mistakes.origin, self.charset
        for name, node in self._keys(mistakes):
            key, line, _, _ = name
            fault = check_key(key, charset)
            if fault:
                mistakes.at(name, f"the key {quoted(key)} {fault}")
            origin = f"{shown}:{line}"
            claims.claim(key, origin)
            part, expiry = pairs.read(node)
            if part is None:
                continue
            self._parts[key] = part
            if isinstance(part, bytes):
                entries.append(Entry(key, sha256(part).digest(), len(part), expiry, origin))
                continue
            digest, size, mark = self._key_files.identify(part, recall(key), mistakes)
            self._evidence.file(part.ref.path, mark)
            entries.append(Entry(key, digest, size, expiry, origin, mark))
        return entries

    def _keys(self, mistakes: Mistakes) -> list[tuple[Scalar, Node]]:
        node = self._fields.get("keys")
        if node is None or is_nothing(node):
            return []
        if isinstance(node, MappingNode):
            return flatten(node, mistakes, lambda _: True)
        mistakes.at(node, "keys must be a mapping (key: value)")
        return []

    def _read_trees(self, context: TreeContext) -> list[TreeReader]:
        self._trees = []
        node = self._fields.get("trees")
        if node is None or is_nothing(node):
            return []
        if not isinstance(node, SequenceNode):
            context.mistakes.at(node, "trees must be a list (- path: …)")
            return []
        for item in node.items:
            tree = read_tree(item, context)
            if tree:
                self._trees.append(TreeReader(tree, self._options, self._clock))
        return self._trees

    def values(self, wanted: Iterable[Entry]) -> Iterator[Loaded]:
        """Yield the values of these entries, in the source's order, each read when it is asked
        for.
        """
        own, dumped = self._files.split(wanted)
        by_key = {entry.key: entry for entry in own}
        for key, part in self._parts.items():
            entry = by_key.get(key)
            if entry is None:
                continue
            yield (
                self._key_files.load(entry, part) if isinstance(part, FilePart) else (entry, part)
            )
        for reader in self._trees:
            yield from reader.values(by_key)
        yield from self._files.values(dumped)
