"""Options of a source: those of the command line, of one tree, and of one dump."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from kvsync.formats import policies
from kvsync.formats.filenames import INDEX_NAME
from kvsync.formats.record import Layout, Loss
from kvsync.model.api import SHORTEST_TTL_S
from kvsync.model.choices import CHOICES
from kvsync.model.errors import UsageError
from kvsync.model.files import absolute
from kvsync.model.keys import check_key, escape_key, join_key, path_key
from kvsync.model.text import printable
from kvsync.model.values import NEVER, Expiry
from kvsync.sources.index_conflicts import TOLD_BY_INDEX, contradicting
from kvsync.sources.manifest.expiry import SHORT_TTL, parse_ttl
from kvsync.sources.tree.patterns import Rules, parse_rules

_NO_LAYOUT = Layout()


@dataclass(frozen=True, slots=True)
class DumpOptions:
    """Options of a dump; empty where nothing is said.

    ``form`` is its format; ``ways`` has, by kind of loss, what to do; ``separator`` stands between
    a group and its key. ``flag`` is what the command calls the format; ``typed`` are the flags
    that were given, for whom they make no sense.
    """

    form: str = ""
    layout: Layout = _NO_LAYOUT
    ways: Mapping[Loss, str] = field(default_factory=dict)
    separator: str = "_"
    flag: str = "--format"
    typed: tuple[str, ...] = ()


NOTHING_SAID = DumpOptions()


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """Options of a source; None or empty where nothing is said.

    ``zone`` and ``namespace``: given there, the manifest's own are not looked at. From ``charset``
    to ``name`` they are a tree's settings, ``ttl`` as text like ``1d``. ``checksum``: read files
    again even if their signature is known. ``dump`` is for dumps.

    ``from_environment``: names of fields that a variable gave and no flag; a tree's settings among
    them are not for manifests. ``left_out``: files, by absolute real path, that no tree has.
    """

    zone: str | None = None
    namespace: str | None = None
    charset: str | None = None
    prefix: str | None = None
    key: str | None = None
    extension: str | None = None
    encoding: str | None = None
    empty: str | None = None
    large: str | None = None
    ttl: str | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    name: str | None = None
    checksum: bool = False
    dump: DumpOptions = NOTHING_SAID
    from_environment: frozenset[str] = frozenset()
    left_out: tuple[str, ...] = ()

    @property
    def loss_rules(self) -> DumpOptions:
        """The options of a dump, with ``empty`` and ``large``."""
        own = {Loss.EMPTY: self.empty, Loss.LARGE: self.large}
        # A variable that someone forgot must not lose anything.
        ways = {kind: way for kind, way in own.items() if way and kind not in self.from_environment}
        return replace(self.dump, ways={**self.dump.ways, **ways})

    def said_by(self, name: str) -> str:
        """Return the flag or the variable that gave this field."""
        return f"KVSYNC_{name.upper()}" if name in self.from_environment else f"--{name}"


_SHARED_FLAGS = ("charset", "prefix", "ttl", "name", "empty", "large")
"""Of trees and of dumps."""
_TREE_FLAGS = ("key", "extension", "encoding", "include", "exclude")


@dataclass(frozen=True, slots=True)
class Tree:
    """One tree and how it is read.

    ``root`` is the directory to open, ``shown`` the same as the user would write it. ``style`` is
    ``join``, ``escape`` or ``path``. ``exported``: the directory has an index that says keys and
    expiries.
    """

    root: str
    shown: str
    charset: str = "strict"
    prefix: str = ""
    style: str = "join"
    drop_extension: bool = False
    encoding: str = "text"
    skip_empty: bool = False
    skip_large: bool = False
    expiry: Expiry = NEVER
    include: Rules = ()
    exclude: Rules = ()
    exported: bool = False

    def key_of(self, path: str) -> str:
        """Return the key of the file at this relative path."""
        if self.drop_extension:
            path = os.path.splitext(path)[0]
        if self.style == "join":
            return self.prefix + join_key(path, self.charset)
        return self.prefix + (escape_key(path) if self.style == "escape" else path_key(path))


def is_exported(root: str) -> bool:
    """Return whether the directory has the index that ``kvsync export`` writes, no matter what it
    is worth.
    """
    return os.path.lexists(os.path.join(root, INDEX_NAME))


def tree_flags(options: SourceOptions) -> list[str]:
    """Return the flags that were given and make sense for a directory only."""
    return _typed(options, _TREE_FLAGS)


def flags_beside_manifest(options: SourceOptions) -> list[str]:
    """Return the flags that were given and make sense for a directory or a dump only."""
    # That it is a manifest may be said.
    about_dumps = set(options.dump.typed) - {options.dump.flag}
    return sorted({*_typed(options, (*_TREE_FLAGS, *_SHARED_FLAGS)), *about_dumps})


def _typed(options: SourceOptions, names: Iterable[str]) -> list[str]:
    typed = [name for name in names if name not in options.from_environment]
    return sorted(f"--{name}" for name in typed if getattr(options, name) not in {None, ()})


def tree_from_options(path: str, options: SourceOptions) -> tuple[Tree, list[str]]:
    """Return the settings of a tree that was named on the command line, and warnings about them.

    Raises `UsageError` that names the flag or the variable.
    """
    for name, choices in CHOICES.items():
        if getattr(options, name) not in {None, *choices}:
            raise UsageError(f"{options.said_by(name)} must be {' or '.join(choices)}")
    if is_exported(path):
        return _exported_tree(path, options), []
    charset = options.charset or "strict"
    prefix = _prefix(options, charset)
    expiry, warnings = ttl_of(options)
    tree = Tree(
        root=absolute(path),
        shown=path,
        charset=charset,
        prefix=prefix,
        style=options.key or ("join" if charset == "strict" else "path"),
        drop_extension=options.extension == "drop",
        encoding=options.encoding or "text",
        skip_empty=options.empty == "skip",
        skip_large=options.large == "skip",
        expiry=expiry,
        include=_rules(options.said_by("include"), options.include),
        exclude=_rules(options.said_by("exclude"), options.exclude),
    )
    return tree, warnings


def _exported_tree(path: str, options: SourceOptions) -> Tree:
    typed = {
        name: getattr(options, name)
        for name in TOLD_BY_INDEX
        if getattr(options, name) is not None and name not in options.from_environment
    }
    if others := contradicting(path, typed):
        raise UsageError(
            f"{', '.join(f'--{name}' for name in others)}: the index of an exported directory says"
            f" this: leave it out, or remove {printable(os.path.join(path, INDEX_NAME))} to read an"
            " ordinary folder"
        )
    return Tree(
        root=absolute(path),
        shown=path,
        charset="utf-8",
        encoding=typed.get("encoding", "text"),
        prefix=_prefix(options, "utf-8"),
        skip_empty=options.empty == "skip",
        skip_large=options.large == "skip",
        include=_rules(options.said_by("include"), options.include),
        exclude=_rules(options.said_by("exclude"), options.exclude),
        exported=True,
    )


def _prefix(options: SourceOptions, charset: str) -> str:
    prefix = options.prefix or ""
    fault = check_key(prefix, charset) if prefix else ""
    if fault:
        raise UsageError(f"{options.said_by('prefix')} {fault}")
    return prefix


def ttl_of(options: SourceOptions) -> tuple[Expiry, list[str]]:
    """Return the expiry that ``ttl`` declares, and warnings. Raises `UsageError`."""
    if options.ttl is None:
        return NEVER, []
    said_by = options.said_by("ttl")
    try:
        expiry = parse_ttl(options.ttl)
    except ValueError as error:
        raise UsageError(f"{said_by}: {error}") from None
    return expiry, [f"{said_by}: {SHORT_TTL}"] if 0 < expiry.ttl < SHORTEST_TTL_S else []


def _rules(said_by: str, patterns: tuple[str, ...]) -> Rules:
    rules, faults = parse_rules(patterns)
    if faults:
        raise UsageError(f"{said_by}: {faults[0][1]}")
    return rules


def rules_of(dump: DumpOptions, charset: str, prefix: str, expiry: Expiry) -> policies.Rules:
    """Return the rules by which records become pairs. Raises `UsageError`."""
    for kind, way in dump.ways.items():
        known = policies.POLICIES[kind].ways
        if way not in known:
            raise UsageError(f"--{kind} must be {' or '.join(known)}")
    fault = check_key(prefix, charset) if prefix else ""
    if fault:
        raise UsageError(f"--prefix {fault}")
    return policies.Rules(dump.ways, charset, prefix, dump.separator, expiry)
