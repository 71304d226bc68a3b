"""One entry of ``keys:``: from its node to a value, or to the file that holds it."""

import os
from collections.abc import Mapping as EnvironmentMapping
from difflib import get_close_matches
from hashlib import sha256
from typing import NamedTuple, TypeAlias

from msgspec import UNSET

from kvsync.model.api import SHORTEST_TTL_S
from kvsync.model.utf8 import is_text
from kvsync.model.values import NEVER, Entry, Expiry, Loaded, Lost, Row
from kvsync.sources.files import (
    Clock,
    FileRef,
    form_of,
    is_pointer,
    os_fault,
    read_file,
    read_raw,
    settled,
    signature,
    size_fault,
)
from kvsync.sources.manifest.expiry import SHORT_TTL, parse_expires, parse_ttl
from kvsync.sources.manifest.fields import convert, read_fields, unquoted
from kvsync.sources.manifest.nodes import Mapping, Node, Scalar, Sequence
from kvsync.sources.manifest.scalars import render_json
from kvsync.sources.manifest.schema import VALUE_FIELDS, KeyFields, field_names
from kvsync.sources.manifest.variables import Paths, called, is_name
from kvsync.sources.mistakes import Mistakes
from kvsync.sources.tree.devices import Devices
from kvsync.sources.tree.tree import known, load, pointer_warning

_NESTED = (
    "nested, where a value must be text: to store all of it as one value, as JSON, write {json: …}"
    " around it (a whole file: {file: PATH}); to make a key of each part, write the keys out, or"
    " list the pairs in a file (files:, format: jsonl or csv)"
)
_FIELDS = frozenset(field_names(KeyFields))


class FilePart(NamedTuple):
    """A value that is read from a file, and where in the manifest that is said."""

    ref: FileRef
    node: Scalar


Part: TypeAlias = bytes | FilePart
"""A value in UTF-8, or where to read it."""


def _is_nested(node: Node) -> bool:
    """Return whether it is a list, or a mapping that is no entry, nor one with a slip of the
    pen.
    """
    if not isinstance(node, Mapping):
        return True
    given = {key.text: value for key, value in node.pairs if isinstance(key, Scalar)}
    if not given.keys().isdisjoint(VALUE_FIELDS):
        named = (given.get(name) for name in ("file", "env"))
        return any(isinstance(value, Mapping | Sequence) for value in named)
    if "<<" in given or given.keys() <= _FIELDS:
        return False
    return not any(
        isinstance(value, Scalar) and get_close_matches(name, VALUE_FIELDS, 1, cutoff=0.7)
        for name, value in given.items()
    )


class Lifetimes:
    """Reads ``ttl`` and ``expires``; remembers TTLs that are short enough for a warning."""

    def __init__(self, mistakes: Mistakes) -> None:
        self._mistakes = mistakes
        self._short: dict[Scalar, None] = {}

    def ttl(self, node: Node | None) -> Expiry:
        """Return the expiry that a ``ttl`` field declares."""
        if not isinstance(node, Scalar):
            return NEVER
        try:
            expiry = parse_ttl(node.text)
        except ValueError as error:
            self._mistakes.at(node, f"ttl: {error}")
            return NEVER
        if 0 < expiry.ttl < SHORTEST_TTL_S:
            self._short[node] = None
        return expiry

    def expires(self, node: Node | None) -> Expiry:
        """Return the expiry that an ``expires`` field declares."""
        if not isinstance(node, Scalar):
            return NEVER
        try:
            return parse_expires(node.text)
        except ValueError as error:
            self._mistakes.at(node, f"expires: {error}")
            return NEVER

    @property
    def warnings(self) -> list[str]:
        """One line, however many TTLs are short."""
        if not self._short:
            return []
        place = f"{self._mistakes.origin}:{next(iter(self._short)).line}"
        more = len(self._short) - 1
        return [f"{place}: {SHORT_TTL}" + (f" ({more} more like it)" if more else "")]


