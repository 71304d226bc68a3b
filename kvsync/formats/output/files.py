"""Files that grow while an export runs, and have their name once they are whole."""

import contextlib
import fcntl
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from kvsync.model.errors import LockedError, OutputError, UsageError
from kvsync.model.files import open_private
from kvsync.model.text import printable

_GOES_ON = (
    "; once that is mended, run the same export again: it goes on from where this one stopped"
)


@contextmanager
def disk_faults(path: str, advice: str = _GOES_ON) -> Iterator[None]:
    """Turn an `OSError` into an `OutputError` that names the place, with advice behind it."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"cannot write {printable(path)}: {error.strerror}{advice}") from error


def hold(descriptor: int, path: str, option: str = "-o") -> None:
    """Let no other run write there until the descriptor is closed.

    Raises `LockedError`; ``option`` is how another place is named.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise LockedError(
            f"another kvsync is writing {printable(path)}: wait for it, or name another place "
            f"with {option}"
        ) from None
    except OSError:
        # A file system without locks is no reason not to export to it.
        return


def open_kept(path: str, shown: str, folder: int | None = None, option: str = "-o") -> int:
    """Return a descriptor, to read and write, of a file that an earlier run left; links are not
    followed.

    ``folder`` is the descriptor of the directory that a relative path starts at, ``option`` how
    another place is named. Others can no longer open the file afterwards. Raises `OSError`, and
    `UsageError`, with the path as ``shown``, for a file that another one may have put there.
    """
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(path, flags, dir_fd=folder)
    try:
        _make_private(descriptor, shown, option)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _make_private(descriptor: int, shown: str, option: str) -> None:
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
        raise UsageError(
            f"{printable(shown)} is not a file of yours: remove it, or name another place with "
            f"{option}"
        )
    if stat.S_IMODE(found.st_mode) & 0o077:
        os.fchmod(descriptor, 0o600)


def write_all(descriptor: int, parts: Iterable[bytes]) -> int:
    """Write every part to its last byte; returns how many bytes that were. Raises `OSError`."""
    size = 0
    for part in parts:
        rest = memoryview(part)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        size += len(part)
    return size


class Growing:
    """A file that is only appended to, and that ends with something whole no matter what happens.

    The descriptor is closed by `close`; ``end`` is where what is to be kept ends, in bytes.
    """

    def __init__(self, descriptor: int, end: int) -> None:
        self.descriptor = descriptor
        self.end = end
        os.ftruncate(descriptor, end)
        os.lseek(descriptor, end, os.SEEK_SET)

    def append(self, data: bytes) -> None:
        """Add all of this, or nothing. Raises `OSError`."""
        try:
            self.end += write_all(self.descriptor, (data,))
        except OSError:
            # What comes next must not follow half a line.
            with contextlib.suppress(OSError):
                os.ftruncate(self.descriptor, self.end)
                os.lseek(self.descriptor, self.end, os.SEEK_SET)
            raise

    def close(self) -> None:
        """Give the file up as it is."""
        os.close(self.descriptor)


def refuse_taken(path: str, *, force: bool) -> None:
    """Raise `UsageError` for something else than a file, and without ``force`` for a file.

    The same goes for ``PATH.part``: an export that was interrupted would go on with it.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        raise UsageError(
            f"{printable(path)} is no regular file: name another place with -o (- is stdout)"
        )
    for name in (path, f"{path}.part"):
        _refuse_name(name, force=force)


def _refuse_name(path: str, *, force: bool) -> None:
    if os.path.lexists(path) and not force:
        raise UsageError(
            f"{printable(path)} is there already: name another place with -o, or replace it with "
            "--force"
        )


@contextmanager
def open_anew(path: str, *, force: bool, option: str = "-o") -> Iterator[Callable[[bytes], None]]:
    """Yield what appends to ``PATH.part``, which takes the place of ``path`` when the block is
    left.

    Left with an error, it is removed, and ``path`` stays as it was. Raises what `refuse_taken`
    does, `LockedError`, and `OutputError`; so does what is yielded, the last of these. ``option``
    is how another place is named.
    """
    refuse_taken(path, force=force)
    part = f"{path}.part"
    with _faults(path):
        descriptor = _open_part(part, option, force=force)
    try:
        yield lambda data: _put(descriptor, data, path)
        with _faults(path):
            os.fsync(descriptor)
            _refuse_name(path, force=force)
            os.rename(part, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(part)
        raise
    finally:
        # Until now it was held: what was removed was this run's own.
        os.close(descriptor)


def _faults(path: str) -> contextlib.AbstractContextManager[None]:
    return disk_faults(path, advice="")


def _put(descriptor: int, data: bytes, path: str) -> None:
    with _faults(path):
        write_all(descriptor, (data,))


def _open_part(path: str, option: str, *, force: bool) -> int:
    try:
        descriptor = open_private(path)
    except FileExistsError:
        _refuse_name(path, force=force)
        descriptor = open_kept(path, path, option=option)
    try:
        hold(descriptor, path, option)
        _check_name(descriptor, path)
        os.ftruncate(descriptor, 0)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _check_name(descriptor: int, path: str) -> None:
    """Raise `LockedError` if the run that held the file has given it its final name."""
    with contextlib.suppress(FileNotFoundError):
        if os.path.samestat(os.fstat(descriptor), os.lstat(path)):
            return
    raise LockedError(f"another kvsync has just written {printable(path)}: run this again")
