"""What the command line says of a source, and the settings of one tree."""

import os
from dataclasses import dataclass

from kvsync.errors import UsageError
from kvsync.keys import check_key, escape_key, join_key, path_key
from kvsync.model import NEVER, Expiry
from kvsync.sources.expiry import SHORT_TTL, parse_ttl
from kvsync.sources.patterns import Rules, parse_rules

__all__ = ["SourceOptions", "Tree", "tree_flags", "tree_from_options"]


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """What the command line says; None or empty where it says nothing.

    ``zone`` and ``namespace``: given there, the manifest's own are not looked at. From ``charset``
    to ``name`` they are a tree's settings, ``ttl`` as text like ``1d``. ``checksum``: read files
    again even if their signature is known.
    """

    zone: str | None = None
    namespace: str | None = None
    charset: str | None = None
    prefix: str | None = None
    key: str | None = None
    extension: str | None = None
    encoding: str | None = None
    empty: str | None = None
    ttl: str | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    name: str | None = None
    checksum: bool = False


_CHOICES = {
    "charset": ("strict", "utf-8"),
    "key": ("join", "escape", "path"),
    "extension": ("keep", "drop"),
    "encoding": ("text", "base64"),
    "empty": ("error", "skip"),
}
_TREE_FLAGS = (*_CHOICES, "prefix", "ttl", "include", "exclude", "name")


@dataclass(frozen=True, slots=True)
class Tree:
    """One tree and how it is read.

    ``root`` is the directory to open, ``shown`` the same as the user would write it. ``style`` is
    ``join``, ``escape`` or ``path``.
    """

    root: str
    shown: str
    charset: str = "strict"
    prefix: str = ""
    style: str = "join"
    drop_extension: bool = False
    encoding: str = "text"
    skip_empty: bool = False
    expiry: Expiry = NEVER
    include: Rules = ()
    exclude: Rules = ()

    def key_of(self, path: str) -> str:
        """The key of the file at this relative path."""
        if self.drop_extension:
            path = os.path.splitext(path)[0]
        if self.style == "join":
            return self.prefix + join_key(path, self.charset)
        return self.prefix + (escape_key(path) if self.style == "escape" else path_key(path))


def tree_flags(options: SourceOptions) -> list[str]:
    """The flags that were given and make sense for a directory only."""
    return sorted(f"--{name}" for name in _TREE_FLAGS if getattr(options, name) not in {None, ()})


def tree_from_options(path: str, options: SourceOptions) -> tuple[Tree, list[str]]:
    """The settings of a tree that was named on the command line, and warnings about them.

    Raises `UsageError` that names the flag.
    """
    for name, choices in _CHOICES.items():
        if getattr(options, name) not in {None, *choices}:
            raise UsageError(f"--{name} must be {' or '.join(choices)}")
    charset = options.charset or "strict"
    prefix = options.prefix or ""
    fault = check_key(prefix, charset) if prefix else ""
    if fault:
        raise UsageError(f"--prefix {fault}")
    expiry, warnings = _ttl(options.ttl)
    tree = Tree(
        root=os.path.abspath(path),
        shown=path,
        charset=charset,
        prefix=prefix,
        style=options.key or ("join" if charset == "strict" else "path"),
        drop_extension=options.extension == "drop",
        encoding=options.encoding or "text",
        skip_empty=options.empty == "skip",
        expiry=expiry,
        include=_rules("include", options.include),
        exclude=_rules("exclude", options.exclude),
    )
    return tree, warnings


def _ttl(text: str | None) -> tuple[Expiry, list[str]]:
    if text is None:
        return NEVER, []
    try:
        expiry = parse_ttl(text)
    except ValueError as error:
        raise UsageError(f"--ttl: {error}") from None
    return expiry, [f"--ttl: {SHORT_TTL}"] if 0 < expiry.ttl < 60 else []


def _rules(flag: str, patterns: tuple[str, ...]) -> Rules:
    rules, faults = parse_rules(patterns)
    if faults:
        raise UsageError(f"--{flag}: {faults[0][1]}")
    return rules
