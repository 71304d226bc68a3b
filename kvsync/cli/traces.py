"""What may be told of an exception that nobody expected: where it was, and never its words.

They may hold anything: a value, a header with a token, a line of a credentials file.
"""

import logging
import os
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager


def place_of(error: BaseException) -> str:
    """The type of an exception and where it was raised: ``KeyError at plan.py:17``."""
    name = type(error).__name__
    if not error.__traceback__:
        return name
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{name} at {os.path.basename(frame.filename)}:{frame.lineno}"


def trace_lines(error: BaseException) -> Iterator[str]:
    """The traceback of an exception, and of those that it came from, without their words."""
    chain = [error]
    while before := chain[-1].__cause__ or chain[-1].__context__:
        if before in chain:
            break
        chain.append(before)
    for link in reversed(chain):
        yield "Traceback (most recent call last):"
        for part in traceback.format_tb(link.__traceback__):
            yield from part.splitlines()
        yield f"{type(link).__module__}.{type(link).__qualname__} (its words are left out)"


@contextmanager
def others_told(tell: Callable[[str, str], None]) -> Iterator[None]:
    """What libraries log meanwhile is told, line and level, without its words.

    With no handler Python writes it to stderr, tracebacks and all.
    """
    handler = _Others(tell)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)


class _Others(logging.Handler):
    def __init__(self, tell: Callable[[str, str], None]) -> None:
        super().__init__(logging.WARNING)
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        what = place_of(error) if error else f"{record.levelname.lower()} of {record.module}"
        self._tell(f"{record.name}: {what} (its words are left out)", "warning")
