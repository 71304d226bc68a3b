"""Files that nobody but the user may read, from their first byte on."""

import contextlib
import os


def open_private(path: str, *, folder: int | None = None) -> int:
    """A descriptor, to read and write, of a new file with mode 0600 from its first byte.

    ``folder`` is the descriptor of the directory that a relative path starts at. Raises
    `FileExistsError` whatever stands there, be it a link that leads nowhere, and `OSError`.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    return os.open(path, flags, 0o600, dir_fd=folder)


def create_private(path: str, content: bytes = b"") -> None:
    """Create the file with mode 0600 from its first byte, unless it is there already."""
    with contextlib.suppress(FileExistsError), open(open_private(path), "wb") as file:
        file.write(content)
