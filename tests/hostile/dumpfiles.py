"""Dumps of other stores that mean harm, in each format."""

import gzip
from collections.abc import Callable
from typing import IO

from tests.hostile.cases import Case
from tests.hostile.laying import Part, Times, laid

_MIB = 1 << 20
_OPTIONS = {
    "cloudflare": ("--metadata", "drop"),
    "fastly": (),
    "akamai": ("--groups", "join"),
    "consul": (),
    "csv": (),
    "tsv": (),
    "dotenv": (),
    "jsonl": (),
}
_STARTS = {
    "cloudflare": b'[{"key":"k","value":"',
    "fastly": b'{"key":"k","value":"',
    "akamai": b'g,k,"',
    "consul": b'[{"key":"k","flags":0,"value":"',
    "csv": b'key,value\nk,"',
    "tsv": b'key\tvalue\nk\t"',
    "dotenv": b'k="',
    "jsonl": b'{"key":"k","value":"',
}
_ENDS = {
    "cloudflare": b'"}]\n',
    "fastly": b'"}\n',
    "akamai": b'"\n',
    "consul": b'"}]\n',
    "csv": b'"\n',
    "tsv": b'"\n',
    "dotenv": b'"\n',
    "jsonl": b'"}\n',
}
_BLANK = {"fastly": 0, "akamai": 0, "jsonl": 0}
_SPACES = {"fastly": 0}
"""What blank text is a dump of no pairs in."""
_JSON = ("cloudflare", "fastly", "consul", "jsonl")


def _plan(form: str, *more: str) -> tuple[str, ...]:
    return ("plan", "d", "--format", form, *_OPTIONS[form], *more)


def _packed() -> None:
    with gzip.open("d", "wb") as file:
        file.write(b'{"key": "k", "value": "v"}\n' * 1000)


def _bytes(*parts: Part) -> Callable[[], object]:
    return laid("d", *parts)


def _filled(form: str, piece: bytes, times: int) -> Callable[[], object]:
    return _bytes(_STARTS[form], Times(piece, times), _ENDS[form])


def _endless(first: bytes, piece: bytes) -> Callable[[IO[bytes]], None]:
    def feed(stdin: IO[bytes]) -> None:
        stdin.write(first)
        while True:
            stdin.write(piece)

    return feed


def _nothing() -> None:
    """The dump comes through a pipe."""


