"""Patterns as in ``.gitignore``, asked about one name at a time.

Git never looks into an ignored directory, and neither does who asks here: so a pattern is asked
about a name itself, never about what lies below it.
"""

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeAlias

from kvsync.sources.wildmatch import translate

__all__ = ["Rule", "Rules", "decide", "parse_rules"]

_LONGEST = 4096
"""Characters; no path on Linux is longer."""
_MOST = 10_000
"""Patterns in one list: each is tried on each name."""


class Rule(NamedTuple):
    """One pattern: does it match, what does it say then, and of directories only?"""

    match: Callable[[str], re.Match[str] | None]
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
        if len(rules) > _MOST:
            faults.append((number, f"more than {_MOST:,} patterns: write fewer"))
            break
    rules.reverse()
    return tuple(rules), faults


def _parse_rule(line: str) -> list[Rule]:
    text = line if line.endswith("\\ ") else line.rstrip()
    if text.startswith("#"):
        return []
    if len(text) > _LONGEST or "[[:" in text:
        raise ValueError("no path is so long, and character classes have no translation")
    negated = text.startswith("!")
    # Without its slash a pattern for directories matches the directory's own name, no more.
    bare = text.removesuffix("/").removeprefix("!")
    found = translate(bare) if bare else None
    return [Rule(found.fullmatch, not negated, text.endswith("/"))] if found else []


def decide(rules: Rules, path: str, is_directory: bool) -> bool | None:
    """What the rules say of this path itself (relative, no slash at its end), or None."""
    for rule in rules:
        if (is_directory or not rule.directories) and rule.match(path):
            return rule.matches
    return None
