"""Large files, never whole in memory: what the parent holds counts as its child's."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

_BLOCK = 1 << 16


class Times(NamedTuple):
    """A piece that is written so many times."""

    piece: bytes
    times: int


Part: TypeAlias = bytes | str | Times


def lay(path: str, *parts: Part) -> None:
    """Write a file."""
    with open(path, "wb") as file:
        for part in parts:
            if isinstance(part, Times):
                together = max(1, _BLOCK // len(part.piece))
                block = part.piece * together
                file.writelines(block for _ in range(part.times // together))
                file.write(part.piece * (part.times % together))
            else:
                file.write(part.encode() if isinstance(part, str) else part)


def laid(path: str, *parts: Part) -> Callable[[], object]:
    """What writes a file, once it is called."""
    return lambda: lay(path, *parts)
