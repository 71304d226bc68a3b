"""Cloudflare Workers KV: what ``wrangler kv bulk`` puts, and what it gets."""

from collections.abc import Iterator
from typing import BinaryIO

from kvsync.formats.decoder import Json
from kvsync.formats.fields import (
    WrongError,
    check_names,
    expiry_of,
    json_text,
    key_of,
    members_of,
    text_bytes,
    value_of,
)
from kvsync.formats.jsontext import BrokenError, Found, JsonText
from kvsync.formats.record import Fault, Item, Layout, Record
from kvsync.formats.strangers import name_stranger

FIELDS = ("key", "value", "base64", "expiration", "expiration_ttl", "metadata")

_GOTTEN = ("value", "metadata", "expiration")
_EXAMPLE = '{"key": "…", "value": "…"}'
_SUCCESS = "Success!"
"""Wrangler before version 4.95 or so prints this behind the values that it got."""


def read(file: BinaryIO, layout: Layout) -> Iterator[Item]:  # noqa: ARG001 - it has no columns
    """An array of pairs, or an object of values by key, as it is or in ``{"values": …}``."""
    text = JsonText(file)
    try:
        character = text.peek()
        if told := name_stranger(text.unread):
            yield text.fault(told)
            return
        if character == "[":
            for found in text.elements():
                yield _item(found)
        elif character == "{":
            yield from _members(text)
        else:
            yield text.fault("not JSON: expected [ or {, and nothing before it")
            return
        text.skip(_SUCCESS)
        if text.peek():
            yield text.fault("more after the end of the JSON: put all pairs into one array")
    except BrokenError as error:
        yield error.fault


def _item(found: Found) -> Item:
    try:
        fields = members_of(found.value, found.fault, _EXAMPLE)
        check_names(fields, FIELDS)
        return _record(key_of(fields), fields, found)
    except WrongError as error:
        return found.wrong(str(error))


def _members(text: JsonText) -> Iterator[Item]:
    begun = text.place
    seen: set[str] = set()
    wrapped = False
    for place, name in text.names():
        if wrapped:
            raise BrokenError(place, 'a field beside "values": leave it out')
        if not seen and name == "values" and text.peek() == "{":
            wrapped = True
            yield from _values(text)
        else:
            yield _gotten(name, text.item()._replace(place=place))
        if len(seen) <= len(FIELDS):
            seen.add(name)
    if {"key", "value"} <= seen <= {*FIELDS}:
        words = "a pair that is not in an array: put [ before the first and ] after all"
        words += ", or give jsonl for the format if each is in a line of its own"
        yield Fault(begun.line, words, begun.column)


def _values(text: JsonText) -> Iterator[Item]:
    first = True
    for place, name in text.names():
        found = text.item()._replace(place=place)
        if first and name == "value" and not isinstance(found.value, dict):
            words = '"values" may be a key here, or hold all keys: write an array of pairs'
            raise BrokenError(place, words)
        first = False
        yield _gotten(name, found)


def _gotten(key: str, found: Found) -> Item:
    try:
        text_bytes(key, "key")
        plain: dict[str, Json] = {"value": found.value}
        fields = found.value if isinstance(found.value, dict) else plain
        members_of(fields, found.fault, _EXAMPLE)
        check_names(fields, _GOTTEN)
        return _record(key, fields, found)
    except WrongError as error:
        return found.wrong(str(error), key)


def _record(key: str, fields: dict[str, Json], found: Found) -> Record:
    line, column = found.place
    metadata = json_text(fields.get("metadata"))
    return Record(
        key, _value(fields), line, expiry_of(fields), metadata, column=column, item=found.number
    )


def _value(fields: dict[str, Json]) -> bytes | None:
    """The value; None for null, which wrangler prints for a key that is not there."""
    if "value" in fields and fields["value"] is None:
        return None
    return value_of(fields)
