"""Consul KV: what ``consul kv export`` prints."""

from collections.abc import Iterator, Mapping
from typing import BinaryIO

import msgspec

from kvsync.formats.decoder import Json
from kvsync.formats.fields import WrongError, check_names, key_of, members_of, wrapped_value_of
from kvsync.formats.format import Format, Head, have, names_in
from kvsync.formats.guess import name_answer
from kvsync.formats.jsontext import BrokenError, Found, JsonText
from kvsync.formats.record import Item, Layout, Record
from kvsync.model.text import printable

_FIELDS = ("key", "flags", "value", "namespace", "partition")

_EXAMPLE = '{"key": "…", "flags": 0, "value": "…"}'


def read(file: BinaryIO, layout: Layout) -> Iterator[Item]:  # noqa: ARG001 - it has no columns
    """Yield an array of pairs, with ``value`` in base64; a folder's key ends in ``/``."""
    text = JsonText(file)
    try:
        text.peek()
        if told := name_answer(text.unread):
            yield text.fault(told)
            return
        for found in text.elements():
            yield _item(found)
        if text.peek():
            yield text.fault("more after the end of the array: put all pairs into it")
    except BrokenError as error:
        yield error.fault


def _item(found: Found) -> Item:
    try:
        fields = members_of(found.value, found.fault, _EXAMPLE)
        check_names(fields, _FIELDS)
        # Go writes null for an empty list of bytes, and so did some versions.
        value = wrapped_value_of({**fields, "value": ""} if _is_null(fields) else fields)
        line, column = found.place
        return Record(
            key_of(fields), value, line, flags=_flags(fields), column=column, item=found.number
        )
    except WrongError as error:
        return found.wrong(str(error))


def _is_null(fields: Mapping[str, Json]) -> bool:
    return fields.get("value", "") is None


def _flags(fields: Mapping[str, Json]) -> str:
    parts = []
    number = _number(fields.get("flags"))
    if number != "0":
        parts.append(f"flags {number}")
    for name in ("namespace", "partition"):
        place = fields.get(name) or ""
        if not isinstance(place, str):
            raise WrongError(f"{name} must be a string: write it as a string")
        if place not in {"", "default"}:
            parts.append(f"{name} {printable(place)}")
    return ", ".join(parts)


def _number(flags: Json) -> str:
    if flags is None:
        return "0"
    # Consul's flags have 64 bits.
    number = bytes(flags).decode() if isinstance(flags, msgspec.Raw) else str(flags)
    if isinstance(flags, bool) or not number.isdecimal():
        raise WrongError("flags must be a whole number")
    return number


def _sniff(head: Head, layout: Layout) -> bool:  # noqa: ARG001 - it has no columns
    return have(head.elements, "key", "flags") and names_in(head.elements) <= {*_FIELDS}


FORMAT = Format("consul", read, sniff=_sniff, anywhere=True)
