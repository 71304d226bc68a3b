"""Where pairs come from: a YAML manifest or a directory tree.

Nothing heavy is imported before a source is opened.
"""

import os
import time
from collections.abc import Mapping

from kvsync.errors import InputError, Mistake, UsageError
from kvsync.source import Source
from kvsync.sources.files import Clock, os_fault
from kvsync.sources.options import SourceOptions, tree_flags
from kvsync.units import printable

__all__ = ["SourceOptions", "open_source"]

_NO_OPTIONS = SourceOptions()


_MANIFESTS = (".yaml", ".yml", ".json")


def open_source(
    path: str,
    options: SourceOptions = _NO_OPTIONS,
    *,
    environ: Mapping[str, str] | None = None,
    clock: Clock = time.time,
) -> Source:
    """The source at ``path``: a directory is a tree, a file is a manifest.

    ``environ`` is what ``${NAME}`` and ``env:`` are read from, by default the process's own.
    ``clock`` gives Unix seconds. Raises `InputError` for a path that cannot be read and for a file
    that is not YAML, `UsageError` for tree flags beside a manifest or flags that make no sense.
    All other mistakes come together, from the source's ``entries``.
    """
    if environ is None:
        environ = os.environ
    if os.path.isdir(path):
        from kvsync.sources.tree import TreeSource

        return TreeSource(path, options, clock)
    flags = tree_flags(options)
    if flags and os.path.exists(path):
        raise UsageError(
            f"{', '.join(flags)}: for directories only; write this into {printable(path)} instead"
        )
    from kvsync.sources.manifest import Manifest, read_manifest

    try:
        data = read_manifest(path)
    except OSError as error:
        raise InputError([Mistake(os_fault(error), printable(path))]) from None
    try:
        return Manifest(path, data, options, environ, clock)
    except InputError as error:
        if path.endswith(_MANIFESTS):
            raise
        told = error.mistakes[0]
        hint = f"{told.message}. A source is a manifest or a folder: for one file, use file: in one"
        raise InputError([told._replace(message=hint)]) from None
