"""What parts the cells of a table, and where the file of a table may be cut off."""

import pytest

from kvsync.formats import guess_format, parse_delimiter
from kvsync.formats.record import Fault, Item, Layout, Note, Record
from tests.formats.feeding import pairs, read, records

_PLAIN = Layout()
_NAMED = Layout("sku", "price")


def _found(character: str) -> Note:
    words = f"read with {character} between cells, as its first row suggests"
    return Note(f"{words}; say the delimiter to make that sure")


def _told(form: str, content: bytes, layout: Layout = _PLAIN) -> list[Item]:
    return [item for item in read(form, content, layout) if not isinstance(item, Record)]


@pytest.mark.parametrize(
    ("header", "layout", "character"),
    [
        (b"key;value", Layout(), ";"),
        (b"key\tvalue", Layout(), "a tab"),
        (b"key|value|note", Layout(), "|"),
        (b'"value";"key"', Layout(), ";"),
        (b"key;value;price,eur", Layout(), ";"),
        (b"key;value;;;", Layout(), ";"),
        (b"\r\n;;;\r\nkey;value;", Layout(), ";"),
        (b"sep=;\r\nkey;value", Layout(), ";"),
        (b"\xef\xbb\xbfkey;value", Layout(), ";"),
        (b"n;price;sku", _NAMED, ";"),
        (b"sku;n", Layout("sku", whole_row=True), ";"),
    ],
)
def test_what_the_header_leaves_no_doubt_of(header: bytes, layout: Layout, character: str) -> None:
    """It is told, and a .csv with such a header is guessed to be a table."""
    assert _told("csv", header + b"\r\n", layout) == [_found(character)]
    assert guess_format("a.csv", header + b"\r\n", layout) == ("csv", "its first line")


@pytest.mark.parametrize(
    ("header", "layout"),
    [
        (b"key,value", Layout()),
        (b"key,value;key;value", Layout()),
        (b"key,b;key;value", Layout()),
        (b"sep=,\nkey,value", Layout()),
        (b"key;valeu", Layout()),
        (b"id;value", Layout()),
        (b"key;value", _NAMED),
        (b"key value", Layout()),
        (b"key:value", Layout()),
        (b"key;value;x|key|value|y", Layout()),
        (b'"key";"va\nlue"', Layout()),
    ],
)
def test_what_may_be_parted_by_commas(header: bytes, layout: Layout) -> None:
    """Nothing else is taken that nobody has asked for."""
    assert not any(isinstance(item, Note) for item in _told("csv", header + b"\n", layout))


@pytest.mark.parametrize(
    ("form", "character", "content"),
    [
        ("csv", ":", b"key:value\na:x,y\n"),
        ("csv", ";", b"key;value;n,m\na;x,y;\n"),
        ("tsv", ";", b"key;value\na;x,y\n"),
        ("csv", "§", "key§value\na§x,y\n".encode()),
        ("csv", " ", b'key value\na "x,y"\n'),
        ("csv", ",", b'key,value\na,"x,y"\n'),
    ],
)
def test_what_is_said(form: str, character: str, content: bytes) -> None:
    """Whatever character it is; then there is nothing to tell."""
    layout = Layout(delimiter=character)
    assert pairs(form, content, layout) == [("a", b"x,y")]
    assert not _told(form, content, layout)


def test_a_comma_that_is_said_is_a_comma() -> None:
    """The header is not looked at then; the hint says what it looks like."""
    told = "no column key in the first row, which must have the columns' names; or say with"
    for character in (",", ":"):
        (fault,) = _told("csv", b"key;value\na;b\n", Layout(delimiter=character))
        assert fault == Fault(1, f"{told} --delimiter that ; is between its cells")


@pytest.mark.parametrize("text", ["tab", "\\t", "\t", ";", "é", " "])
def test_one_character(text: str) -> None:
    """A tab has words, since it is hard to type."""
    assert parse_delimiter(text) == ("\t" if len(text) > 1 else text)


@pytest.mark.parametrize("text", ["", ";;", "TAB", '"', "\n", "\r", "\0", "\\n"])
def test_no_character(text: str) -> None:
    """Anything else is refused."""
    with pytest.raises(ValueError, match="must be one character, or tab"):
        parse_delimiter(text)


@pytest.mark.parametrize("names", [b"key,value,,", b"key,value, ,", b'key,value,""'])
@pytest.mark.parametrize("row", [b"a,x", b"a,x,", b"a,x,,", b"a,x,,,,"])
def test_empty_names_at_the_end_are_no_columns(names: bytes, row: bytes) -> None:
    """Rows may have empty cells there, or none."""
    assert records("csv", names + b"\n" + row + b"\nb,y\n") == [
        Record("a", b"x", 2),
        Record("b", b"y", 3),
    ]


def test_the_whole_row_has_the_named_columns() -> None:
    """An empty name at the end is no field."""
    content = b"key,n,,\na,1,,\n"
    assert pairs("csv", content, Layout(whole_row=True)) == [("a", b'{"key":"a","n":"1"}')]


def test_text_under_an_empty_name() -> None:
    """It is not lost in silence: the line and the cell are told."""
    words = "cell 4 is of no column, as the header has no name for it: give it one, or empty the"
    assert read("csv", b"key,value,,\na,x,,secret\nb,y,,\n") == [
        Fault(2, f"{words} cell"),
        Record("b", b"y", 3),
    ]


_UNENDED = "has no line end, as all before it have: is the file whole?"
_FEWER = "has fewer cells than all before it: is the file whole?"


@pytest.mark.parametrize(
    ("form", "content", "line", "told"),
    [
        ("csv", b"key,value\na,x\nb,y", 3, _UNENDED),
        ("csv", b"key,value\r\na,x\r\nb,y\r", 3, _UNENDED),
        ("csv", b'key,value\na,"x\ny"', 2, _UNENDED),
        ("csv", b"key;value\na;x", 2, _UNENDED),
        ("tsv", b"key\tvalue\na\tx\nb\ty", 3, _UNENDED),
        ("akamai", b"g,a,x,60\ng,b,y,6", 2, _UNENDED),
        ("akamai", b"g,a,x,60\ng,b,y\n", 2, _FEWER),
        ("csv", b"key,value,,\na,x,,\nb,y\n", 3, _FEWER),
    ],
)
def test_a_last_row_that_may_be_cut_off(form: str, content: bytes, line: int, told: str) -> None:
    """All its pairs are there, and it is told."""
    notes = [item for item in _told(form, content) if item != _found(";")]
    assert notes == [Note(f"the last row (line {line}) {told}")]


@pytest.mark.parametrize(
    ("form", "content"),
    [
        ("csv", b"key,value\na,x\nb,y\n"),
        ("csv", b"key,value\n"),
        ("csv", b"key,value"),
        ("csv", b"key,value\na,x\n\n"),
        ("csv", b"key,value,,\na,x\nb,y,,\nc,z\n"),
        ("akamai", b"g,a,x"),
        ("akamai", b"g,a,x\ng,b,y,60\ng,c,z\n"),
    ],
)
def test_a_last_row_like_the_others(form: str, content: bytes) -> None:
    """Where there is nothing to compare it with, or it is alike, nothing is told."""
    assert not _told(form, content)


def test_a_last_row_without_its_value() -> None:
    """It is an error, as any such row."""
    faults = [item for item in _told("csv", b"key,value\na,x\nb") if isinstance(item, Fault)]
    words = "1 cells, where the header has 2, and no line end: is the file whole?"
    assert faults == [Fault(3, words)]
