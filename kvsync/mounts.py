"""What is mounted where, as far as the system tells it."""

import os
import re
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Mount", "is_mount_point", "mounts"]

_LIST = "/proc/self/mountinfo"
"""https://www.man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html; other systems have none."""

_ESCAPED = re.compile(r"\\([0-7]{3})")


class Mount(NamedTuple):
    """One mount: the device's number as text, where it is, its kind, and what it was told."""

    device: str
    point: str
    kind: str
    options: str


def mounts() -> list[Mount]:
    """All mounts, the latest last; none where the system has no list."""
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


def is_mount_point(path: str) -> bool:
    """Whether something is mounted right there, be it a part of the same file system."""
    real = os.path.realpath(path)
    return os.path.ismount(real) or any(mount.point == real for mount in mounts())
