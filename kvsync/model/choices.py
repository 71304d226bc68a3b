"""Settings that are one of a few words. The command line, the manifest's schema and the checks have
them from here, so that each list is written once.

The formats are in `kvsync.formats`, and what may become of a loss in `kvsync.formats.policies`.
"""

from collections.abc import Mapping
from typing import Literal, TypeAlias, get_args

Charset: TypeAlias = Literal["strict", "utf-8"]
"""The characters that a key may have."""

KeyStyle: TypeAlias = Literal["join", "escape", "path"]
"""How the path of a directory's file becomes a key."""

Extension: TypeAlias = Literal["keep", "drop"]

Encoding: TypeAlias = Literal["text", "base64"]
"""How the value of one file is stored."""

TreeEncoding: TypeAlias = Literal[Encoding, "auto"]
"""How the values of a directory's files are stored."""

ErrorOrSkip: TypeAlias = Literal["error", "skip"]
"""What becomes of a pair that cannot be sent."""

CHOICES: Mapping[str, tuple[str, ...]] = {
    "charset": get_args(Charset),
    "key": get_args(KeyStyle),
    "extension": get_args(Extension),
    "encoding": get_args(TreeEncoding),
    "empty": get_args(ErrorOrSkip),
    "large": get_args(ErrorOrSkip),
}
"""The choices of a directory's settings, by the name of the option."""
