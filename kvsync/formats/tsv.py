"""TSV: as CSV, with tabs between cells."""

from collections.abc import Iterator
from typing import BinaryIO

from kvsync.formats.csv import OPTIONS, header_of, read_table
from kvsync.formats.format import Format, Head
from kvsync.formats.record import Item, Layout
from kvsync.formats.tables import Table, column_names, wanted_columns


def read(file: BinaryIO, layout: Layout) -> Iterator[Item]:
    """Return a pair a row, with tabs between cells, or what the layout says."""
    return read_table(Table(file), layout, layout.delimiter or "\t")


def _sniff(head: Head, layout: Layout) -> bool:
    names = column_names(header_of(head), layout.delimiter or "\t")
    return wanted_columns(layout) <= {*names}


FORMAT = Format("tsv", read, options=OPTIONS, sniff=_sniff, shown="its first line")
