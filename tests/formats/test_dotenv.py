"""Files of NAME=value lines."""

import pytest

from kvsync.formats.record import Fault, Note, Record
from tests.formats.feeding import faults, pairs, read, records


def test_values_are_read_as_dotenv_reads_them() -> None:
    """Quotes and comments go, escapes work in double quotes; nothing is expanded."""
    content = b"""\xef\xbb\xbf# comment
PLAIN=x y # comment
export EXPORTED=1
SINGLE='a\\nb ${HOME}'
DOUBLE="a\\nb ${HOME}"
HASH=x#y

EMPTY=
QUOTED=""
  SPACED = z
LINES="one
two"
dotted.key-1=\xc3\xbc
"""
    assert pairs("dotenv", content) == [
        ("PLAIN", b"x y"),
        ("EXPORTED", b"1"),
        ("SINGLE", b"a\\nb ${HOME}"),
        ("DOUBLE", b"a\nb ${HOME}"),
        ("HASH", b"x#y"),
        ("EMPTY", b""),
        ("QUOTED", b""),
        ("SPACED", b"z"),
        ("LINES", b"one\ntwo"),
        ("dotted.key-1", "ü".encode()),
    ]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_the_line_is_where_the_name_stands(end: bytes) -> None:
    """Whatever ends lines, and however many blank ones come before."""
    content = end.join([b"", b"A=1", b"", b"  ", b"# c", b"B='", b"'", b"C=3", b"", b""])
    assert [record.line for record in records("dotenv", content)] == [2, 6, 8]


_WRONG = "not NAME=value: close each quote, and write nothing but a comment after"


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (b"\n\nNAME\nA=1\n", 3, "a name without a value: write NAME=value"),
        (b"A=1\n\nB='precious\nC=1\n", 3, _WRONG),
        (b"A=1\n\nB='precious' more\nC=1\n", 3, _WRONG),
        (b"A=1\n\n=precious\nC=1\n", 3, _WRONG),
        (b"A=1\nB=\xff\n", 2, "not valid UTF-8: save the file as UTF-8"),
        (b"A=1\nB=" + b" " * 2000 + b"x\n", 2, "over 1,000 spaces in a row: use another format"),
        (b"A=" + b"x" * 2**20, 1, "more than 1 MiB: use another format, jsonl for one"),
        (
            "A=1".encode("utf-16"),
            1,
            "the file is UTF-16 (Windows PowerShell writes that): save it as UTF-8",
        ),
    ],
    ids=lambda value: value[:40] if isinstance(value, bytes) else "",
)
def test_what_is_wrong_has_its_line(content: bytes, line: int, message: str) -> None:
    """And says what to do, without a value."""
    assert faults("dotenv", content) == [(line, message)]


def test_after_a_wrong_line_comes_the_next() -> None:
    """An unclosed quote costs its line alone."""
    assert read("dotenv", b"A='\nB=1\n")[1:] == [Record("B", b"1", 2)]


def test_more_names_than_an_environment_has() -> None:
    """The parser is slow: beyond 50,000 lines another format is asked for."""
    content = b"A=\n" * 50_001
    words = "more than 50,000 lines: use another format, jsonl for one"
    assert faults("dotenv", content) == [(1, words)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("A=`x y`", "x y"),
        ("export A = `x # y` # comment", "x # y"),
        ("A=`'x' \"y\"`#comment", "'x' \"y\""),
        ("'A'=`one\ntwo\n\nthree`", "one\ntwo\n\nthree"),
        ("A=`one\r\ntwo`\r", "one\ntwo"),
        (r"A=`\n\t\\ ${x} \``", r"\n\t\\ ${x} \`"),
        ("A=`C:\\`\nB=`y`", "C:\\"),
        ("A=``", ""),
        ("A=`B=1`", "B=1"),
        ("A=`x`   ", "x"),
    ],
)
def test_backticks_are_quotes_as_nodes_dotenv_has_them(text: str, value: str) -> None:
    """Nothing in them is changed or cut, and they may hold lines."""
    content = f"{text}\nZ=`z`\n".encode()
    found = pairs("dotenv", content)
    assert (found[0], found[-1]) == (("A", value.encode()), ("Z", b"z"))


@pytest.mark.parametrize(
    "line", ["A=`precious", "A=`precious` more", "A=```precious```", "A= `a` `b`", "A=`a`b"]
)
def test_backticks_that_are_not_closed_or_closed_too_early(line: str) -> None:
    """Nothing is guessed: an error, and the next line is read."""
    items = read("dotenv", f"\n{line}\nB=1\nC=`c`\n".encode())
    assert items == [Fault(2, _WRONG), Record("B", b"1", 3), Record("C", b"c", 4)]


@pytest.mark.parametrize("line", ["A=x`y`", "A='x`y'", 'A="`"', "# A=`x", "A=x # `"])
def test_backticks_elsewhere_are_characters(line: str) -> None:
    """In other quotes, behind a value's beginning, and in comments."""
    items = read("dotenv", f"{line}\nB=`b`\n".encode())
    assert items[-1] == Record("B", b"b", 2)
    assert not any(isinstance(item, Fault) for item in items)


def test_quoted_lines_have_one_kind_of_end() -> None:
    """As in both tools, which read a file as text."""
    assert pairs("dotenv", b"A=\"x\r\ny\"\r\nB='x\r\ny'\r\n") == [("A", b"x\ny"), ("B", b"x\ny")]


@pytest.mark.parametrize("text", ["A=1\nB=tw", "A=1\n\nexport B=tw", "A=`x\ny`\nB=tw # c"])
def test_a_last_line_that_may_be_cut_off(text: str) -> None:
    """It is told where nothing closes the value."""
    line = text.count("\n") + 1
    told = f"the last line (line {line}) has no line end, as all before it have: is the file whole?"
    assert read("dotenv", text.encode())[-2:] == [Record("B", b"tw", line), Note(told)]


@pytest.mark.parametrize("text", ["A=1", "A=1\nB='x'", 'A=1\nB="x"', "A=1\nB=`x`", "A=1\n# c"])
def test_a_last_line_that_is_whole(text: str) -> None:
    """What is in quotes is; a single line has nothing to be compared with."""
    assert all(isinstance(item, Record) for item in read("dotenv", text.encode()))
