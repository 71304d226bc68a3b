"""A file as a value: read once, through one descriptor, and known again by its signature."""

import base64
import errno
import os
import stat
import struct
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from kvsync.model.api import MAX_VALUE_SIZE, MAX_VALUE_TEXT
from kvsync.model.files import AT_ONCE
from kvsync.model.values import Lost
from kvsync.sources.own_files import OURS, is_ours
from kvsync.sources.tree.devices import Device, Devices

Clock: TypeAlias = Callable[[], float]
"""Unix seconds."""

# A FIFO that took the file's place must not stop the run.

_TICK = 2.0
"""Seconds. The coarsest time stamp in use is FAT's; a file changed again within one tick of the
scan could keep its signature (git calls such an index entry racy)."""

_SIGNATURE = struct.Struct("<QqQqQB")
AUTO = "auto"
"""The encoding of a file that is text where it is UTF-8, and goes in base64 where it is not."""
_TEXT, _BASE64, _BINARY = range(3)
"""How a file was sent: as text; in base64, no matter what it is; in base64, since it is no text."""
_POINTER = 0x10
"""Set beside these where the file only stands for one in Git LFS."""
_ENCODINGS = {"text": _TEXT, "base64": _BASE64, AUTO: _TEXT}
_FITTING = {"text": {_TEXT}, "base64": {_BASE64, _BINARY}, AUTO: {_TEXT, _BINARY}}
"""Which of them an encoding would send the same file by, too."""
_LFS = b"version https://git-lfs.github.com/spec/v1"
_OR_NOT = ", or leave it out"
_FAULTS = {
    errno.ENOENT: "no such file: check the path",
    errno.ENOTDIR: "no such file: a part of the path is not a directory",
    errno.EACCES: f"permission denied: let this user read it{_OR_NOT}",
    errno.EPERM: f"permission denied: let this user read it{_OR_NOT}",
    errno.ENAMETOOLONG: f"the path is too long for this system: shorten it{_OR_NOT}",
    errno.ENOTSUP: f"not a regular file: name a file{_OR_NOT}",
    errno.ELOOP: f"a link that leads back to itself: remove it{_OR_NOT}",
}
NOT_TEXT = "not UTF-8 text: leave it out, or set encoding: base64 (folder: --encoding base64)"
TOO_LARGE = f"EdgeKV takes at most {MAX_VALUE_SIZE} ({MAX_VALUE_TEXT})"
EMPTY = "the value is empty, and EdgeKV stores no empty value: fill it, or leave it out"


class FileRef(NamedTuple):
    """A file that holds a value. ``encoding`` is ``text``, ``base64`` or ``auto``."""

    path: str
    encoding: str


class Content(NamedTuple):
    """A file's value, ready to be sent, and what is known of the file that it was read from.

    ``mark`` is its signature: empty if the file is too young to be told from its next version, or
    its status tells nothing. ``form`` says what it is and how it is sent.
    """

    value: bytes
    mark: bytes
    form: int


def signature(found: os.stat_result, encoding: str, device: Device) -> bytes:
    """Return what identifies a file's content without reading it, if its ``device`` can be
    trusted.
    """
    return _signed(found, _ENCODINGS[encoding], device)


def _signed(found: os.stat_result, form: int, device: Device) -> bytes:
    return _SIGNATURE.pack(
        found.st_size,
        found.st_mtime_ns,
        found.st_ino & 0xFFFF_FFFF_FFFF_FFFF,
        found.st_ctime_ns,
        device.mark,
        form,
    )


def plain(mark: bytes) -> bytes:
    """Return a signature without what is said of the file's encoding."""
    return mark[:-1]


def is_known(mark: bytes, found: bytes, encoding: str) -> bool:
    """Return whether what has this signature was sent as ``encoding`` would send the file just
    found.
    """
    if mark == found:
        return True
    return mark[:-1] == found[:-1] and form_of(mark) & ~_POINTER in _FITTING[encoding]


def form_of(mark: bytes) -> int:
    """Return what a signature says of how its file was sent; as text if it says nothing."""
    return mark[-1] if mark else _TEXT


