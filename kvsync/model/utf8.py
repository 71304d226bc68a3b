"""Names, arguments and variables are UTF-8 here, no matter what the locale says.

A key must not depend on who runs kvsync: the same file, read by someone's shell and by cron, would
be two keys, and the one's run would delete the other's. But Python decodes names by the locale,
from its first moment on, and nothing changes that later: only a Python that is told so when it
starts reads them all as UTF-8 (its "UTF-8 mode", which it takes by itself in the locale C).
"""

import os
import sys
from contextlib import suppress

from kvsync.model.errors import UsageError


def is_text(value: str) -> bool:
    """Return whether the text, which may come from outside, was UTF-8 there."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def restart_in_utf8() -> None:
    """Become a Python in UTF-8 mode that does the same, if this one reads names as anything else.

    It takes as long as Python takes to start, and nothing where the locale is a UTF-8 one. What is
    written for people stays in the encoding of their terminal. Where this cannot be done it
    returns: see `require_utf8`.
    """
    tried = "utf8" in sys._xoptions  # noqa: SLF001 - documented under this name
    if _reads_utf8() or tried or not sys.executable or hasattr(sys, "frozen"):
        return
    arguments = _arguments()
    count = len(sys.argv) - 1
    if arguments[len(arguments) - count :] != [os.fsencode(arg) for arg in sys.argv[1:]]:
        # Someone's program gave other arguments than its own: it would lose them.
        return
    if sys.stdout:
        os.environ["PYTHONIOENCODING"] = sys.stdout.encoding
    with suppress(OSError):
        os.execv(sys.executable, [arguments[0], b"-X", b"utf8", *arguments[1:]])  # noqa: S606


def _reads_utf8() -> bool:
    return sys.getfilesystemencoding() == "utf-8"


def _arguments() -> list[bytes]:
    """Return the interpreter's own arguments, as they were given."""
    decoded = sys.orig_argv
    with suppress(OSError), open("/proc/self/cmdline", "rb") as file:
        # Not every encoding gives back the bytes that it has decoded.
        exact = file.read().split(b"\0")[:-1]
        if len(exact) == len(decoded):
            return exact
    return [os.fsencode(argument) for argument in decoded]


def require_utf8() -> None:
    """Raise `UsageError` if this Python reads names in another encoding than UTF-8.

    Under the ``kvsync`` command it never does; who calls kvsync from a program decides how that
    is started.
    """
    if not _reads_utf8():
        raise UsageError(
            f"this Python reads file names as {sys.getfilesystemencoding()}, by its locale, and"
            " their keys would be others than elsewhere: start it with -X utf8 or PYTHONUTF8=1"
        )
