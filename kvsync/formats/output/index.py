"""The index of an exported directory, as it is written."""

import os

from kvsync.formats.filenames import INDEX_NAME, TEMPORARY
from kvsync.formats.folder_index import Index, Origin, end_line, index_lines, pair_lines, read_index
from kvsync.formats.output.directory import Directory
from kvsync.formats.output.files import Growing, open_kept, write_all
from kvsync.model.errors import UsageError
from kvsync.model.text import printable
from kvsync.model.values import Pair


def open_index(directory: Directory, path: str, origin: Origin) -> "IndexFile":
    """The index of the directory at ``path``, made if the directory is empty.

    Raises `OSError`, `InputError` for an index that kvsync did not write, and `UsageError` for a
    directory that is not of this export.
    """
    names = directory.names()
    if INDEX_NAME in names:
        descriptor = open_kept(INDEX_NAME, os.path.join(path, INDEX_NAME), directory.descriptor)
        try:
            found = _read(descriptor, path, origin)
            if found.origin:
                return IndexFile(directory, origin, Growing(descriptor, found.end), found.expires)
        except BaseException:
            os.close(descriptor)
            raise
        # Its first line is not whole: a power cut left nothing of it.
        os.close(descriptor)
    elif not all(name.startswith(TEMPORARY) for name in names):
        raise UsageError(
            f"{printable(path)} is not empty, and not an exported directory: "
            "name another place with -o"
        )
    return IndexFile(directory, origin, _write(directory, origin, {}, complete=False), {})


def _read(descriptor: int, path: str, origin: Origin) -> Index:
    with open(os.dup(descriptor), "rb") as file:
        found = read_index(file, printable(os.path.join(path, INDEX_NAME)))
    if found.origin not in {None, origin}:
        raise UsageError(
            f"{printable(path)} holds {printable(str(found.origin))}, not "
            f"{printable(str(origin))}: name another place with -o"
        )
    return found


def _write(
    directory: Directory, origin: Origin, expires: dict[str, int], *, complete: bool
) -> Growing:
    descriptor = directory.prepare(INDEX_NAME)
    try:
        end = write_all(descriptor, index_lines(origin, expires, complete))
        os.fsync(descriptor)
        directory.settle(INDEX_NAME)
        return Growing(descriptor, end)
    except BaseException:
        os.close(descriptor)
        raise


class IndexFile:
    """Says on the disk what ``expires`` says: Unix seconds by key, 0 for never.

    All methods raise `OSError`.
    """

    def __init__(
        self, directory: Directory, origin: Origin, file: Growing, expires: dict[str, int]
    ) -> None:
        self.expires = expires
        self._directory = directory
        self._origin = origin
        self._file = file

    def add(self, pairs: list[Pair]) -> None:
        """Add these pairs, or replace what was said of them."""
        expires = {pair.key: pair.expires for pair in pairs}
        self._file.append(b"".join(pair_lines(expires.items())))
        self.expires.update(expires)

    def reopen(self) -> None:
        """Say that the export has not finished."""
        self._file.append(end_line(complete=False))

    def complete(self) -> None:
        """Write the index anew, as ``expires`` is now, and say that the export has finished."""
        old = self._file
        self._file = _write(self._directory, self._origin, self.expires, complete=True)
        old.close()

    def close(self) -> None:
        """Give the file up as it is."""
        self._file.close()
