"""Names that look the same, and are not."""

from collections.abc import Iterable
from unicodedata import normalize

from kvsync.model.text import count_text

_NAMED = 3


def twins_warning(paths: Iterable[str]) -> list[str]:
    """A warning of paths that differ in nothing but how Unicode composes their letters."""
    first: dict[str, str] = {}
    twins: dict[str, str] = {}
    for path in paths:
        at = 0
        while at >= 0 and not path.isascii():
            at = path.find("/", at + 1)
            # A folder of another one's name is told of once, not with each file in it.
            part = path if at < 0 else path[:at]
            other = first.setdefault(normalize("NFC", part), part)
            if other != part:
                twins.setdefault(part, other)
                break
    if not twins:
        return []
    shown = [f"{one!a} and {other!a}" for other, one in list(twins.items())[:_NAMED]]
    more = f" and {len(twins) - _NAMED:,} more" if len(twins) > _NAMED else ""
    names = count_text(len(twins), "name is", "names are")
    return [
        f"{names} there twice, composed (NFC) and decomposed (NFD), each with a key of its own:"
        f" {', '.join(shown)}{more}"
    ]
