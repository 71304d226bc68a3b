"""A file that is written from its beginning, and that has its name once it is whole."""

import contextlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kvsync.formats.output.files import disk_faults, hold, open_kept, write_all
from kvsync.model.errors import LockedError, UsageError
from kvsync.model.private_files import open_private
from kvsync.model.text import printable


def refuse_taken(path: str, *, force: bool) -> None:
    """Raises `UsageError` for something else than a file, and without ``force`` for a file.

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
    """What appends to ``PATH.part``, which takes the place of ``path`` when the block is left.

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
    """Raises `LockedError` if the run that held the file has given it its final name."""
    with contextlib.suppress(FileNotFoundError):
        if os.path.samestat(os.fstat(descriptor), os.lstat(path)):
            return
    raise LockedError(f"another kvsync has just written {printable(path)}: run this again")
