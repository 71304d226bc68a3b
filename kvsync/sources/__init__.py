"""Where pairs come from: a YAML manifest, a directory tree, or another store's dump.

Nothing heavy is imported before a source is opened.
"""

import os
import re
import time
from collections.abc import Mapping
from dataclasses import replace

from kvsync.formats import (
    FILES,
    FORMATS,
    MANIFEST,
    MANIFEST_ENDINGS,
    all_formats,
    guess_format,
    name_stranger,
)
from kvsync.model.errors import InputError, Mistake, UsageError
from kvsync.model.files import open_regular
from kvsync.model.owners import name_fault
from kvsync.model.text import printable
from kvsync.model.utf8 import require_utf8
from kvsync.sources.files import Clock, os_fault
from kvsync.sources.interface import Source
from kvsync.sources.manifest.piped import STDIN, is_piped, read_manifest
from kvsync.sources.options import SourceOptions, flags_beside_manifest, tree_flags

__all__ = ["SourceOptions", "open_source", "shown_source"]

_NO_OPTIONS = SourceOptions()
_REDIS = "redis"
_SECRET = re.compile(r"//.*@|\?(?!db=[0-9]+$).*|#.*", re.DOTALL)
_HEAD = 1 << 16
"""Bytes of a file by which its format is guessed."""


def open_source(
    path: str,
    options: SourceOptions = _NO_OPTIONS,
    *,
    environ: Mapping[str, str] | None = None,
    clock: Clock = time.time,
) -> Source:
    """Return the source at ``path``: a directory is a tree, a file a manifest or a dump.

    ``environ`` is what ``${NAME}`` and ``env:`` are read from, by default the process's own.
    ``clock`` gives Unix seconds. Raises `InputError` for a path that cannot be read and for a file
    that is not YAML, `UsageError` for flags beside a source that they are not for, or flags that
    make no sense, or where names are not read as UTF-8. All other mistakes come together, from the
    source's ``entries``.
    """
    require_utf8()
    if environ is None:
        environ = os.environ
    form, guessed = _format(path, options)
    is_tree = os.path.isdir(path) and form != _REDIS and path != STDIN
    nameable = is_tree or form in FORMATS or is_piped(path)
    fault = name_fault(options.name) if options.name and nameable else ""
    if fault:
        raise UsageError(f"{options.said_by('name')} {fault}")
    if is_tree:
        from kvsync.sources.tree.tree import TreeSource

        _refuse(options.dump.typed, path, "for dumps only, and this is a directory")
        return TreeSource(path, options, clock)
    if form in FORMATS:
        _refuse_for_dumps(path, form, options)
    if form == _REDIS:
        from kvsync.sources.dump.redis import RedisSource

        return RedisSource(path, options, environ, clock)
    if form in FORMATS:
        from kvsync.sources.dump.dump import DumpSource

        dump = DumpSource(path, replace(options, dump=replace(options.dump, form=form)), clock)
        dump.warnings += guessed
        return dump
    return _manifest(path, options, environ, clock)


def shown_source(path: str) -> str:
    """Return the source as it may be shown: any part of a URL but its place may be a secret."""
    return _SECRET.sub(_without_secret, path) if "://" in path else path


def _without_secret(match: re.Match[str]) -> str:
    return "//" if match[0].startswith("//") else ""


def _format(path: str, options: SourceOptions) -> tuple[str, list[str]]:
    """Return the format of what is no directory, and what to say of it if it was guessed."""
    dump = options.dump
    # A variable that names a format does not speak of what is plainly something else.
    plain = path.endswith(MANIFEST_ENDINGS) or "://" in path or os.path.isdir(path)
    form = dump.form if dump.flag in dump.typed or not plain else ""
    if path == STDIN and not form:
        raise UsageError(
            f"- is what comes through a pipe: say with {dump.flag} what it is (manifest, jsonl, …)"
        )
    is_folder = os.path.isdir(path) and "://" not in path
    if form or is_folder or path.endswith(MANIFEST_ENDINGS):
        # Most runs are of one of these: they need not load what knows the formats.
        return form, []
    head = _head(path)
    guess = guess_format(path, head, dump.layout)
    if guess is None:
        if told := name_stranger(head):
            told = f"{told}. Of a dump, {dump.flag} says what it is"
            raise InputError([Mistake(told, printable(path), 1, 1)])
        ending = os.path.splitext(path)[1]
        kinds = [name for name, endings in FILES.items() if ending in endings]
        if kinds and os.path.isfile(path):
            told = f"say with {dump.flag} what kind of dump it is ({' or '.join(kinds)})"
            raise UsageError(f"{printable(path)}: {told}")
        return "", []
    form, why = guess
    told = f"read as {form}, as {why} suggests; say the format to make that sure"
    return form, [told] if why and form != _REDIS else []


def _head(path: str) -> bytes:
    """Return the beginning of a file; nothing of what is none."""
    if not os.path.isfile(path):
        return b""
    try:
        with open_regular(path) as file:
            return file.read(_HEAD)
    except OSError:
        return b""


def _refuse_for_dumps(path: str, form: str, options: SourceOptions) -> None:
    """Refuse flags that a dump of this format has no use for."""
    _refuse(tree_flags(options), path, "for directories only")
    wrong: dict[tuple[str, ...], list[str]] = {}
    for flag in options.dump.typed:
        takers = tuple(each.name for each in all_formats() if flag in each.options)
        if takers and form not in takers:
            wrong.setdefault(takers, []).append(flag)
    for takers, flags in wrong.items():
        _refuse(flags, path, f"for {' and '.join(takers)} only, and this is {form}")


def _refuse(flags: "list[str] | tuple[str, ...]", path: str, words: str) -> None:
    if flags:
        raise UsageError(f"{', '.join(flags)}: {words} ({printable(shown_source(path))})")


def _manifest(
    path: str, options: SourceOptions, environ: Mapping[str, str], clock: Clock
) -> Source:
    dump = options.dump
    surely = path.endswith(MANIFEST_ENDINGS) or dump.form == MANIFEST
    hint = _HINT.format(dump.flag)
    piped = is_piped(path)
    flags = flags_beside_manifest(options)
    if piped and "--name" in flags:
        flags.remove("--name")
    if flags and (piped or os.path.exists(path)):
        if dump.typed and not surely:
            raise UsageError(f"{printable(path)}: nothing tells what this is. {hint}")
        raise UsageError(
            f"{', '.join(flags)}: for directories and dumps only; write this into"
            f" {'the manifest' if piped else printable(path)} instead"
        )
    from kvsync.sources.manifest.manifest import Manifest

    try:
        data = read_manifest(path)
    except OSError as error:
        raise InputError([Mistake(os_fault(error), printable(path))]) from None
    try:
        manifest = Manifest(path, data, options, environ, clock)
    except InputError as error:
        if surely:
            raise
        told = error.mistakes[0]
        raise InputError([told._replace(message=f"{told.message}. {hint}")]) from None
    if not (surely or manifest.versioned):
        words = "nothing tells what this is (a manifest has version: 1 at its top)"
        raise InputError([Mistake(f"{words}. {hint}", printable(path), 1, 1)])
    return manifest


_HINT = (
    "A source is a manifest, a folder, or a dump of another store (give {}); for one file as"
    " a value, use file: in a manifest"
)
