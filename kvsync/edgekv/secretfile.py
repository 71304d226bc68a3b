"""Files with a key in them: their text, and a word where others may read it, too."""

import logging
import os
import shlex
from contextlib import suppress
from pathlib import Path

from kvsync.model.errors import FatalError
from kvsync.model.text import printable

_log = logging.getLogger("kvsync.edgekv")
_warned: set[str] = set()
"""Files that were spoken of: each look for credentials, and each client, reads them anew."""


def text_of(path: Path) -> str | None:
    """Return the file's text, or None if there is no such file. Raises `FatalError`."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except UnicodeDecodeError:
        raise bad_place(f"{path} is not a text file in UTF-8") from None
    except OSError as error:
        raise bad_place(f"{path} cannot be read: {error.strerror}") from None


def bad_place(message: str) -> FatalError:
    """Return the error for a place whose credentials cannot be used."""
    return FatalError("BadCredentials", message)


def warn_if_open(path: Path) -> None:
    """Say once of a file with a key that other users of this machine may read or change it."""
    mode = 0
    with suppress(OSError):
        mode = os.stat(path).st_mode & 0o777
    if mode & 0o077 and str(path) not in _warned:
        _warned.add(str(path))
        told = printable(str(path))
        _log.warning(
            "%s is open to other users of this machine (mode %03o): chmod 600 %s",
            told,
            mode,
            shlex.quote(told),
        )
