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
from kvsync.formats.format import Format, Head, have, names_in
from kvsync.formats.guess import name_answer
from kvsync.formats.jsontext import BrokenError, Found, JsonText
from kvsync.formats.record import Item, Layout, Record
from kvsync.model.values import Expiry

_ONLY_HERE = ("time_to_live_sec", "background_fetch")
"""Fields that no other format has."""

_FIELDS = ("key", "value", "metadata", *_ONLY_HERE)

_EXAMPLE = '{"key": "…", "value": "…"} one after the other, without [ ]'


def read(file: BinaryIO, layout: Layout) -> Iterator[Item]:  # noqa: ARG001 - it has no columns
    """Objects one after the other, with ``value`` in base64."""
    text = JsonText(file)
    try:
        text.peek()
        if told := name_answer(text.unread):
            yield text.fault(told)
            return
        for found in text.texts():
            yield _item(found)
    except BrokenError as error:
        yield error.fault


def _item(found: Found) -> Item:
    try:
        fields = members_of(found.value, found.fault, _EXAMPLE)
        check_names(fields, _FIELDS)
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


def _sniff(head: Head, layout: Layout) -> bool:  # noqa: ARG001 - it has no columns
    names = names_in(head.objects)
    has_pairs = have(head.objects, "key", "value")
    return has_pairs and names <= {*_FIELDS} and not names.isdisjoint(_ONLY_HERE)


FORMAT = Format("fastly", read, sniff=_sniff, anywhere=True)
