"""Where pairs come from: a YAML manifest, a directory tree, or another store's dump.

Nothing heavy is imported before a source is opened.
"""

import os
import re
import time
from collections.abc import Mapping
from dataclasses import replace

from kvsync.dumps import FORMATS, guess_format
from kvsync.errors import InputError, Mistake, UsageError
from kvsync.source import Source
from kvsync.sources.files import Clock, os_fault
from kvsync.sources.options import SourceOptions, flags_beside_manifest, tree_flags
from kvsync.units import printable

__all__ = ["MANIFEST", "SourceOptions", "open_source", "shown_source"]

MANIFEST = "manifest"
"""What ``--format`` calls a manifest, whatever its file is called."""

_NO_OPTIONS = SourceOptions()
_REDIS = "redis"
_YAML = (".yaml", ".yml")
_MANIFESTS = (*_YAML, ".json")
_USER = re.compile("//[^/]*@")
_DUMPS = (".csv", ".tsv", ".jsonl", ".ndjson")
"""Names that no manifest has."""
_HEAD = 1 << 16
"""Bytes of a file by which its format is guessed."""


def open_source(
    path: str,
    options: SourceOptions = _NO_OPTIONS,
    *,
    environ: Mapping[str, str] | None = None,
    clock: Clock = time.time,
) -> Source:
    """The source at ``path``: a directory is a tree, a file a manifest or a dump.

    ``environ`` is what ``${NAME}`` and ``env:`` are read from, by default the process's own.
    ``clock`` gives Unix seconds. Raises `InputError` for a path that cannot be read and for a file
    that is not YAML, `UsageError` for flags beside a source that they are not for, or flags that
    make no sense. All other mistakes come together, from the source's ``entries``.
    """
    if environ is None:
        environ = os.environ
    form, guessed = _format(path, options)
    if form == _REDIS:
        from kvsync.sources.redis import RedisSource

        _refuse(tree_flags(options), path, "for directories only")
        return RedisSource(path, options, environ, clock)
    if os.path.isdir(path):
        from kvsync.sources.tree import TreeSource

        _refuse(options.dump.typed, path, "for dumps only, and this is a directory")
        return TreeSource(path, options, clock)
    if form in FORMATS:
        from kvsync.sources.dump import DumpSource

        _refuse(tree_flags(options), path, "for directories only")
        dump = DumpSource(path, replace(options, dump=replace(options.dump, form=form)), clock)
        dump.warnings += guessed
        return dump
    return _manifest(path, options, environ, clock)


def shown_source(path: str) -> str:
    """The source as it may be shown: what stands before an ``@`` may be a secret."""
    return _USER.sub("//", path) if "://" in path else path


def _format(path: str, options: SourceOptions) -> tuple[str, list[str]]:
    """The format of what is no directory, and what to say of it if it was guessed."""
    if options.dump.form and ("--format" in options.dump.typed or not path.endswith(_YAML)):
        # A variable that names a format does not speak of manifests.
        return options.dump.form, []
    if path == "-":
        raise UsageError("- is what comes through a pipe: say with --format what that is")
    guess = None if path.endswith(_YAML) else guess_format(path, _head(path), options.dump.layout)
    if guess is None:
        if path.endswith(_DUMPS) and os.path.isfile(path):
            raise UsageError(f"{printable(path)}: say with --format what kind of dump it is")
        return "", []
    form, why = guess
    told = f"read as {form}, as {why} suggests; say the format to make that sure"
    return form, [told] if why and form != _REDIS else []


def _head(path: str) -> bytes:
    """The beginning of a file; nothing of what is none."""
    if not os.path.isfile(path):
        return b""
    try:
        with open(path, "rb") as file:
            return file.read(_HEAD)
    except OSError:
        return b""


def _refuse(flags: "list[str] | tuple[str, ...]", path: str, words: str) -> None:
    if flags:
        raise UsageError(f"{', '.join(flags)}: {words} ({printable(path)})")


def _manifest(
    path: str, options: SourceOptions, environ: Mapping[str, str], clock: Clock
) -> Source:
    if os.path.exists(path) and (flags := flags_beside_manifest(options)):
        raise UsageError(
            f"{', '.join(flags)}: for directories and dumps only; write this into"
            f" {printable(path)} instead"
        )
    from kvsync.sources.manifest import Manifest, read_manifest

    try:
        data = read_manifest(path)
    except OSError as error:
        raise InputError([Mistake(os_fault(error), printable(path))]) from None
    try:
        manifest = Manifest(path, data, options, environ, clock)
    except InputError as error:
        if path.endswith(_YAML):
            raise
        told = error.mistakes[0]
        hint = f"{told.message}. {_HINT}"
        raise InputError([told._replace(message=hint)]) from None
    if not (manifest.versioned or path.endswith(_YAML)):
        raise InputError([Mistake(f"{_NO_MANIFEST}. {_HINT}", printable(path))])
    return manifest


_NO_MANIFEST = "no manifest: one has version: 1 at its top"
_HINT = (
    "A source is a manifest, a folder, or a dump of another store (give --format); for one file as"
    " a value, use file: in a manifest"
)
