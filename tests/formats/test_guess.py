"""Which format a dump is in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsync.formats import FORMATS, guess_format, reader

_HEADER = b'{"format":"kvsync-failures","version":1}\n'
_WRAPPED = b'{"key":"a","value":"dHJ1ZQ=="}\n'


@pytest.mark.parametrize(
    ("name", "head", "form", "told"),
    [
        (".env", b"", "dotenv", "its name"),
        ("conf/.env.production", b"", "dotenv", "its name"),
        ("conf/prod.env", b"", "dotenv", "its name"),
        ("redis://localhost/0", b"", "redis", "its name"),
        ("rediss://localhost", b"", "redis", "its name"),
        ("unix:///run/redis.sock", b"", "redis", "its name"),
        ("unix:///run/redis.env", b"", "redis", "its name"),
        ("a.csv", b"n,value,key\n", "csv", "its first line"),
        ("A.CSV", b'\xef\xbb\xbf"key","value"\r\n', "csv", "its first line"),
        ("a.tsv", b"key\tvalue\na\tx", "tsv", "its first line"),
        ("a.jsonl", b'{"key":"a","value":"x y"}\n{"key":"b","val', "jsonl", "its content"),
        ("a.ndjson", b'{"key":"a","base64":"eA=="}\n', "jsonl", "its content"),
        ("a.jsonl", b'{"key":"a","value":"true","expiration":1}\n', "jsonl", "its content"),
        ("a.jsonl", _WRAPPED + b'{"key":"a","value":""}\n', "jsonl", "its content"),
        ("a.jsonl", _HEADER + _WRAPPED, "jsonl", ""),
        ("failed", b"\xef\xbb\xbf" + _HEADER, "jsonl", ""),
        ("a.jsonl", b'{"key":"a","value":"","time_to_live_sec":1}', "fastly", "its content"),
        (
            "-",
            _WRAPPED + b'{"key":"b","value":"","background_fetch":true}',
            "fastly",
            "its content",
        ),
        ("a.json", b'[ {"key":"a","flags":0,"value":""},', "consul", "its content"),
        ("-", b'[{"key":"a","value":"x","metadata":{}}]', "cloudflare", "its content"),
        ("a.json", b' {"values" : {', "cloudflare", "its content"),
    ],
)
def test_what_is_plain_is_told(name: str, head: bytes, form: str, told: str) -> None:
    """By the name, or by the beginning of the content."""
    assert guess_format(name, head) == (form, told)


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("a.yaml", b"keys: {}"),
        ("a.yml", b'[{"key":"a","value":"x"}]'),
        (".envrc", b"export A=1"),
        ("a.csv", b"id,body\n"),
        ("a.csv", b""),
        ("a.csv", "key,value\n".encode("utf-16")),
        ("a.tsv", b"key,value\n"),
        ("a.jsonl", _WRAPPED),
        ("a.jsonl", b'{"key":"a","value":"true","metadata":"m"}\n'),
        ("a.jsonl", b'{"key":"a","value":"x y","other":1}\n'),
        ("a.jsonl", b'{"value":"x y"}\n'),
        ("a.jsonl", b'{"values":{}}\n'),
        ("a.jsonl", b'{"key":"a","key":"b","value":"x y"}\n'),
        ("a.jsonl", b"[]"),
        ("a.jsonl", b""),
        ("a.json", b'{"key":"a","value":"x y"}'),
        ("a.json", b'{"a":{"value":"x"}}'),
        ("a.json", b'[{"key":"a","value":"x","other":1}]'),
        ("a.json", b'[{"key":"a"}]'),
        ("a.json", b'[{"key":"a","flags":0,"value":""},{"key":"a","value":""}]'),
        ("a.json", b'["a"]'),
        ("a.json", b'[{"key":"a","value":"'),
        ("a.json", b"[" * 65536),
        ("a.json", '[{"key":"a","value":"x"}]'.encode("utf-16")),
        ("-", b"g,a,x\n"),
        ("-", b""),
    ],
)
def test_what_may_be_something_else_is_not_guessed(name: str, head: bytes) -> None:
    """The user must say it."""
    assert guess_format(name, head) is None


@pytest.mark.slow
@given(st.text(), st.binary())
def test_anything_may_be_asked(name: str, head: bytes) -> None:
    """Whatever is guessed is a format."""
    guess = guess_format(name, head)
    assert guess is None or guess[0] in FORMATS


def test_every_format_of_a_file_has_a_reader() -> None:
    """Redis is no file."""
    for form in FORMATS:
        if form != "redis":
            assert callable(reader(form))
    with pytest.raises(ValueError, match="not read from a file: redis"):
        reader("redis")
