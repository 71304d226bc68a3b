"""Which format a dump is in, told by its name or its beginning, where that is safe."""

import binascii
import io
import os
import re
from collections.abc import Iterable
from itertools import islice
from typing import TypeAlias

from kvsync.formats import cloudflare, consul, fastly, jsonl, strangers
from kvsync.formats.decoder import Json, without_mark
from kvsync.formats.delimiters import column_names, find_delimiter, wanted_columns
from kvsync.formats.failure_file import BOOKKEEPING, find_header
from kvsync.formats.fields import unknown_field
from kvsync.formats.jsontext import BrokenError, Found, JsonText
from kvsync.formats.record import Layout
from kvsync.formats.rows import Table

_DATABASES = ("redis://", "rediss://", "unix://")
_DOTENV = re.compile(r"\.env(?![A-Za-z])|.*\.env$")
"""Not ``.envrc``, which is a script."""

_LOOKED_AT = 20
_USUAL = Layout()
_PAIR = {"key", "value"}
_JSONL = {*jsonl.FIELDS, *BOOKKEEPING}
_FASTLY_ONLY = {*fastly.ONLY_HERE}
_FASTLY = {*fastly.FIELDS}

_Objects: TypeAlias = list[dict[str, Json]]


def guess_format(name: str, head: bytes, layout: Layout = _USUAL) -> tuple[str, str] | None:
    """The format and what tells it (``its name``, ``its content``), or None if nothing does.

    Nothing tells it, and it is certain, where a failure file begins with its header. ``head``
    is the beginning of the file, which may be cut off anywhere. ``layout`` has the columns that a
    table must have.
    """
    ending = os.path.splitext(name)[1].lower()
    if _begins_failures(head):
        return "jsonl", ""
    if name.startswith(_DATABASES):
        return "redis", "its name"
    if _DOTENV.match(os.path.basename(name)):
        return "dotenv", "its name"
    if ending in {".yaml", ".yml"}:
        return None
    if ending in {".csv", ".tsv"}:
        is_table = _is_table(head, ending, layout)
        return (ending[1:], "its first line") if is_table else None
    form = _by_content(head, lines=ending in {".jsonl", ".ndjson"})
    return (form, "its content") if form else None


def name_stranger(head: bytes) -> str:
    """What a file is that begins so, if it is JSON that is nearly a dump, and how to make one."""
    if told := strangers.name_stranger(head.decode(errors="replace")):
        return told
    for form, known, found in (
        ("cloudflare", cloudflare.FIELDS, JsonText(io.BytesIO(head)).elements()),
        ("jsonl", jsonl.FIELDS, JsonText(io.BytesIO(head)).texts()),
    ):
        objects = _first(found)
        for each in objects if _have(objects, {"key"}) else ():
            for number, name in enumerate(each, 1):
                if name not in known:
                    words = unknown_field(name, number, known)
                    return f"this looks like pairs of the format {form}, with an {words}"
    return ""


def _is_table(head: bytes, ending: str, layout: Layout) -> bool:
    try:
        header = Table(io.BytesIO(without_mark(head))).header()
    except ValueError:
        return False
    usual = "\t" if ending == ".tsv" else find_delimiter(header, layout)
    return wanted_columns(layout) <= {*column_names(header, layout.delimiter or usual)}


def _by_content(head: bytes, *, lines: bool) -> str:
    """The format, or nothing. ``lines``: the name says that every line is an object."""
    objects = _first(JsonText(io.BytesIO(head)).texts())
    if _is_fastly(objects):
        return "fastly"
    if lines:
        return "jsonl" if _is_jsonl(objects) else ""
    if _wraps_values(head):
        return "cloudflare"
    return _of_array(_first(JsonText(io.BytesIO(head)).elements()))


def _begins_failures(head: bytes) -> bool:
    return find_header(io.BytesIO(head)) is not None


def _first(found: Iterable[Found]) -> _Objects:
    """The first objects that are there whole; none if anything else is among them."""
    objects = []
    try:
        for each in islice(found, _LOOKED_AT):
            if each.fault or not isinstance(each.value, dict):
                return []
            objects.append(each.value)
    except BrokenError:
        # Where the beginning was cut off, perhaps.
        pass
    return objects


def _names(objects: _Objects) -> set[str]:
    return {name for each in objects for name in each}


def _have(objects: _Objects, fields: set[str]) -> bool:
    return bool(objects) and all(fields <= each.keys() for each in objects)


def _is_fastly(objects: _Objects) -> bool:
    names = _names(objects)
    return _have(objects, _PAIR) and names <= _FASTLY and bool(names & _FASTLY_ONLY)


def _is_jsonl(objects: _Objects) -> bool:
    names = _names(objects)
    if not _have(objects, {"key"}) or not names <= _JSONL:
        return False
    # Else these may be fastly's, whose values are all in base64.
    return not names <= _FASTLY or not all(_may_be_base64(each.get("value")) for each in objects)


def _may_be_base64(value: Json) -> bool:
    if not isinstance(value, str) or not value:
        return False
    try:
        data = binascii.a2b_base64(value, strict_mode=True)
    except ValueError:
        return False
    return binascii.b2a_base64(data, newline=False) == value.encode()


def _wraps_values(head: bytes) -> bool:
    text = JsonText(io.BytesIO(head))
    try:
        return next(text.names(), (0, ""))[1] == "values" and text.peek() == "{"
    except BrokenError:
        return False


def _of_array(objects: _Objects) -> str:
    names = _names(objects)
    if _have(objects, {"key", "flags"}) and names <= {*consul.FIELDS}:
        return "consul"
    if _have(objects, _PAIR) and names <= {*cloudflare.FIELDS}:
        return "cloudflare"
    return ""
