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
from kvsync.formats.format import Format, Head, first_unknown, have, names_in
from kvsync.formats.guess import name_answer
from kvsync.formats.jsonl import JsonLines
from kvsync.formats.jsontext import BrokenError, Found, JsonText
from kvsync.formats.record import Fault, Item, Layout, Record

_FIELDS = ("key", "value", "base64", "expiration", "expiration_ttl", "metadata")

_GOTTEN = ("value", "metadata", "expiration")
_EXAMPLE = '{"key": "…", "value": "…"}'
_SUCCESS = "Success!"
"""Wrangler before version 4.95 or so prints this behind the values that it got."""


def read(file: BinaryIO, layout: Layout) -> Iterator[Item]:  # noqa: ARG001 - it has no columns
    """Yield an array of pairs, or an object of values by key, as it is or in ``{"values": …}``."""
    text = JsonText(file)
    try:
        character = text.peek()
        if told := name_answer(text.unread):
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
        check_names(fields, _FIELDS)
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
        if len(seen) <= len(_FIELDS):
            seen.add(name)
    if {"key", "value"} <= seen <= {*_FIELDS}:
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
    """Return the value; None for null, which wrangler prints for a key that is not there."""
    if "value" in fields and fields["value"] is None:
        return None
    return value_of(fields)


def _sniff(head: Head, layout: Layout) -> bool:  # noqa: ARG001 - it has no columns
    pairs = head.elements
    return _wraps_values(head) or (have(pairs, "key", "value") and names_in(pairs) <= {*_FIELDS})


def _wraps_values(head: Head) -> bool:
    text = head.text()
    try:
        return next(text.names(), (0, ""))[1] == "values" and text.peek() == "{"
    except BrokenError:
        return False


def _nearly(head: Head) -> str:
    return first_unknown(head.elements, _FIELDS)


class Cloudflare(JsonLines):
    """The array of the objects that JSON Lines have (`kvsync.formats.format.Codec`).

    The comma stands in front of an object: nothing that was written changes when one more comes.
    """

    head = b"[\n"
    between = b","
    foot = b"]\n"


FORMAT = Format(
    "cloudflare",
    read,
    write=lambda _: Cloudflare(),
    sniff=_sniff,
    anywhere=True,
    nearly=_nearly,
    replaced="which wrangler writes for bytes that are no text: read binary values with"
    " `wrangler kv key get`",
)
