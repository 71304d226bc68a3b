"""What a source is: a manifest, a tree, a dump, or another namespace."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from kvsync.formats.losses import Losses
from kvsync.model.tally import Tally
from kvsync.model.values import Destination, Entry, Loaded, Recall
from kvsync.sources.fingerprint import Fingerprint

if TYPE_CHECKING:
    from kvsync.formats.failures import LeftOver


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
        """What a person should know; complete once `entries` has been called."""

    @property
    def losses(self) -> Losses:
        """What pairs have that EdgeKV cannot hold; complete once `entries` has been called."""

    @property
    def tally(self) -> Tally:
        """What became of its files, counted; complete once `entries` has been called."""

    @property
    def complete(self) -> bool:
        """Whether it names all that it owns; if not, what it does not name is nobody's orphan."""

    @property
    def fingerprint(self) -> Fingerprint | None:
        """What tells whether another reading would find the same; None: nothing does.

        Complete once `entries` has been called.
        """

    @property
    def left_over(self) -> "Iterable[LeftOver]":
        """What is still to be done and can not be done from here. Iterating raises `InputError`."""

    @property
    def stale(self) -> bool:
        """Whether what was read when it was opened is no more what is there."""

    @property
    def passing(self) -> bool:
        """Whether it came through a pipe: there is nothing that could be read again."""

    def may_own(self, key: str, origin: str, *, dotted: bool) -> bool:
        """Whether an earlier version can have had the key from there, by the origin that it noted.

        ``dotted``: folders that were called ``.`` count, too, if they still are.
        """

    def entries(self, recall: Recall) -> Sequence[Entry]:
        """All wanted pairs, in the source's order.

        Raises `InputError` with every mistake that was found.
        """

    def values(self, wanted: Iterable[Entry]) -> Iterator[Loaded]:
        """The values of these entries, which come in the source's order, each read when it is asked
        for; ``wanted`` is not looked at further ahead than that takes."""
