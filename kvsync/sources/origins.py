"""Whether a key can have come from a source, by the origin that its row has.

An origin is a path as it was typed, from a directory that no one knows any more; behind a file's
there may be a line. In doubt it is none of the source's.
"""

import os
import re
from collections.abc import Iterator

from kvsync.model.text import printable

_LINE = re.compile(r"(.*):[0-9]+", re.DOTALL)
_DOTS = re.compile(r"(\.\.?/)*\.\.?")


class Whereabouts:
    """Where a file or a folder is, and how it is named today; ``shown`` may be empty."""

    def __init__(self, location: str, shown: str = "") -> None:
        self._places = {printable(path) for path in (location, os.path.realpath(location))}
        self._dotted = bool(shown) and _is_dotted(shown)

    def is_origin(self, origin: str) -> bool:
        """Return whether the origin can be the file, or a line of it."""
        line = _LINE.fullmatch(origin)
        return self._led_here(origin) or bool(line and self._led_here(line[1]))

    def has_line(self, origin: str) -> bool:
        """Return whether the origin is a line of a file of this name, wherever that was."""
        line = _LINE.fullmatch(origin)
        names = set(map(os.path.basename, self._places))
        return line is not None and os.path.basename(line[1]) in names

    def inside(self, origin: str, *, dotted: bool) -> Iterator[str]:
        """Yield the paths in the folder that the origin can stand for.

        ``dotted``: also where it was called ``.`` or ``..``, as it is today.
        """
        for slash in re.finditer("/", origin):
            typed = origin[: slash.start()]
            if self._led_here(typed) or (dotted and self._dotted and _is_dotted(typed)):
                yield origin[slash.end() :]

    def _led_here(self, typed: str) -> bool:
        if not typed or _is_dotted(typed):
            return False
        path = os.path.normpath(typed)
        if path.startswith("/"):
            return path in self._places
        while path.startswith("../"):
            path = path.removeprefix("../")
        return any(place.endswith(f"/{path}") for place in self._places)


def _is_dotted(path: str) -> bool:
    """Return whether a path names nothing: it is made of dots alone."""
    return bool(_DOTS.fullmatch(os.path.normpath(path)))