def stored_as(form: int) -> str:
    """``text`` or ``base64``."""
    return "text" if form & ~_POINTER == _TEXT else "base64"


def is_pointer(form: int) -> bool:
    """Return whether the file only stands for one in Git LFS."""
    return bool(form & _POINTER)


def settled(found: os.stat_result, moment: float) -> bool:
    """Return whether a file is old enough at ``moment`` (Unix seconds) for its signature to be
    trusted.
    """
    return max(found.st_mtime_ns, found.st_ctime_ns) < (moment - _TICK) * 1e9


def os_fault(error: OSError) -> str:
    """Return what the system found, in words that say what to do."""
    known = _FAULTS.get(error.errno or 0)
    return known or f"cannot be read: {os.strerror(error.errno or 0).lower()}"


def link_fault(error: OSError) -> str:
    """Do as `os_fault`, of what no pattern can leave out: no one knows what it is."""
    return os_fault(error).removesuffix(_OR_NOT)


def size_fault(size: int, encoding: str = "text") -> str:
    """Return what is wrong with a value of ``size`` bytes before encoding; empty if nothing is."""
    sent = (size + 2) // 3 * 4 if encoding == "base64" else size
    if not sent:
        return EMPTY
    if sent <= MAX_VALUE_SIZE:
        return ""
    kind = " in base64" if encoding == "base64" else ""
    return f"the value has {sent} bytes{kind}: {TOO_LARGE}"


def read_file(path: str, encoding: str, clock: Clock, devices: Devices) -> Content | Lost:
    """Return the value in a file, or why it cannot be had."""
    moment = clock()
    raw = read_raw(path)
    if isinstance(raw, Lost):
        return raw
    data, before, after = raw
    size = len(data)
    if is_ours(path, data):
        return Lost(OURS)
    # Of a large one not all was read.
    full = max(size, before.st_size) if size > MAX_VALUE_SIZE else size
    fault = size_fault(full, encoding)
    if fault:
        return Lost(fault)
    form = _ENCODINGS[encoding]
    if form == _TEXT and not (data.isascii() or _is_utf8(data)):
        fault = NOT_TEXT if encoding != AUTO else size_fault(full, "base64")
        if fault:
            return Lost(fault)
        form = _BINARY
    value = base64.b64encode(data) if form != _TEXT else data
    form |= _POINTER * data.startswith(_LFS)
    device = devices.of(before.st_dev, path)
    sure = device.trusted and settled(before, moment) and _is_same(before, after, size)
    return Content(value, _signed(before, form, device) if sure else b"", form)


def _is_same(before: os.stat_result, after: os.stat_result, size: int) -> bool:
    """Return whether a file was not changed between two looks at it through one descriptor.

    One of which more or less was read than its status says has none that tells anything.
    """
    return (
        size == before.st_size
        and before.st_mtime_ns == after.st_mtime_ns
        and before.st_ctime_ns == after.st_ctime_ns
        and before.st_size == after.st_size
    )


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


Raw: TypeAlias = tuple[bytes, os.stat_result, os.stat_result]


def read_raw(path: str) -> Raw | Lost:
    """Return a regular file's bytes (at most one more than a value may have), and its status
    around.
    """
    try:
        descriptor = os.open(path, AT_ONCE)
    except OSError as error:
        return Lost(os_fault(error))
    try:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            return Lost("not a regular file: name a file, or leave it out")
        # One byte more than expected shows a file that grew.
        data = os.read(descriptor, min(before.st_size, MAX_VALUE_SIZE) + 1)
        if len(data) != before.st_size:
            data += _rest(descriptor, MAX_VALUE_SIZE + 1 - len(data))
        return data, before, os.fstat(descriptor)
    except OSError as error:
        return Lost(os_fault(error))
    finally:
        os.close(descriptor)


def _rest(descriptor: int, most: int) -> bytes:
    """Return what is left to read of a file that is not as long as it was said to be."""
    parts = []
    while most > 0 and (data := os.read(descriptor, most)):
        parts.append(data)
        most -= len(data)
    return b"".join(parts)
