"""One run at a time per state file."""

import errno
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from kvsync.model.errors import LockedError, StateError
from kvsync.model.files import create_private
from kvsync.state.sqlite.schema import make_room
from kvsync.state.sqlite.trouble import unwritable

_LONGEST = 4096
"""Characters of what a holder writes about itself, at most."""

_UNNAMED = "it has just begun"

_NO_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL}
"""What a file system answers that keeps no locks."""


@contextmanager
def run_lock(
    path: str, timeout: float = 0.0, waiting: Callable[[str], None] = lambda _: None
) -> Iterator[None]:
    """Hold the state file ``path`` for a run; wait for at most ``timeout`` seconds.

    ``waiting`` hears who holds it, if there is a wait.

    The kernel frees the lock when its holder dies, however it dies. Who holds it stands in a file
    beside it, for the message only. Raises `LockedError` and `StateError`.
    """
    from filelock import FileLock, Timeout

    make_room(path)
    # A lock that is a mere file, which is what it would fall back to where there are no others,
    # outlives its holder: finding an old one is no reason to wait.
    lock = FileLock(f"{path}.lock", mode=0o600, fallback_to_soft=False)
    holder = f"{path}.holder"
    try:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            if not timeout:
                raise
            waiting(f"waiting for another run: {_holder(holder)}")
            lock.acquire(timeout=timeout, poll_interval=0.1)
    except Timeout:
        raise LockedError(
            f"another run holds {path}: {_holder(holder)}; wait longer for it: --lock-timeout 5m"
        ) from None
    except OSError as error:
        raise _unlockable(path, error) from error
    try:
        _sign(holder)
        yield
    finally:
        lock.release()


@contextmanager
def run_lock_at_once(path: str) -> Iterator[None]:
    """Do as `run_lock`, for a moment, where a run has been before; without what a wait would take.

    It is the same lock: the kernel's, on the same file. Raises `OSError` if that is not there or
    cannot be had at once.
    """
    import fcntl

    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    descriptor = os.open(f"{path}.lock", flags)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _sign(f"{path}.holder")
        yield
    finally:
        os.close(descriptor)


def _unlockable(path: str, error: OSError) -> StateError:
    if error.errno not in _NO_LOCKS:
        return unwritable(f"{path}.lock", error)
    return StateError(
        f"cannot lock {path}: its file system keeps no locks ({error.strerror}), and two runs at"
        " once would spoil it; to keep the state elsewhere, give --state FILE"
    )


def _sign(holder: str) -> None:
    content = json.dumps({"pid": os.getpid(), "host": os.uname().nodename, "since": time.time()})
    try:
        create_private(holder)
        with open(holder, "w", encoding="utf-8", opener=_without_waiting) as file:
            file.write(content)
    except OSError as error:
        raise unwritable(holder, error) from error


def _without_waiting(path: str, flags: int) -> int:
    # A FIFO in its place would be waited for.
    return os.open(path, flags | os.O_NONBLOCK)


def _holder(holder: str) -> str:
    """``pid 4711 on web1, since 2026-11-23T03:00:00Z``, as far as it can be read."""
    try:
        with open(holder, encoding="utf-8", opener=_without_waiting) as file:
            fields = json.loads(file.read(_LONGEST))
        if fields["host"] == os.uname().nodename and not _is_alive(int(fields["pid"])):
            # It is not the present holder of the lock.
            return _UNNAMED
        since = datetime.fromtimestamp(fields["since"], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return f"pid {int(fields['pid'])} on {fields['host']!s}, since {since}"
    except (OSError, ValueError, KeyError, TypeError, ArithmeticError, RecursionError):
        return _UNNAMED


def _is_alive(pid: int) -> bool:
    """Return whether this machine has such a process. Raises `OverflowError` for what is no number
    of one.

    Of another's we may not ask, but it is there.
    """
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
