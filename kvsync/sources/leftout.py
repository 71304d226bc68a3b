"""Which names no tree has, whatever its patterns say."""

import re

from kvsync.filenames import INDEX_NAME

__all__ = ["BOOKKEEPING", "IGNORE_FILE", "is_left_out"]

IGNORE_FILE = ".kvsyncignore"

BOOKKEEPING = frozenset({IGNORE_FILE, INDEX_NAME})
"""Left out themselves, they decide what becomes of others."""

_LEFT_OUT = BOOKKEEPING | {".git", ".hg", ".svn", ".kvsync", ".DS_Store", "Thumbs.db"}
# vim's swap files, emacs' locks and auto-saves, LibreOffice's locks.
_SWAP = re.compile(r"\..*\.sw[a-p]|\.#.*|#.*#|\.~lock\..*#", re.DOTALL)
_UNUSUAL = frozenset(".#T")
"""What all these names begin with."""


def is_left_out(name: str) -> bool:
    """Whether the name is one of version control, of a desktop, an editor, a mount, or ours."""
    if name[0] not in _UNUSUAL:
        return False
    return name in _LEFT_OUT or name.startswith("..") or _SWAP.fullmatch(name) is not None
