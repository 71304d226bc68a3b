"""Brackets in a pattern as in ``.gitignore``, byte by byte as git reads them."""

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
    # Without \v and \f: git has a table of its own, whatever the locale.
    "space": " \t\n\r",
    "upper": ascii_uppercase,
    "xdigit": hexdigits,
}
_ALL = frozenset(map(chr, range(1, 256))) - {"/"}
"""What may stand in a name."""


class NeverError(ValueError):
    """The pattern matches nothing, whatever it was meant to match."""


class UnclosedError(NeverError):
    """A bracket without an end."""


def read_bracket(pattern: str, at: int) -> tuple[str, int]:
    """The regular expression of a bracket that has just been opened, and where it is closed.

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
    """Where the ``]`` of a ``[:class:]`` stands; 0 if what begins so is none."""
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
