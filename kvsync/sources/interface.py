"""The protocol of a source, and the fingerprint of what it was read from."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self

from kvsync.formats.record import Losses
from kvsync.model.tally import Tally
from kvsync.model.values import Destination, Entry, Loaded, Recall

if TYPE_CHECKING:
    from kvsync.formats.failure_file import ValuelessFailure


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
        """Return what ``json`` has made of one, as it knows no named tuples."""
        found = cls._make(fields)
        return found._replace(trees=[Seen._make(tree) for tree in found.trees])


class Source(Protocol):
    """Where pairs come from."""

    @property
    def label(self) -> str:
        """The source as the user named it."""

    @property
    def owner(self) -> str:
        """The name of the source that its keys belong to; empty: the place decides."""

    @property
    def location(self) -> str:
        """Absolute path of the file or directory, links not resolved."""

    @property
    def home(self) -> str:
        """Absolute path of the directory in which ``.kvsync`` belongs."""

    @property
    def destination(self) -> Destination:
        """Where the source says that it belongs."""

    @property
    def charset(self) -> str:
        """``strict`` or ``utf-8``: which keys are legal."""

    @property
    def warnings(self) -> list[str]:
        """Warnings; complete once `entries` has been called."""

    @property
    def losses(self) -> Losses:
        """Losses of pairs; complete once `entries` has been called."""

    @property
    def tally(self) -> Tally:
        """Counts of its files; complete once `entries` has been called."""

    @property
    def complete(self) -> bool:
        """True if it names all that it owns; if not, what it does not name is no one's orphan."""

    @property
    def fingerprint(self) -> Fingerprint | None:
        """The fingerprint of what was read; None: nothing tells if another reading finds the same.

        Complete once `entries` has been called.
        """

    @property
    def valueless(self) -> "Iterable[ValuelessFailure]":
        """Failures that cannot be retried from here. Iterating raises `InputError`."""

    @property
    def stale(self) -> bool:
        """True if what was read when it was opened is no more what is there."""

    @property
    def passing(self) -> bool:
        """True if it came through a pipe: there is nothing that could be read again."""

    def may_own(self, key: str, origin: str, *, dotted: bool) -> bool:
        """Return whether an earlier version can have had the key from there, by the origin that it
        noted.

        ``dotted``: folders that were called ``.`` count, too, if they still are.
        """

    def entries(self, recall: Recall) -> Sequence[Entry]:
        """Return all wanted pairs, in the source's order.

        Raises `InputError` with every mistake that was found.
        """

    def values(self, wanted: Iterable[Entry]) -> Iterator[Loaded]:
        """Return the values of these entries, which come in the source's order, each read when it
        is asked for; ``wanted`` is not looked at further ahead than that takes.
        """
