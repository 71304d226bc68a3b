"""An exported directory: each value in a file of its own, and an index of the keys."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from kvsync.formats.filenames import file_name
from kvsync.formats.folder_index import Origin
from kvsync.formats.output.directory import Directory, open_directory
from kvsync.formats.output.files import disk_faults, write_all
from kvsync.formats.output.index import IndexFile, open_index
from kvsync.model.values import Pair


@contextmanager
def open_folder(path: str, origin: Origin, *, refresh: bool) -> Iterator["Folder"]:
    """The directory at ``path``, made if there is none.

    Raises `UsageError` for a directory that is not of such an export, `InputError` for an index
    that nobody can read, `LockedError`, and `OutputError`.
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
    """A directory as an export's place (`kvsync.formats.output.Place`).

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
        """Whether the pair was exported before, and need not be fetched again."""
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
