"""Names of which the key style ``join`` leaves next to nothing."""

import os
from collections.abc import Iterable

from kvsync.model.text import count_text, printable


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
    """Whether no letter or digit of a name outside of ASCII is left, or two thirds are not."""
    kept = sum(each.isascii() and each.isalnum() for each in name)
    lost = sum(not each.isascii() and each.isalnum() for each in name)
    return not name.isascii() and (not kept or lost >= 2 * kept)
