"""The directory that takes what is needed only while a source is read."""

import os
import tempfile

from kvsync.model.errors import OutputError
from kvsync.model.text import printable

_USUAL = ("/tmp", "/var/tmp", "/usr/tmp")  # noqa: S108 - named, not used


def no_room(what: str, error: Exception) -> OutputError:
    """That ``what`` failed for this error, and what to do about it."""
    try:
        folder = tempfile.gettempdir()
    except OSError:
        said = os.environ.get("TMPDIR")
        tried = ", ".join(map(printable, dict.fromkeys([said, *_USUAL] if said else _USUAL)))
        return OutputError(
            f"{what}: no temporary directory can be written to (tried {tried}): "
            "set TMPDIR to one in which this user may write"
        )
    told = error.strerror if isinstance(error, OSError) else error
    return OutputError(
        f"{what} in the temporary directory {printable(folder)} ({told}): make room there, or set"
        " TMPDIR to another one"
    )
