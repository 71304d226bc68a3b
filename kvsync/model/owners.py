"""Whose a key is: its source's by the name that it was given, or else by its place.

A place is told as a path from the directory that keeps the state, so that a checkout may lie
anywhere, and as it was named, so that a link in it may be led elsewhere. Names and places never
meet: see `name_fault`.
"""

import os
import re
from collections.abc import Iterator
from typing import NamedTuple

from kvsync.model.files import MountPoints, absolute
from kvsync.model.text import printable

_BEGIN = ("./", "../", "/")
_MADE_UP = re.compile(r"copy:|[a-z]+://")
"""How the owners of copies and of living servers begin."""
_ESCAPE = re.compile(r"\\(x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})")
_FOLDER = ".kvsync"
_LINE = re.compile(r"(?:.*/)?([^/]*\.ya?ml):[0-9]+(?::[0-9]+)?", re.DOTALL)
"""The origin of a key that stands in a manifest."""


class OwnerPlace(NamedTuple):
    """A source's place as an owner, and what earlier versions called the owner of the same."""

    owner: str
    former: tuple[str, ...] = ()


def is_place(owner: str) -> bool:
    """Return whether the owner is a place, and no name that was given."""
    return owner == "." or owner.startswith(_BEGIN)


def name_fault(name: str) -> str:
    """Return what is wrong with a name that someone gives; empty if nothing is."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return "is not UTF-8: give another"
    if is_place(name) or name == ".." or _MADE_UP.match(name):
        return (
            "may not be . or begin with ./, ../, /, copy: or a scheme, as owners do that have no"
            " name: give another, and --adopt once"
        )
    return ""


def is_of_another(origin: str, location: str) -> bool:
    """Return whether a key's origin is a line of another manifest than the one at ``location``."""
    match = _LINE.fullmatch(origin)
    names = {os.path.basename(path) for path in (location, os.path.realpath(location))}
    return match is not None and match[1] not in map(printable, names)


def place_once_called(owner: str) -> str:
    """Return the place that earlier versions may have called so."""
    return "../" if owner == ".." else f"./{owner}"


def place_of(
    location: str, home: str, state: str, explicit: str, mounted: MountPoints
) -> OwnerPlace:
    """Return the place of the source at ``location``, whose state is kept in the file ``state``.

    ``home`` is what ``.kvsync`` belongs in, ``explicit`` what ``--state`` says. ``location`` and
    ``home`` are absolute, links not resolved; ``state`` has no links in it.
    """
    file = absolute(explicit) if explicit else os.path.join(home, _FOLDER, "state.db")
    folder, kept = os.path.dirname(file), os.path.dirname(state) if explicit else home
    # A way that climbs through a link would be that of others, too.
    plain = _is_plain(file, location, state)
    begins = folder if plain or not explicit else kept
    linked = _has_links(state) or not (explicit or _is_own(file, state))
    if linked or _is_parted(location, state, os.path.commonpath([begins, location]), mounted):
        # Who else keeps the state there would have the same path to it.
        return OwnerPlace(_text("/" + location.lstrip("/")))
    base = folder if plain and explicit else kept
    return OwnerPlace(_relative(location, base), tuple(_former(location, kept)))


def _is_own(file: str, state: str) -> bool:
    """Return whether no link leads from a folder to the state in its ``.kvsync``."""
    home = os.path.dirname(os.path.dirname(file))
    return os.path.join(os.path.realpath(home), _FOLDER, "state.db") == state


def _is_parted(location: str, state: str, start: str, mounted: MountPoints) -> bool:
    """Return whether the state can be seen from where the same way leads to another source.

    That takes something mounted on the way from one to the other, below ``start``, where both
    ways part, or in the source: what is mounted there, or above it, has both in it.
    """
    real = os.path.realpath(start)
    return (
        mounted.are_on(real, os.path.relpath(state, real))
        or mounted.are_on(real, os.path.relpath(location, start))
        or mounted.has_below(os.path.realpath(location))
    )


def _has_links(state: str) -> bool:
    """Return whether the file has several names, none of which is a link."""
    try:
        return os.stat(state).st_nlink > 1
    except OSError:
        # It is not there yet.
        return False


def _is_plain(file: str, location: str, state: str) -> bool:
    """Return whether no link is on the way up from the state's file to where the source's way
    begins.
    """
    start = os.path.commonpath([os.path.dirname(file), location])
    return os.path.join(os.path.realpath(start), os.path.relpath(file, start)) == state


def _relative(location: str, base: str) -> str:
    path = os.path.relpath(location, base)
    if path == "..":
        return "../"
    return _text(path if path == "." or path.startswith("../") else f"./{path}")


def _text(path: str) -> str:
    """Return the path in UTF-8, no matter what the locale.

    One that is not UTF-8 is escaped, and ends with a slash, as no other does that has an escape.
    """
    raw = os.fsencode(path)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.replace(b"\\", b"\\\\").decode(errors="backslashreplace") + "/"


def _former(location: str, base: str) -> Iterator[str]:
    """Yield what earlier versions called it, where that was no other source's, too."""
    real = os.path.relpath(os.path.realpath(location), os.path.realpath(base))
    for path in dict.fromkeys((real, os.path.relpath(location, base))):
        # They escaped what cannot be shown, and then two names could be one.
        if printable(path) == path and not _ESCAPE.search(path):
            yield path
