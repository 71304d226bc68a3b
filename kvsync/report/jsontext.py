"""A document as JSON, piece by piece: a list of half a million changes is never whole in memory."""

import json
from collections.abc import Iterator
from typing import Any


def json_pieces(value: Any) -> Iterator[str]:
    """What `json.dumps` makes of the value, in pieces; iterators become lists.

    What comes out of an iterator is one piece, so nothing in it may be another iterator.
    """
    if isinstance(value, dict):
        yield "{"
        for number, (name, inner) in enumerate(value.items()):
            yield f"{', ' if number else ''}{json.dumps(name)}: "
            yield from json_pieces(inner)
        yield "}"
    elif isinstance(value, list | Iterator):
        whole = isinstance(value, Iterator)
        yield "["
        for number, inner in enumerate(value):
            yield ", " if number else ""
            yield from [json.dumps(inner)] if whole else json_pieces(inner)
        yield "]"
    else:
        yield json.dumps(value)