def _for_each() -> dict[str, Case]:
    cases = {}
    for form in _STARTS:
        cases[f"{form}, a value of 100 MB"] = Case(_filled(form, b"x", 100 * _MIB), _plan(form), 2)
        cases[f"{form}, 100 MB of emoji"] = Case(
            _filled(form, "😀".encode(), 25 * _MIB), _plan(form), 2
        )
        cases[f"{form}, NUL bytes"] = Case(_bytes(Times(b"\0", 20 * _MIB)), _plan(form), 2)
        cases[f"{form}, line feeds"] = Case(
            _bytes(Times(b"\n", _MIB)), _plan(form), _BLANK.get(form, 2)
        )
        cases[f"{form}, spaces"] = Case(
            _bytes(Times(b" ", 100 * _MIB)), _plan(form), _SPACES.get(form, 2)
        )
        cases[f"{form}, quotes"] = Case(_bytes(Times(b'"', 100 * _MIB)), _plan(form), 2)
        cases[f"{form}, gzip"] = Case(_packed, _plan(form), 2)
        cases[f"{form}, endless"] = Case(
            _nothing,
            ("plan", "-", "--format", form, "--name", "n", *_OPTIONS[form]),
            4,
            "cannot keep what was piped in",
            feed=_endless(b"", b"y\n" * (1 << 15)),
        )
    for form in _JSON:
        start = _STARTS[form].removesuffix(b'"')
        for name, piece in (("brackets", b"["), ("braces", b'{"a":')):
            cases[f"{form}, depth in {name}"] = Case(
                _bytes(start, Times(piece, 1_000_000)),
                _plan(form),
                2,
                "write the value as a string",
            )
        cases[f"{form}, lists of nothing"] = Case(
            _bytes(start, b"[", Times(b"[],", 30 * _MIB), b"[]]}"), _plan(form), 2
        )
        cases[f"{form}, escapes"] = Case(
            _filled(form, b"\\u0061", 50 * (_MIB // 6)), _plan(form), 2
        )
        cases[f"{form}, digits"] = Case(
            _bytes(start, Times(b"9", 30 * _MIB), b"}]"), _plan(form), 2
        )
        cases[f"{form}, members"] = Case(
            _bytes(start, b'{"a":1', Times(b',"a":1', 15 * (_MIB // 6)), b"}}]"),
            _plan(form),
            2,
        )
    return cases


_NUMBERS = (b"9" * 5000, b"1e999999999", b"-1", b"1e-999999999", b"1.5", b"Infinity")


def _numbers() -> None:
    with open("d", "wb") as file:
        file.writelines(
            b'{"key":"k","value":"v","expiration":%b}\n' % number for number in _NUMBERS
        )


def _wide_table() -> None:
    with open("d", "wb") as file:
        file.write(b",".join([b"c%d" % n for n in range(500_000)]) + b"\n")


def _many(line: bytes) -> Callable[[], object]:
    def made() -> None:
        with open("d", "wb") as file:
            file.writelines(line.replace(b"#", b"%d" % number) for number in range(100_000))

    return made


def _envelope_depth() -> None:
    deep = b"[" * 500 + b"]" * 500
    with open("d", "wb") as file:
        file.write(b'{"key":"k","value":"v","metadata":%b}\n' % deep)


DUMPS = _for_each() | {
    "jsonl, numbers": Case(_numbers, _plan("jsonl"), 2, "positive whole number"),
    "jsonl, deep metadata": Case(
        _envelope_depth, _plan("jsonl", "--metadata", "envelope"), 2, "deep"
    ),
    "jsonl, names of other languages": Case(
        _bytes(b'{"key":"__proto__","value":"v"}\n{"key":"constructor","value":"v"}\n'),
        _plan("jsonl"),
        0,
        "2 to create",
    ),
    "jsonl, names that a terminal obeys": Case(
        _bytes(b'{"key":"\\u001b[2J","value":"v"}\n'), _plan("jsonl"), 2, r"\x1b[2J"
    ),
    "jsonl, 100,000 mistakes": Case(
        _many(b'{"key":"k #","value":"v"}\n'),
        ("validate", *_plan("jsonl")[1:]),
        2,
        "more pairs",
        target=False,
    ),
    "jsonl, 100,000 bad lines": Case(_many(b"# x\n"), _plan("jsonl"), 2, "mistakes are enough"),
    "jsonl, a large key": Case(
        _bytes(b'{"value":"v","key":"', Times(b"x", 15 * _MIB), b'"}\n'),
        _plan("jsonl"),
        2,
    ),
    "jsonl, large metadata": Case(
        _bytes(b'{"key":"k","value":"v","metadata":"', Times(b"x", 15 * _MIB), b'"}\n'),
        _plan("jsonl"),
        2,
    ),
    "csv, half a million columns": Case(_wide_table, _plan("csv"), 2),
    "csv, cells": Case(_bytes(b"key,value\n", Times(b",", 15 * _MIB), b"\n"), _plan("csv"), 2),
    "dotenv, 1 MiB of quotes": Case(_bytes(Times(b"A='\\'\n", 149_796)), _plan("dotenv"), 2),
    "dotenv, 1 MiB of names": Case(_bytes(Times(b"A=1\n", 262_144)), _plan("dotenv"), 2),
    "dotenv, 1 MiB of backslashes": Case(
        _bytes(b'A="', Times(b"\\", _MIB - 4)), _plan("dotenv"), 2
    ),
    "guess, 100 MB of braces": Case(_bytes(Times(b"{", 100 * _MIB)), ("plan", "d"), 2),
    "guess, 100 MB of brackets": Case(_bytes(Times(b"[", 100 * _MIB)), ("plan", "d"), 2),
    "guess, gzip": Case(_packed, ("plan", "d"), 2),
    "endless values": Case(
        _nothing,
        ("plan", "-", "--format", "jsonl", "--name", "n"),
        4,
        "cannot keep what was piped in",
        feed=_endless(b'{"key":"k","value":"', b"x" * (1 << 16)),
    ),
}
