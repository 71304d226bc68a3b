"""A pattern as in ``.gitignore`` as a regular expression that no name makes slow.

Git compares bytes, and so does what is made here: ``?`` is one byte, of which a letter may have
several. What git does against its own manual is done here, too: behind a literal beginning, stars
count as if the pattern began with them.

Translated one to one, each ``*`` and ``**`` doubles the ways to try: ``*a*a*a*a*b`` takes longer
than the universe on one long name. Here a wildcard that another one follows settles for the first
place where what stands between the two fits (an atomic group, ``(?>…)``): if the rest fits behind
a later place, it fits behind that one, too. So the time grows with the length of the name times
that of the pattern, and no more.
"""

import re
from collections.abc import Iterator
from string import ascii_letters, ascii_lowercase, ascii_uppercase, digits, hexdigits, punctuation

_PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))
_CLASSES = {
    "alnum": ascii_letters + digits,
    "alpha": ascii_letters,
    "blank": " \t",
    "cntrl": "".join(map(chr, (*range(0x20), 0x7F))),
    "digit": digits,
    "graph": _PRINTABLE[1:],
    "lower": ascii_lowercase,
    "print": _PRINTABLE,
    "punct": punctuation,
    # Without \v and \f: git has a table of its own, no matter what the locale.
    "space": " \t\n\r",
    "upper": ascii_uppercase,
    "xdigit": hexdigits,
}
_ALL = frozenset(map(chr, range(1, 256))) - {"/"}
"""What may stand in a name."""


class NeverError(ValueError):
    """The pattern matches nothing, no matter what it was meant to match."""


class UnclosedError(NeverError):
    """A bracket without an end."""


def read_bracket(pattern: str, at: int) -> tuple[str, int]:
    """Return the regular expression of a bracket that has just been opened, and where it is closed.

    Each character of ``pattern`` stands for a byte. Raises `NeverError`.
    """
    negated = pattern[at : at + 1] in {"!", "^"}
    members, at = _members(pattern, at + negated)
    chosen = sorted(_ALL - members if negated else _ALL & members)
    if not chosen:
        raise NeverError("a bracket in which there is nothing")
    return "[" + "".join(f"\\x{ord(one):02x}" for one in chosen) + "]", at


def _members(pattern: str, at: int) -> tuple[set[str], int]:
    members: set[str] = set()
    begun = at
    # What a range may begin with: a character that is neither the end of one nor a class.
    first = ""
    while at == begun or pattern[at : at + 1] != "]":
        one = pattern[at : at + 1]
        if one == "-" and first and pattern[at + 1 : at + 2] not in {"", "]"}:
            last, at = _character(pattern, at + 1)
            members.update(map(chr, range(ord(first), ord(last) + 1)))
            first = ""
        elif one == "[" and pattern[at + 1 : at + 2] == ":" and (end := _class_end(pattern, at)):
            name = pattern[at + 2 : end - 1]
            if name not in _CLASSES:
                raise NeverError("a class of characters that there is not")
            members.update(_CLASSES[name])
            first, at = "", end + 1
        else:
            first, at = _character(pattern, at)
            members.add(first)
    return members, at + 1


def _class_end(pattern: str, at: int) -> int:
    """Return where the ``]`` of a ``[:class:]`` stands; 0 if what begins so is none."""
    end = pattern.find("]", at + 2)
    if end < 0:
        raise UnclosedError("a bracket without an end")
    return end if end > at + 2 and pattern[end - 1] == ":" else 0


def _character(pattern: str, at: int) -> tuple[str, int]:
    if pattern[at : at + 1] == "\\":
        at += 1
    if at >= len(pattern):
        raise UnclosedError("a bracket without an end")
    return pattern[at], at + 1


_STAR = "*"
_ANY = "**"
_SLASH = "/"
_ESCAPED_SLASH = "\\/"
_SPECIAL = b"*?[\\"


def translate(pattern: bytes) -> re.Pattern[bytes] | None:
    """Return what matches the whole of a path (relative, no slash at its end), or None for nothing.

    A pattern without a slash matches a name, wherever that stands. ``pattern`` has neither the
    ``!`` in front nor the slash at its end that git gives a meaning of their own. Raises
    `NeverError` for what can match nothing, and looks as if it were to match something.
    """
    beginning = ""
    if b"/" in pattern:
        pattern = pattern.removeprefix(b"/")
        end = next((at for at, byte in enumerate(pattern) if byte in _SPECIAL), len(pattern))
        beginning = re.escape(pattern[:end].decode("latin-1"))
        pattern = pattern[end:]
    try:
        segments = _segments(pattern.decode("latin-1"))
    except UnclosedError:
        return None
    text = beginning + "".join(_parts(_groups(segments)))
    return re.compile(text.encode("latin-1"), re.DOTALL)


def _segments(pattern: str) -> list[list[str]]:
    """Return what stands between the slashes: each segment a list of regular expressions and
    wildcards.
    """
    segments: list[list[str]] = [[]]
    for token in _tokens(pattern):
        if token == _SLASH:
            segments.append([])
        elif token == _ESCAPED_SLASH:
            # As git has it, such a slash is no part of what ** may leave out.
            segments += [[_STAR], []] if segments[-1] == [_ANY] else [[]]
        else:
            segments[-1].append(token)
    return segments


def _tokens(pattern: str) -> Iterator[str]:
    """Yield a regular expression for each character to match, and the wildcards and slashes."""
    at = 0
    while at < len(pattern):
        character = pattern[at]
        at += 1
        if character == "*":
            begun = at
            while pattern[at : at + 1] == "*":
                at += 1
            yield _STAR if at == begun else _ANY
        elif character == "?":
            yield "[^/]"
        elif character == "[":
            token, at = read_bracket(pattern, at)
            yield token
        elif character == "\\":
            if at == len(pattern):
                raise NeverError("a backslash with nothing behind it")
            yield _ESCAPED_SLASH if pattern[at] == "/" else re.escape(pattern[at])
            at += 1
        else:
            yield _SLASH if character == "/" else re.escape(character)


def _groups(segments: list[list[str]]) -> list[list[str]]:
    """Return what stands before, between and behind the ``**``, segment by segment."""
    groups: list[list[str]] = [[]]
    for segment in segments:
        if segment != [_ANY]:
            groups[-1].append(_segment(segment))
        elif groups[-1] or len(groups) == 1:
            groups.append([])
    return groups


def _parts(groups: list[list[str]]) -> Iterator[str]:
    first, *between = groups
    last = between.pop() if between else None
    if last is None:
        yield "/".join(first)
        return
    yield from (f"{segment}/" for segment in first)
    for group in between:
        yield f"(?>(?:.*?/)??{'/'.join(group)}/)"
    yield f"(?:.*/)?{'/'.join(last)}" if last else ".*"


def _segment(segment: list[str]) -> str:
    pieces = [""]
    for token in segment:
        if token in {_STAR, _ANY}:
            pieces.append("")
        else:
            pieces[-1] += token
    first, *between = pieces
    if not between:
        return first
    last = between.pop()
    settled = "".join(f"(?>[^/]*?{piece})" for piece in between if piece)
    return f"{first}{settled}[^/]*{last}"
