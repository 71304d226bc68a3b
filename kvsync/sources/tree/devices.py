"""Which file systems can be believed when they say that a file is as it was.

Size, times and inode tell a file from its next version where a kernel keeps them for every write.
In an image they are what its maker wrote: another image in its place may say the very same, and
be mounted from the same device. What stands for no storage, as ``/proc`` does, makes its files when
they are read.
"""

import os
import re
from collections.abc import Iterator
from hashlib import blake2b
from typing import NamedTuple

from kvsync.model.files import mounts

_LAYER = re.compile(r"(?:^|,)lowerdir\+?=((?:\\,|[^,])*)")


class Device(NamedTuple):
    """A file system. ``mark`` tells it from another in its place; 0 if it cannot be ``trusted``."""

    mark: int

    @property
    def trusted(self) -> bool:
        """True if a status may stand for what is in a file."""
        return self.mark != 0


_UNTRUSTED = Device(0)


class Devices:
    """Looks at each file system once, for one reading of a source."""

    def __init__(self) -> None:
        self._known: dict[int, Device] = {}

    def of(self, number: int, path: str) -> Device:
        """Return the one with this number (``st_dev``), in which ``path`` lies."""
        device = self._known.get(number)
        if device is None:
            device = self._known[number] = _look(number, path)
        return device


def _look(number: int, path: str) -> Device:
    try:
        found = os.statvfs(path)
        layers = "" if os.major(number) else _layers(number, path)
        if not (_is_storage(found) and all(map(_may_be_storage, _each_of(layers)))):
            return _UNTRUSTED
    except OSError:
        return _UNTRUSTED
    said = repr((number, found.f_fsid, layers)).encode("utf-8", "surrogatepass")
    # The lowest bit is set, so that no mark is 0.
    return Device(int.from_bytes(blake2b(said, digest_size=8).digest()) | 1)


def _is_storage(found: os.statvfs_result) -> bool:
    """Return whether it is written by this kernel alone, and has anything to write to."""
    return found.f_blocks > 0 and not found.f_flag & os.ST_RDONLY


def _may_be_storage(folder: str) -> bool:
    """So of a lower layer; seen from within a container its path leads nowhere."""
    try:
        return _is_storage(os.statvfs(folder))
    except OSError:
        return True


def _layers(number: int, path: str) -> str:
    """Return what an overlay lies on, as its mount says it; nothing of any other file system."""
    device = f"{os.major(number)}:{os.minor(number)}"
    known = mounts()
    found = [mount for mount in known if mount.device == device]
    if not found:
        # A file in an overlay may have a number of its own: then its place tells.
        real = os.path.realpath(path) + "/"
        above = (mount for mount in known if real.startswith(mount.point.rstrip("/") + "/"))
        found = sorted(above, key=lambda mount: len(mount.point))
    return found[-1].options if found and found[-1].kind == "overlay" else ""


def _each_of(layers: str) -> Iterator[str]:
    """Yield the directories that an overlay's options name."""
    for match in _LAYER.finditer(layers):
        yield from filter(None, match[1].split(":"))
