"""What a source was read from: while all that is as it was, another reading finds the same."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Self


class Seen(NamedTuple):
    """A tree as it was.

    ``root`` is the directory to open. ``digests`` has one per directory, in the order of the walk,
    in hexadecimal digits, joined. ``passed_over`` has, by the directory's relative path, what was
    in there and is no part of the tree.
    """

    root: str
    digests: str
    passed_over: dict[str, list[str]]


class Fingerprint(NamedTuple):
    """All that a source was read from.

    ``contents`` has digests of the bytes of files, by path; ``files`` have marks of files whose
    status tells enough; ``variables`` digests of the environment's, empty for those that were not
    set. All are hexadecimal digits.
    """

    contents: dict[str, str]
    files: dict[str, str]
    variables: dict[str, str]
    trees: list[Seen]

    @classmethod
    def from_json(cls, fields: Sequence[Any]) -> Self:
        """What ``json`` has made of one, as it knows no named tuples."""
        found = cls._make(fields)
        return found._replace(trees=[Seen._make(tree) for tree in found.trees])
