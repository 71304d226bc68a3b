"""An exported directory: each value in a file of its own, and an index of the keys."""

import contextlib
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from kvsync.formats.filenames import INDEX_NAME, TEMPORARY, file_name
from kvsync.formats.folder_index import Index, Origin, end_line, index_lines, pair_lines, read_index
from kvsync.formats.output.files import Growing, disk_faults, hold, open_kept, write_all
from kvsync.model.errors import UsageError
from kvsync.model.files import open_private
from kvsync.model.text import printable
from kvsync.model.values import Pair

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def open_directory(path: str) -> "Directory":
    """Return the directory at ``path``, made if there is none, and held by this run alone.

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
        """Return all names, those of temporary files among them."""
        return os.listdir(self.descriptor)

    def has(self, name: str) -> bool:
        """Return whether there is a value; never raises.

        No value is empty: an empty file has lost its content in a power cut.
        """
        try:
            found = os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)
        except OSError:
            return False
        return stat.S_ISREG(found.st_mode) and found.st_size > 0

    def holds(self, name: str, value: bytes) -> bool:
        """Return whether there is a file with exactly these bytes; never raises."""
        try:
            with open(os.open(name, _READ, dir_fd=self.descriptor), "rb") as file:
                found = os.fstat(file.fileno())
                expected = stat.S_ISREG(found.st_mode) and found.st_size == len(value)
                return expected and file.read() == value
        except OSError:
            return False

    def prepare(self, name: str) -> int:
        """Return the descriptor of a new, private, temporary file that `settle` will move to
        ``name``.
        """
        self.remove(TEMPORARY + name)
        return open_private(TEMPORARY + name, folder=self.descriptor)

    def settle(self, name: str) -> None:
        """Move the prepared file into its place, over anything that stands there."""
        folder = self.descriptor
        os.rename(TEMPORARY + name, name, src_dir_fd=folder, dst_dir_fd=folder)

    def remove(self, name: str) -> bool:
        """Return whether there was such a name to remove."""
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


def open_index(directory: Directory, path: str, origin: Origin) -> "IndexFile":
    """Return the index of the directory at ``path``, made if the directory is empty.

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


@contextmanager
def open_folder(path: str, origin: Origin, *, refresh: bool) -> Iterator["Folder"]:
    """Yield the directory at ``path``, made if there is none.

    Raises `UsageError` for a directory that is not of such an export, `InputError` for an index
    that no one can read, `LockedError`, and `OutputError`.
    """
    with contextlib.ExitStack() as opened:
        with disk_faults(path):
            directory = open_directory(path)
            opened.callback(directory.close)
            index = open_index(directory, path, origin)
            opened.callback(index.close)
            directory.remove_temporary()
        place = Folder(path, directory, index, refresh)
        opened.callback(place.tidy)
        yield place


class Folder:
    """A directory as an export's output (`kvsync.formats.output.Output`).

    A pair's line is in the index before its file is in its place, and no file ever has a line that
    says another expiry than the pair had: whenever a run is killed, each pair that is there is
    right. (Power cuts may empty files that are not on the disk yet. Those count as not there.)
    """

    def __init__(self, path: str, directory: Directory, index: IndexFile, refresh: bool) -> None:
        self._path = path
        self._directory = directory
        self._index = index
        self._refresh = refresh
        self._written: set[str] = set()

    def has(self, key: str) -> bool:
        """Return whether the pair was exported before, and need not be fetched again."""
        return not self._refresh and key in self._index.expires and self._exists(key)

    def _exists(self, key: str) -> bool:
        return self._directory.has(file_name(key))

    def write(self, pairs: Sequence[Pair]) -> int:
        """Keep these pairs; returns how many were new or changed. Raises `OutputError`."""
        with disk_faults(self._path):
            changed = {pair.key: pair for pair in pairs if not self._holds(pair)}
            if changed:
                self._put(list(changed.values()))
        self._written.update(pair.key for pair in pairs)
        return len(changed)

    def _said(self, pair: Pair) -> bool:
        return self._index.expires.get(pair.key) == pair.expires

    def _holds(self, pair: Pair) -> bool:
        return self._said(pair) and self._directory.holds(file_name(pair.key), pair.value or b"")

    def _put(self, pairs: list[Pair]) -> None:
        for pair in pairs:
            self._prepare(pair)
        for pair in pairs:
            if not self._said(pair):
                self._directory.remove(file_name(pair.key))
        self._index.add(pairs)
        for pair in pairs:
            self._directory.settle(file_name(pair.key))

    def _prepare(self, pair: Pair) -> None:
        descriptor = self._directory.prepare(file_name(pair.key))
        try:
            write_all(descriptor, (pair.value or b"",))
        finally:
            os.close(descriptor)

    def finish(self) -> int:
        """Make the export complete; returns how many pairs are no longer in the namespace.

        Only a refresh knows of those: it removes them. Raises `OutputError`.
        """
        known = self._index.expires
        unwanted = known.keys() - self._written if self._refresh else set()
        gone = [key for key in known if key in unwanted or not self._exists(key)]
        with disk_faults(self._path):
            if gone:
                # Until a new index is in its place, the old one must not speak for the files.
                self._index.reopen()
            dropped = [key for key in gone if self._directory.remove(file_name(key))]
            for key in gone:
                del known[key]
            self._index.complete()
        return len(unwanted.intersection(dropped))

    def tidy(self) -> None:
        """Remove what is half-written; the rest is for a later run."""
        with contextlib.suppress(OSError):
            self._directory.remove_temporary()
