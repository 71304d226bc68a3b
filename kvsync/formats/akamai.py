"""Akamai EdgeKV: the CSV that a bulk upload takes."""

from collections.abc import Iterator
from typing import BinaryIO

from kvsync.formats.fields import WrongError, whole_seconds
from kvsync.formats.format import Format
from kvsync.formats.record import Fault, Item, Layout, Record
from kvsync.formats.tables import Ending, Row, Table
from kvsync.model.values import Expiry


def read(file: BinaryIO, layout: Layout) -> Iterator[Item]:  # noqa: ARG001 - it has no header
    """``groupId,itemId,content[,retentionSeconds]``, without a header."""
    ending = Ending()
    for row in Table(file).rows(","):
        item = Fault(row.line, row.fault) if row.fault else _item(row)
        yield item
        if isinstance(item, Record):
            ending.see(row)
        else:
            ending.wrong()
    yield from ending.notes()


def _item(row: Row) -> Item:
    if not 3 <= len(row.cells) <= 4:
        return Fault(
            row.line,
            f"{len(row.cells)} cells: write groupId,itemId,content or "
            'groupId,itemId,content,retentionSeconds, with content in quotes (")',
        )
    group, key, value, seconds = (*row.cells, "")[:4]
    if (group.lower(), key.lower()) == ("groupid", "itemid"):
        return Fault(row.line, "a header, which akamai's CSV has not: take this line away")
    if not (group and key):
        return Fault(row.line, "no group or no item: write groupId,itemId,content")
    try:
        ttl = whole_seconds(seconds, "retentionSeconds") if seconds.strip("0") else 0
    except WrongError as error:
        return Fault(row.line, str(error))
    return Record(key, value.encode(), row.line, Expiry(ttl=ttl), group=group)


FORMAT = Format("akamai", read, options=("--separator",))
