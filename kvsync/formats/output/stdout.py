"""An export that goes to stdout: nothing is kept of it."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from kvsync.formats.output.records import EXPORT_LESS, Codec
from kvsync.formats.output.stream import Stream
from kvsync.model.errors import OutputError
from kvsync.model.values import Expiry, Pair


@contextmanager
def open_stdout(codec: Codec) -> Iterator["Stdout"]:
    """Stdout, with all that stands before the first pair written. Raises `OutputError`."""
    yield Stdout(Stream(codec, put_out, EXPORT_LESS))


class Stdout:
    """Stdout as an export's place (`kvsync.formats.output.Place`)."""

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
