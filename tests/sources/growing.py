"""Short ways to grow a tree."""

import time
from pathlib import Path

from kvsync.sources import SourceOptions, open_source
from kvsync.sources.interface import Source
from tests.sources.making import nothing

LATER = 3600.0


def tree(directory: Path, files: dict[str, str | bytes] | None = None, **options: object) -> Source:
    """A tree with these files, opened long after they were written."""
    for name, content in (files or {}).items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    chosen = SourceOptions(**options)  # type: ignore[arg-type]
    return open_source(str(directory), chosen, clock=lambda: time.time() + LATER)


def keys(source: Source) -> list[str]:
    """The keys, in the source's order."""
    return [entry.key for entry in source.entries(nothing)]