class PairReader:
    """Reads entries one by one; ``default`` is the expiry of those that say nothing."""

    def __init__(
        self,
        mistakes: Mistakes,
        environ: EnvironmentMapping[str, str],
        lifetimes: Lifetimes,
        paths: Paths,
        default: Expiry,
    ) -> None:
        self._mistakes = mistakes
        self._environ = environ
        self._lifetimes = lifetimes
        self._paths = paths
        self._default = default

    def read(self, node: Node) -> tuple[Part | None, Expiry]:
        """Return the value, or None where a mistake was found instead, and the expiry."""
        if isinstance(node, Scalar):
            return self._inline(node), self._default
        if _is_nested(node):
            self._mistakes.at(node, _NESTED)
            return None, self._default
        before = len(self._mistakes)
        found = read_fields(node, KeyFields, self._mistakes, "an entry")
        understood = len(self._mistakes) == before
        fields = convert(found, KeyFields, self._mistakes)
        expiry = self._expiry(found, node)
        given = [name for name in VALUE_FIELDS if name in found]
        if len(given) > 1 or (understood and not given):
            self._mistakes.at(node, f"an entry has exactly one of {', '.join(VALUE_FIELDS)}")
        if "encoding" in found and "file" not in found:
            self._mistakes.at(found["encoding"], "encoding goes with file only: take it away")
        right = [name for name in given if getattr(fields, name) is not UNSET]
        parts = [self._part(name, found, fields) for name in right]
        # Of several, which is a mistake, the file is the one that is still to be looked at.
        files = [part for part in parts if isinstance(part, FilePart)]
        return next(iter(files or parts), None), expiry

    def _expiry(self, found: dict[str, Node], node: Node) -> Expiry:
        if "ttl" in found and "expires" in found:
            self._mistakes.at(node, "ttl and expires together: keep one of them")
        ttl = self._lifetimes.ttl(found["ttl"]) if "ttl" in found else self._default
        return self._lifetimes.expires(found["expires"]) if "expires" in found else ttl

    def _part(self, name: str, found: dict[str, Node], fields: KeyFields) -> Part | None:
        node = found[name]
        # Everything else was found to be a scalar.
        if name == "json" or not isinstance(node, Scalar):
            return self._sized(node, render_json(node, self._mistakes))
        if name == "env":
            return self._from_environment(node)
        if name == "file":
            unclear = "encoding" in found and not fields.encoding
            return self._file(node, "" if unclear else fields.encoding or "text")
        return self._sized(node, node.text)

    def _file(self, node: Scalar, encoding: str) -> Part | None:
        path = self._paths.resolve(node)
        if not path:
            return None
        if encoding:
            return FilePart(FileRef(path, encoding), node)
        # Whether its bytes fit an encoding that is none cannot be said, but whether it is there.
        raw = read_raw(path)
        if isinstance(raw, Lost):
            self._mistakes.at(node, raw.message)
        return None

    def _inline(self, node: Scalar) -> Part | None:
        fault = node.plain and unquoted(node)
        if fault:
            advice = "" if not node.text else ", or write {json: …} around it"
            self._mistakes.at(node, fault + advice)
            return None
        return self._sized(node, node.text)

    def _from_environment(self, node: Scalar) -> Part | None:
        if not is_name(node.text):
            self._mistakes.at(node, "env must be the name of an environment variable")
            return None
        value = self._environ.get(node.text)
        if value is None:
            self._mistakes.at(node, f"{called(node.text)} is not set: set it before the run")
            return None
        if not is_text(value):
            self._mistakes.at(node, f"{called(node.text)} is not UTF-8 text: set it anew")
            return None
        return self._sized(node, value)

    def _sized(self, node: Node, text: str) -> Part | None:
        try:
            value = text.encode()
        except UnicodeEncodeError:
            self._mistakes.at(node, "the value is not valid Unicode: write it again, or use file")
            return None
        fault = size_fault(len(value))
        if fault:
            self._mistakes.at(node, fault)
            return None
        return value


class KeyFiles:
    """Looks at such files; with ``checksum`` it reads each, no matter what the state knows of
    it.
    """

    def __init__(self, clock: Clock, checksum: bool) -> None:
        self._clock = clock
        self._checksum = checksum
        self._devices = Devices()
        self._pointers: list[str] = []

    @property
    def warnings(self) -> list[str]:
        """Warnings of those that were looked at."""
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
        """Return the entry as its file is just now, and the value."""
        return load(entry, part.ref, self._clock, self._devices)
