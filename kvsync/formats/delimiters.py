"""What parts the cells of a table."""

import csv

from kvsync.formats.record import Layout
from kvsync.model.text import printable

_USUAL = ","
_OTHERS = (";", "\t", "|")
"""Taken without being asked for, where the header leaves no doubt."""
_LONGEST = 1 << 16
"""Characters of a header that is looked at."""


def find_delimiter(header: str, layout: Layout) -> str:
    """What parts the cells of a header: a comma, unless without doubt it is something else."""
    if len(header) > _LONGEST:
        return _USUAL
    wanted = wanted_columns(layout)
    if (layout.key_column or "key") in column_names(header, _USUAL):
        return _USUAL
    found = [mark for mark in _OTHERS if wanted <= {*column_names(header, mark)}]
    return found[0] if len(found) == 1 else _USUAL


def other_delimiter(header: str) -> str:
    """What seems to part the cells of a header in which there is no comma; nothing if nothing."""
    return max(_OTHERS, key=header.count) if any(map(header.count, _OTHERS)) else ""


def delimiter_words(delimiter: str) -> str:
    """The delimiter, as a message shows it."""
    return "a tab" if delimiter == "\t" else printable(delimiter)


def wanted_columns(layout: Layout) -> set[str]:
    """The names of the columns that a table must have."""
    key = layout.key_column or "key"
    return {key} if layout.whole_row else {key, layout.value_column or "value"}


def column_names(header: str, delimiter: str) -> list[str]:
    """The names in a header; none if it cannot be read like this."""
    try:
        return next(csv.reader([header], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return []
