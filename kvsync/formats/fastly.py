"""Fastly KV Store: what ``fastly kv-store-entry create --file`` reads."""

from collections.abc import Iterator, Mapping
from typing import BinaryIO

from kvsync.formats.decoder import Json
from kvsync.formats.fields import (
    WrongError,
    check_names,
    flag_of,
    json_text,
    key_of,
    members_of,
    seconds_of,
    wrapped_value_of,
)
from kvsync.formats.jsontext import BrokenError, Found, JsonText
from kvsync.formats.record import Item, Layout, Record
from kvsync.formats.strangers import name_stranger
from kvsync.model.values import Expiry

ONLY_HERE = ("time_to_live_sec", "background_fetch")
"""Fields that no other format has."""

FIELDS = ("key", "value", "metadata", *ONLY_HERE)

_EXAMPLE = '{"key": "…", "value": "…"} one after the other, without [ ]'


def read(file: BinaryIO, layout: Layout) -> Iterator[Item]:  # noqa: ARG001 - it has no columns
    """Objects one after the other, with ``value`` in base64."""
    text = JsonText(file)
    try:
        text.peek()
        if told := name_stranger(text.unread):
            yield text.fault(told)
            return
        for found in text.texts():
            yield _item(found)
    except BrokenError as error:
        yield error.fault


def _item(found: Found) -> Item:
    try:
        fields = members_of(found.value, found.fault, _EXAMPLE)
        check_names(fields, FIELDS)
        line, column = found.place
        return Record(
            key_of(fields),
            wrapped_value_of(fields),
            line,
            Expiry(ttl=seconds_of(fields, "time_to_live_sec")),
            _metadata(fields),
            "background_fetch" if flag_of(fields, "background_fetch") else "",
            column=column,
            item=found.number,
        )
    except WrongError as error:
        return found.wrong(str(error))


def _metadata(fields: Mapping[str, Json]) -> str:
    metadata = fields.get("metadata")
    if not isinstance(metadata, str | None):
        raise WrongError("metadata is not a string: write it as a string")
    return json_text(metadata or None)
