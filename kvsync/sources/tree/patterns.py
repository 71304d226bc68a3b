"""Patterns as in ``.gitignore``, asked about one name at a time.

Git never looks into an ignored directory, and neither does who asks here: so a pattern is asked
about a name itself, never about what lies below it.
"""

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeAlias

from kvsync.sources.tree.wildmatch import NeverError, translate

_LONGEST = 4096
"""Bytes; no path on Linux is longer."""
_MOST = 10_000
"""Patterns in one list: each is tried on each name."""
_BOM = b"\xef\xbb\xbf"


class Rule(NamedTuple):
    """One pattern: does it match, what does it say then, of directories only, of names only?

    ``match`` is given bytes: the whole path, or with ``name`` what stands behind its last slash.
    """

    match: Callable[[bytes], re.Match[bytes] | None]
    matches: bool
    directories: bool
    name: bool


Rules: TypeAlias = tuple[Rule, ...]
"""The last pattern first, since the last one that matches decides."""

Faults: TypeAlias = list[tuple[int, str]]
"""What is wrong with which line; they count from 1."""


def parse_rules(patterns: Iterable[str]) -> tuple[Rules, Faults]:
    """Return the rules that someone has written one by one, and what is wrong with them.

    One that can match nothing was meant to match something.
    """
    return _parse((_encoded(pattern) for pattern in patterns), NeverError)


def parse_ignore_file(data: bytes) -> tuple[Rules, Faults]:
    """Return the rules in an ignore file, read as git reads it, and what is wrong with which line.

    Lines end at LF or CRLF, and at no other character; what can match nothing matches nothing.
    """
    lines = (data.removeprefix(_BOM) + b"\n").split(b"\n")[:-1]
    return _parse((line.removesuffix(b"\r").partition(b"\0")[0] for line in lines), ())


def _encoded(pattern: str) -> bytes:
    try:
        return pattern.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return pattern.encode("utf-8", "surrogatepass")


def _parse(
    lines: Iterable[bytes], refused: type[Exception] | tuple[type[Exception], ...]
) -> tuple[Rules, Faults]:
    rules: list[Rule] = []
    faults: Faults = []
    for number, line in enumerate(lines, 1):
        text = _trimmed(line)
        if len(text) > _LONGEST and not text.startswith(b"#"):
            faults.append(
                (number, f"a pattern of more than {_LONGEST:,} bytes: no path is so long")
            )
            continue
        try:
            rules += _parse_rule(text)
        except refused:
            faults.append((number, "not a pattern that .gitignore knows: check \\ and […] in it"))
        except NeverError:
            continue
        if len(rules) > _MOST:
            faults.append((number, f"more than {_MOST:,} patterns: write fewer"))
            break
    rules.reverse()
    return tuple(rules), faults


def _trimmed(line: bytes) -> bytes:
    """Return the line without the spaces at its end; one behind a backslash is part of the
    pattern.
    """
    text = line.rstrip(b" ")
    escaped = (len(text) - len(text.rstrip(b"\\"))) % 2
    return line[: len(text) + escaped]


def _parse_rule(text: bytes) -> list[Rule]:
    if text.startswith(b"#"):
        return []
    negated = text.startswith(b"!")
    # Without its slash a pattern for directories matches the directory's own name, no more.
    bare = text.removeprefix(b"!").removesuffix(b"/")
    found = translate(bare) if bare else None
    if not found:
        return []
    return [Rule(found.fullmatch, not negated, text.endswith(b"/"), b"/" not in bare)]


def decide(rules: Rules, path: str, is_directory: bool) -> bool | None:
    """Return what the rules say of this path itself (relative, no slash at its end), or None."""
    whole = path.encode("utf-8", "surrogateescape")
    name = whole[whole.rfind(b"/") + 1 :]
    for rule in rules:
        if (is_directory or not rule.directories) and rule.match(name if rule.name else whole):
            return rule.matches
    return None


def matching(rule: Rule, path: str, is_directory: bool) -> bool:
    """Return whether the one rule is about this path, no matter what it says then."""
    return decide((rule,), path, is_directory) is not None
