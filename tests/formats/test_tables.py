"""CSV and TSV with a header."""

import csv
import io
import json
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsync.formats.record import Fault, Layout, Record
from kvsync.model.values import Expiry
from tests.formats.feeding import KEYS, TEXTS, faults, pairs, read, records


@pytest.mark.slow
@given(
    st.lists(st.tuples(KEYS, TEXTS)),
    st.sampled_from(["csv", "tsv"]),
    # Without quotes, csv would write a carriage return that ends a line.
    st.sampled_from([(csv.QUOTE_ALL, "\n"), (csv.QUOTE_ALL, "\r\n"), (csv.QUOTE_MINIMAL, "\r\n")]),
    st.integers(1, 9),
)
def test_whatever_a_row_holds_comes_back(
    wanted: list[tuple[str, str]], form: str, style: tuple[Literal[0, 1], str], drop: int
) -> None:
    """Text of any kind, delimiters, quotes and line breaks included."""
    file = io.StringIO()
    delimiter = "," if form == "csv" else "\t"
    quoting, end = style
    writer = csv.writer(file, quoting=quoting, lineterminator=end, delimiter=delimiter)
    writer.writerows([("key", "value"), *wanted])
    items = read(form, file.getvalue().encode(), drop=drop)
    assert [item[:2] for item in items] == [(key, value.encode()) for key, value in wanted]


def test_a_row_says_everything_of_a_pair() -> None:
    """Columns that mean nothing are kept as metadata; the line is where the row begins."""
    content = (
        b"\xef\xbb\xbfowner,value,expiration,key,expiration_ttl,note\n"
        b'me,"x\ny",1800000000,a,,\n\n'
        b",z,1,b,1h30m,hi\n"
        b",,,c,,\n"
    )
    assert records("csv", content) == [
        Record("a", b"x\ny", 2, Expiry(at=1800000000), '{"owner":"me"}'),
        Record("b", b"z", 5, Expiry(ttl=5400), '{"note":"hi"}'),
        Record("c", b"", 6),
    ]


def test_columns_may_have_any_names() -> None:
    """A column that somebody named for the TTL takes the place of those that have its name."""
    layout = Layout("id", "body", "keep")
    content = b"id\tbody\tkeep\texpiration\na\tx\t60\t7\nb\ty\t\t\n"
    assert records("tsv", content, layout) == [
        Record("a", b"x", 2, Expiry(ttl=60), '{"expiration":"7"}'),
        Record("b", b"y", 3),
    ]


def test_the_whole_row_may_be_the_value() -> None:
    """As compact JSON, in the order of the columns, with every cell a string."""
    content = 'key,n,ü\na,1,"x ""y"""\nb,,\n'.encode()
    layout = Layout(whole_row=True)
    assert pairs("csv", content, layout) == [
        ("a", '{"key":"a","n":"1","ü":"x \\"y\\""}'.encode()),
        ("b", '{"key":"b","n":"","ü":""}'.encode()),
    ]
    assert json.loads(records("csv", content, layout)[0].value or b"")["n"] == "1"


@pytest.mark.slow
def test_values_of_several_mib_work() -> None:
    """The module's own limit is 128 KiB."""
    value = b"x" * 2**22
    assert pairs("csv", b"key,value\na," + value + b"\n") == [("a", value)]


@pytest.mark.parametrize(
    ("content", "layout", "message"),
    [
        (b"", Layout(), "no header: write the names of the columns into the first row"),
        (b"\n\n", Layout(), "no header: write the names of the columns into the first row"),
        (
            b"key,valeu,n\n",
            Layout(),
            "no column value: did you mean valeu? (columns: key, valeu, n)",
        ),
        (b"name,value\n", Layout(), "no column key: (columns: name, value)"),
        (b"key,value\n", Layout(ttl_column="ttl"), "no column ttl: (columns: key, value)"),
        (
            b"token,precious\n",
            Layout(),
            "no column key in the first row, which must have the columns' names",
        ),
        (b"key,value,n,n\n", Layout(), "two columns of one name: rename one of them"),
    ],
)
def test_without_the_columns_nothing_is_read(content: bytes, layout: Layout, message: str) -> None:
    """One fault says what there is; cells that may be values are not repeated."""
    assert faults("csv", content + b"a,b\n" * 3 * bool(content.strip()), layout) == [(1, message)]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (b"a,x", "2 cells, where the header has 3"),
        (b"a,x,1,", "4 cells, where the header has 3"),
        (b"a,x,0", "ttl must be greater than 0, or be left empty"),
        (b"a,x,soon", "ttl: not a duration: write seconds, or 90s, 15m, 1h30m, 7d"),
    ],
)
def test_after_a_wrong_row_comes_the_next(row: bytes, message: str) -> None:
    """The fault says what to do, without a value."""
    content = b"key,value,ttl\n" + row + b"\nb,y,\n"
    assert read("csv", content, Layout(ttl_column="ttl")) == [
        Fault(2, message),
        Record("b", b"y", 3),
    ]


@pytest.mark.parametrize("text", [b"2026-01-01", b"0", b"-1", b"1.5", "²".encode(), "٣".encode()])
def test_a_time_is_in_unix_seconds(text: bytes) -> None:
    """Anything else is a fault."""
    assert faults("csv", b"key,value,expiration\na,x," + text + b"\n") == [
        (2, "expiration must be a positive whole number of seconds, or be left out")
    ]


_UNCLOSED = 'a quote (") that is never closed: close it, or write "" for a quote in a quoted cell'


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rest", "line", "message"),
    [
        (
            b'\nb,"pre"cious\nc,y\n',
            4,
            'text behind a closing quote ("): write "" for a quote in a quoted cell',
        ),
        (b'b,"precious\nc,y\n', 3, _UNCLOSED),
        (
            b"b,pre\rcious\nc,y\n",
            3,
            "a carriage return in a cell: put the cell into quotes, or end lines with a line feed",
        ),
        (b"b,y\nc,\xff\nd,y\n", 4, "not valid UTF-8: save the file as UTF-8"),
        (b'b,"y\n\xff"\nd,y\n', 4, "not valid UTF-8: save the file as UTF-8"),
        (
            b'b,"' + (b"x" * 2**20 + b"\n") * 17,
            18,
            'a row of more than 16 MiB: is a quote (") never closed?',
        ),
    ],
    ids=lambda value: value[:40] if isinstance(value, bytes) else "",
)
def test_after_a_broken_row_nothing_is_read(rest: bytes, line: int, message: str) -> None:
    """Nobody knows where the next one begins."""
    items = read("csv", b"key,value\na,x\n" + rest)
    assert items[0] == Record("a", b"x", 2)
    assert items[-1] == Fault(line, message)
    assert [item for item in items if isinstance(item, Fault)] == items[-1:]
