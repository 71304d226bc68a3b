"""A pattern as in ``.gitignore`` as a regular expression that no name makes slow.

Translated one to one, each ``*`` and ``**`` doubles the ways to try: ``*a*a*a*a*b`` takes longer
than the universe on one long name. Here a wildcard that another one follows settles for the first
place where what stands between the two fits (an atomic group, ``(?>…)``): if the rest fits behind
a later place, it fits behind that one, too. So the time grows with the length of the name times
that of the pattern, and no more.
"""

import re
from collections.abc import Iterator

__all__ = ["translate"]

_ANY = "**"
_STAR = "*"


class _Unclosed(Exception):  # noqa: N818 - to git it is no error
    """A bracket without an end: the pattern matches nothing."""


def translate(pattern: str) -> re.Pattern[str] | None:
    """What matches the whole of a path (relative, no slash at its end), or None for nothing.

    ``pattern`` has neither the ``!`` in front nor the slash at its end that git gives a meaning of
    their own. Raises `ValueError` and `re.error` for what is no pattern.
    """
    segments = pattern.split("/")
    if not segments[0]:
        del segments[0]
    elif len(segments) == 1:
        segments.insert(0, _ANY)
    if "" in segments:
        return None
    try:
        return re.compile("".join(_parts(_groups(segments))), re.DOTALL)
    except _Unclosed:
        return None


def _groups(segments: list[str]) -> list[str]:
    """What stands before, between and behind the ``**``."""
    groups: list[list[str]] = [[]]
    for segment in segments:
        if len(segment) < 2 or segment.strip("*"):
            groups[-1].append(_segment(segment))
        elif groups[-1] or len(groups) == 1:
            groups.append([])
    return ["/".join(group) for group in groups]


def _parts(groups: list[str]) -> Iterator[str]:
    first, *between = groups
    last = between.pop() if between else None
    if last is None:
        yield first
        return
    yield f"{first}/" if first else ""
    for group in between:
        yield f"(?>(?:.+?/)??{group}/)"
    yield f"(?:.+/)?{last}" if last else ".+"


def _segment(segment: str) -> str:
    pieces = [""]
    for token in _tokens(segment):
        if token == _STAR:
            pieces.append("")
        else:
            pieces[-1] += token
    first, *between = pieces
    if not between:
        return first
    last = between.pop()
    settled = "".join(f"(?>[^/]*?{piece})" for piece in between if piece)
    return f"{first}{settled}[^/]*{last}"


def _tokens(segment: str) -> Iterator[str]:
    """A regular expression for each character to match, and `_STAR` for any number of them."""
    at = 0
    while at < len(segment):
        character = segment[at]
        at += 1
        if character == "*":
            yield _STAR
        elif character == "?":
            yield "[^/]"
        elif character == "[":
            token, at = _bracket(segment, at)
            yield token
        else:
            if character == "\\":
                character, at = _escaped(segment, at)
            yield re.escape(character)


def _escaped(segment: str, at: int) -> tuple[str, int]:
    if at == len(segment):
        raise ValueError("a backslash with nothing behind it")
    return segment[at], at + 1


def _bracket(segment: str, at: int) -> tuple[str, int]:
    """The characters in a bracket that has just been opened, and where it is closed."""
    negated = segment[at : at + 1] in {"!", "^"}
    at += negated
    begun = at
    members = ""
    while at == begun or segment[at : at + 1] != "]":
        first, at = _member(segment, at)
        if segment[at : at + 1] == "-" and segment[at + 1 : at + 2] not in {"]", ""}:
            last, at = _member(segment, at + 1)
            members += f"{re.escape(first)}-{re.escape(last)}"
        else:
            members += re.escape(first)
    return f"(?!/)[{'^' if negated else ''}{members}]", at + 1


def _member(segment: str, at: int) -> tuple[str, int]:
    if at >= len(segment):
        raise _Unclosed
    if segment[at] == "\\" and at + 1 < len(segment):
        at += 1
    return segment[at], at + 1
