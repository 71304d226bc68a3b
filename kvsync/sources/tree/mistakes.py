"""Mistakes in files and names of a tree, policies that allow them, and remedies."""

import os
from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property
from unicodedata import normalize

from kvsync.model.api import MAX_VALUE_SIZE, MAX_VALUE_TEXT
from kvsync.model.keys import check_key
from kvsync.model.tally import Why
from kvsync.model.text import count_text, printable
from kvsync.model.values import Lost
from kvsync.sources.files import EMPTY, NOT_TEXT, TOO_LARGE, size_fault
from kvsync.sources.mistakes import Cure, Mistakes, quoted
from kvsync.sources.options import Tree
from kvsync.sources.tree.walk import Found

_NAMED = 3


def twins_warning(paths: Iterable[str]) -> list[str]:
    """Return a warning of paths that differ in nothing but how Unicode composes their letters."""
    first: dict[str, str] = {}
    twins: dict[str, str] = {}
    for path in paths:
        at = 0
        while at >= 0 and not path.isascii():
            at = path.find("/", at + 1)
            # A folder of another one's name is told of once, not with each file in it.
            part = path if at < 0 else path[:at]
            other = first.setdefault(normalize("NFC", part), part)
            if other != part:
                twins.setdefault(part, other)
                break
    if not twins:
        return []
    shown = [f"{one!a} and {other!a}" for other, one in list(twins.items())[:_NAMED]]
    more = f" and {len(twins) - _NAMED:,} more" if len(twins) > _NAMED else ""
    names = count_text(len(twins), "name is", "names are")
    return [
        f"{names} there twice, composed (NFC) and decomposed (NFD), each with a key of its own:"
        f" {', '.join(shown)}{more}"
    ]


def join_warnings(read: Iterable[tuple[str, str]], shown: str) -> list[str]:
    """One line, if there are such names; ``read`` has keys and paths, ``shown`` is their folder."""
    lost = [(key, path) for key, path in read if not path.isascii() and _is_lost(path)]
    if not lost:
        return []
    key, path = lost[0]
    return [
        f"{count_text(len(lost), 'name')} of which next to no letter is left in the key, as"
        f" {shown}{printable(path)} in {key}: keep them with --charset utf-8 (every character) or"
        " --key escape (in a manifest: charset: utf-8, key: escape)"
    ]


def _is_lost(path: str) -> bool:
    *folders, name = path.split("/")
    return any(map(_loses_most, (*folders, os.path.splitext(name)[0])))


def _loses_most(name: str) -> bool:
    """Return whether no letter or digit of a name outside of ASCII is left, or two thirds are
    not.
    """
    kept = sum(each.isascii() and each.isalnum() for each in name)
    lost = sum(not each.isascii() and each.isalnum() for each in name)
    return not name.isascii() and (not kept or lost >= 2 * kept)


_IN_TEXT = ": base64 (folder: --encoding base64)"
_BY_ITSELF = ": auto, which stores it in base64 (folder: --encoding auto)"
_SKIP_EMPTY: Cure = ("--empty", "skip")
_SKIP_LARGE: Cure = ("--large", "skip")
_AUTO: Cure = ("--encoding", "auto")
_ESCAPE: Cure = ("--key", "escape")
_ANY_KEY: Cure = ("--charset", "utf-8")


def why_left_out(tree: Tree, lost: Lost) -> str:
    """Why the file is left out, if the tree's policies say so; empty if it is a mistake."""
    if lost.message == EMPTY:
        return Why.EMPTY if tree.skip_empty else ""
    return Why.LARGE if tree.skip_large and lost.message.endswith(TOO_LARGE) else ""


class Folder:
    """Takes what is wrong with a tree's ``files`` into mistakes."""

    def __init__(self, tree: Tree, mistakes: Mistakes, files: list[Found]) -> None:
        self._tree = tree
        self._mistakes = mistakes
        self._files = files
        self._escaping: bool | None = None

    def lost(self, origin: str, lost: Lost, found: Found) -> None:
        """Note that a file has no value that could be sent."""
        message = lost.message
        if message == EMPTY:
            message += ", or set empty: skip (folder: --empty skip)"
            self._note(origin, message, "an empty value", _SKIP_EMPTY)
        elif message.endswith(TOO_LARGE):
            message += ": make it smaller, or set large: skip (folder: --large skip)"
            self._note(origin, message, f"a value of more than {MAX_VALUE_TEXT}", _SKIP_LARGE)
        elif message == NOT_TEXT:
            # In base64 it is a third longer.
            cures = (_AUTO, _SKIP_LARGE) if self._grows_too_large(found) else (_AUTO,)
            self._note(origin, message.replace(_IN_TEXT, _BY_ITSELF), "not UTF-8 text", *cures)
        else:
            self._note(origin, message, message.partition(":")[0])

    def wrong_key(self, origin: str, key: str, fault: str, first: str) -> None:
        """Note that a file's key is not legal, or that of ``first``, too."""
        tree = self._tree
        if fault:
            legal = tree.charset == "strict" and not check_key(key, "utf-8")
            cures = (_ANY_KEY,) if legal else ()
            self._note(origin, f"the key {quoted(key)} {fault}", "a key that is not legal", *cures)
            return
        advice = self._way(origin, first)
        message = f"the key {quoted(key)} is also that of {first}: rename one{advice}"
        cures = (_ESCAPE,) if self._escape_helps() else ()
        self._note(origin, message, "a key that is there already", *cures)

    def _way(self, origin: str, first: str) -> str:
        """Return what keeps a file and the ``first`` place of its key apart, but for another
        name.
        """
        tree = self._tree
        if tree.exported:
            return ""
        other = self._paths.get(first)
        if other is None:
            return ", or give one of the two a prefix of its own (folder: --prefix)"
        path = self._paths[origin]
        if tree.drop_extension and os.path.splitext(other)[0] == os.path.splitext(path)[0]:
            return ", or keep them apart with extension: keep (folder: --extension keep)"
        return ", or keep them apart with key: escape (folder: --key escape)"

    @cached_property
    def _paths(self) -> dict[str, str]:
        """Of the files, by what is shown of them."""
        shown = printable(os.path.join(self._tree.shown, ""))
        return {shown + printable(found.path): found.path for found in self._files}

    def _note(self, origin: str, message: str, alike: str, *cures: Cure) -> None:
        self._mistakes.among(self._tree.shown, origin, message, alike, cures)

    def _grows_too_large(self, found: Found) -> bool:
        size = found.size
        if size < 0:
            try:
                size = os.path.getsize(os.path.join(self._tree.root, found.path))
            except OSError:
                return True
        return size > MAX_VALUE_SIZE or bool(size_fault(size, "base64"))

    def _escape_helps(self) -> bool:
        """Return whether escaped, all files have keys of their own."""
        if self._tree.exported:
            return False
        if self._escaping is None:
            tree = replace(self._tree, style="escape")
            keys = {tree.key_of(found.path) for found in self._files}
            legal = not any(check_key(key, tree.charset) for key in keys)
            self._escaping = legal and len(keys) == len(self._files)
        return self._escaping
