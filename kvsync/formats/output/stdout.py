"""An export that goes to stdout: a format from beginning to end, of which nothing is kept."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from kvsync.formats.format import Codec, check_room
from kvsync.model.errors import OutputError
from kvsync.model.values import Expiry, Pair

EXPORT_LESS = "export with --format jsonl or --format dir, or less with --prefix"
"""What to do where an export has no room."""


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


@contextmanager
def open_stdout(codec: Codec) -> Iterator["Stdout"]:
    """Stdout, with all that stands before the first pair written. Raises `OutputError`."""
    yield Stdout(Stream(codec, put_out, EXPORT_LESS))


class Stdout:
    """Stdout as an export's output (`kvsync.formats.output.Output`)."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._keys: set[str] = set()

    def has(self, key: str) -> bool:  # noqa: ARG002 - other places must look at it
        """Never: what was printed before is gone."""
        return False

    def write(self, pairs: Sequence[Pair]) -> int:
        """Print these pairs, each key once; returns how many they were.

        Raises `OutputError`, and `UsageError` for more than the format can have.
        """
        fresh = {pair.key: pair for pair in pairs if pair.key not in self._keys}
        # One record at a time: those of twenty large values would weigh as much as the values.
        for pair in fresh.values():
            self._stream.add(pair.key, pair.value or b"", Expiry(at=pair.expires))
        self._keys.update(fresh)
        return len(fresh)

    def finish(self) -> int:
        """Print what follows the last pair. Raises `OutputError`."""
        self._stream.end()
        return 0


def put_out(data: bytes) -> None:
    """Print all of this. Raises `OutputError`."""
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except OSError as error:
        _give_up()
        raise OutputError(f"cannot write to stdout: {error.strerror}") from error


def _give_up() -> None:
    """Let the interpreter not fail once more, at its end, over what cannot be written."""
    with suppress(OSError), open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
