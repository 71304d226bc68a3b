"""Patterns as in ``.gitignore``, asked about one name at a time.

``pathspec`` translates a pattern; which one decides is found here. Its own ``GitIgnoreSpec``
answers for whole paths and does not know that git never looks into an ignored directory: ``*``,
``!*/`` and ``!*.json`` together would leave out every directory.
"""

import re
import warnings
from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeAlias

__all__ = ["Rule", "Rules", "decide", "parse_rules"]

_DESCENDANT = "ps_d"
"""pathspec's name for the slash after which a match goes on into a directory."""


class Rule(NamedTuple):
    """One pattern: does it match, what does it say then, and of directories only?"""

    search: Callable[[str], re.Match[str] | None]
    matches: bool
    directories: bool


Rules: TypeAlias = tuple[Rule, ...]
"""The last pattern first, since the last one that matches decides."""


def parse_rules(lines: Iterable[str]) -> tuple[Rules, list[tuple[int, str]]]:
    """The rules in ``lines``, and what is wrong with which line (they count from 1)."""
    rules: list[Rule] = []
    faults: list[tuple[int, str]] = []
    for number, line in enumerate(lines, 1):
        try:
            rule = _parse_rule(line)
        except (ValueError, re.error):
            faults.append((number, "not a pattern that .gitignore knows: check \\ and […] in it"))
        else:
            rules.extend(rule)
    rules.reverse()
    return tuple(rules), faults


def _parse_rule(line: str) -> list[Rule]:
    from pathspec.patterns.gitignore.spec import (
        GitIgnoreSpecPattern,
    )

    text = line if line.endswith("\\ ") else line.rstrip()
    if "[[:" in text:
        raise ValueError("character classes have no translation")
    # Without its slash a pattern for directories matches the directory's own name, no more.
    bare = text.rstrip("/") if not text.startswith("#") else ""
    if bare in {"", "!"}:
        return []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        pattern = GitIgnoreSpecPattern(bare)
    if pattern.regex is None:
        return []
    return [Rule(pattern.regex.search, bool(pattern.include), bare != text)]


def decide(rules: Rules, path: str, is_directory: bool) -> bool | None:
    """What the rules say of this path itself (relative, no slash at its end), or None."""
    for rule in rules:
        if rule.directories and not is_directory:
            continue
        match = rule.search(path)
        if match and match.groupdict().get(_DESCENDANT) is None:
            return rule.matches
    return None
