"""Which names no tree has, whatever its patterns say, and which it has only if one names them."""

import re

from kvsync.formats.filenames import INDEX_NAME

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


# Secrets; what macOS, NFS and Windows lay beside files; editors' backups.
_DOTTED = re.compile(r"\.(?=env|nfs)|\._")
_BESIDES = frozenset(".dD")
"""What the names begin with that do not end in a tilde."""
_SETTINGS = "desktop.ini"


def is_besides(name: str) -> bool:
    """Whether the name is one of what lies besides in folders, and is sent if a pattern names it.

    These are ``.env*``, ``._*``, ``.nfs*``, ``desktop.ini`` and ``*~``.
    """
    if name[-1] == "~":
        return True
    if name[0] not in _BESIDES:
        return False
    return _DOTTED.match(name) is not None or name.lower() == _SETTINGS


def plain_name(name: str) -> str:
    """The name without what makes it one of those; a pattern that takes it, too, names neither."""
    if not is_besides(name):
        return name
    if name[-1] == "~":
        return name[:-1] or "x"
    return "x.ini" if name.lower() == _SETTINGS else _DOTTED.sub("", name, count=1) or "x"
