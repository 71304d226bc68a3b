"""Paths made absolute, what is mounted where, and files that no one else may read."""

import contextlib
import errno
import os
import re
import stat
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

AT_ONCE = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK

_LIST = "/proc/self/mountinfo"
"""https://www.man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html; other systems have none."""

_MAX_LINKS = 40
"""A way through more of them ends in an error."""

_ESCAPED = re.compile(r"\\([0-7]{3})")


class Mount(NamedTuple):
    """One mount: the device's number as text, where it is, its kind, and what it was told."""

    device: str
    point: str
    kind: str
    options: str


def mounts() -> list[Mount]:
    """Return all mounts, the latest last; none where the system has no list."""
    try:
        with open(_LIST, encoding="utf-8", errors="surrogateescape") as file:
            return list(_parsed(file.read().split("\n")))
    except OSError:
        return []


def _parsed(lines: list[str]) -> Iterator[Mount]:
    for line in lines:
        before, dash, after = line.partition(" - ")
        fields, more = before.split(" "), after.split(" ")
        if dash and len(fields) > 4 and len(more) > 2:
            yield Mount(fields[2], _plain(fields[4]), more[0], _plain(more[2]))


def _plain(text: str) -> str:
    return _ESCAPED.sub(lambda match: chr(int(match[1], 8)), text)


class MountPoints:
    """Where something is mounted, as it is when this is made, be it a part of the same file system.

    All paths are absolute, and real unless it says otherwise.
    """

    def __init__(self) -> None:
        self._points = {mount.point for mount in mounts()}

    def __contains__(self, path: str) -> bool:
        # Without a list, another file system shows at least.
        return path in self._points if self._points else os.path.ismount(path)

    def has_below(self, folder: str) -> bool:
        """Return whether something is mounted inside the folder, as far as that can be told."""
        inside = folder.rstrip("/") + "/"
        return any(point.startswith(inside) and point != folder for point in self._points)

    def are_on(self, start: str, way: str) -> bool:
        """Return whether a relative ``way``, which may have links in it, leads from ``start``
        through one.

        The same way from another place where ``start`` can be seen may then end elsewhere.
        """
        here, ahead, links = start, way.split("/")[::-1], 0
        while ahead and links < _MAX_LINKS:
            name = ahead.pop()
            if name == "..":
                if here in self and here != "/":
                    return True
                here = os.path.dirname(here)
            elif name not in {"", "."}:
                below = os.path.join(here, name)
                if below in self:
                    return True
                link = _link(below)
                if link.startswith("/"):
                    # From here on it is the same way for all.
                    return False
                links += bool(link)
                here = here if link else below
                ahead += link.split("/")[::-1]
        return False


def _link(path: str) -> str:
    """Return what the link at this path says; empty if there is none."""
    try:
        return os.readlink(path)
    except (OSError, ValueError):
        return ""


def open_private(path: str, *, folder: int | None = None) -> int:
    """Return a descriptor, to read and write, of a new file with mode 0600 from its first byte.

    ``folder`` is the descriptor of the directory that a relative path starts at. Raises
    `FileExistsError` no matter what stands there, be it a link that leads nowhere, and `OSError`.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    return os.open(path, flags, 0o600, dir_fd=folder)


def create_private(path: str, content: bytes = b"") -> None:
    """Create the file with mode 0600 from its first byte, unless it is there already."""
    with contextlib.suppress(FileExistsError), open(open_private(path), "wb") as file:
        file.write(content)


def absolute(path: str) -> str:
    """Return the path made absolute, without ``.`` and ``..``, and with links left as they are.

    Only a link that ``..`` climbs from is followed: that way leads beside what the link stands for,
    and not, as `os.path.abspath` takes it, beside the link.
    """
    if ".." not in path.split("/"):
        return os.path.abspath(path)
    here = os.path.abspath("/" if path.startswith("/") else ".")
    for name in path.split("/"):
        if name == "..":
            here = os.path.dirname(os.path.realpath(here) if os.path.islink(here) else here)
        elif name not in {"", "."}:
            here = os.path.join(here, name)
    return here


def open_regular(path: str) -> BinaryIO:
    """Return a regular file, open for reading. Raises `OSError`, also if something else is
    there.
    """
    file = open(path, "rb", opener=_open_at_once)  # noqa: SIM115 - the caller closes it
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    raise OSError(errno.ENOTSUP, "Not a regular file")


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | AT_ONCE)
