"""A directory that is written to by its descriptor, so that no link leads out of it."""

import contextlib
import os
import stat

from kvsync.formats.filenames import TEMPORARY
from kvsync.formats.output.files import hold
from kvsync.model.errors import UsageError
from kvsync.model.private_files import open_private
from kvsync.model.text import printable

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def open_directory(path: str) -> "Directory":
    """The directory at ``path``, made if there is none, and held by this run alone.

    Raises `OSError`, `LockedError`, and `UsageError` for something else than a directory.
    """
    if os.path.exists(path) and not os.path.isdir(path):
        raise UsageError(
            f"{printable(path)} is no directory: name another place with -o, "
            "or write a file with --format jsonl"
        )
    with contextlib.suppress(FileExistsError):
        os.makedirs(path, mode=0o700)
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        hold(descriptor, path)
    except BaseException:
        os.close(descriptor)
        raise
    return Directory(descriptor)


class Directory:
    """Plain names in one directory. Links are replaced and removed, never followed.

    A file comes into being under a temporary name (`prepare`) and is then moved into its place
    (`settle`). All methods raise `OSError` unless they say otherwise.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def names(self) -> list[str]:
        """All names, those of temporary files among them."""
        return os.listdir(self.descriptor)

    def has(self, name: str) -> bool:
        """Whether there is a value; never raises.

        No value is empty: an empty file has lost its content in a power cut.
        """
        try:
            found = os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)
        except OSError:
            return False
        return stat.S_ISREG(found.st_mode) and found.st_size > 0

    def holds(self, name: str, value: bytes) -> bool:
        """Whether there is a file with exactly these bytes; never raises."""
        try:
            with open(os.open(name, _READ, dir_fd=self.descriptor), "rb") as file:
                found = os.fstat(file.fileno())
                expected = stat.S_ISREG(found.st_mode) and found.st_size == len(value)
                return expected and file.read() == value
        except OSError:
            return False

    def prepare(self, name: str) -> int:
        """The descriptor of a new, private, temporary file that `settle` will move to ``name``."""
        self.remove(TEMPORARY + name)
        return open_private(TEMPORARY + name, folder=self.descriptor)

    def settle(self, name: str) -> None:
        """Move the prepared file into its place, over whatever stands there."""
        folder = self.descriptor
        os.rename(TEMPORARY + name, name, src_dir_fd=folder, dst_dir_fd=folder)

    def remove(self, name: str) -> bool:
        """Whether there was such a name to remove."""
        try:
            os.unlink(name, dir_fd=self.descriptor)
        except FileNotFoundError:
            return False
        return True

    def remove_temporary(self) -> None:
        """Remove what a killed run prepared and did not settle."""
        for name in self.names():
            if name.startswith(TEMPORARY):
                self.remove(name)

    def close(self) -> None:
        """Let other runs have the directory."""
        os.close(self.descriptor)
