"""A format as it is written from beginning to end, to whatever takes bytes."""

from collections.abc import Callable

from kvsync.formats.output.records import Codec, check_room
from kvsync.model.values import Expiry


class Stream:
    """Pairs in the codec's format, each handed to ``put`` as soon as it is added.

    What precedes the first is put at once. ``advice`` is what to do where the format has no room.
    Besides what its methods say they raise what ``put`` raises.
    """

    def __init__(self, codec: Codec, put: Callable[[bytes], object], advice: str) -> None:
        self._codec = codec
        self._put = put
        self._advice = advice
        self._lead = b""
        self._size = len(codec.head)
        self._pairs = 0
        put(codec.head)

    def add(self, key: str, value: bytes, expiry: Expiry) -> None:
        """Put one more pair, its value in UTF-8.

        Raises `UsageError` for more than the format can have.
        """
        record = self._lead + self._codec.encode(key, value, expiry)
        self._size += len(record)
        self._pairs += 1
        check_room(self._codec, self._size, self._pairs, self._advice)
        self._put(record)
        self._lead = self._codec.between

    def end(self) -> None:
        """Put what follows the last pair."""
        self._put(self._codec.foot)
