"""No dump, however broken, makes a reader raise."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kvsync.formats import FORMATS
from kvsync.formats.record import Fault, Layout, Note, Record
from kvsync.model.values import Expiry
from tests.effort import examples
from tests.formats.feeding import read

_FILES = [form for form in FORMATS if form != "redis"]
_SOUND = [
    b'{"key":"a","value":"eA==","expiration":9,"metadata":{"n":[1.5,null]}}\n'
    b'{"key":"b","base64":"eA=="}\n',
    b'key,value,expiration_ttl,note\na,"x, ""y""\nz",60,n\nb,,,\n',
    b"sep=;\n;;\nkey;value;\na;x;\n;;\nb;y",
    b'[{"key":"a","value":"eA==","base64":true,"flags":7},\n'
    b' {"key":"b","value":"\\ud83d\\ude00"}]\n',
    b'{"values":{"a":{"value":"x"},"b":null,"c":"y"}}\n\nSuccess!\n',
    b'g,a,"x\ny",60\n\ng,b,z\n# c\nA=\'b\' # d\nexport C="d\\n"\n',
    "\ufeff[é€😀".encode(),
]
_PIECES = [b'"', b"'", b"\\", b"{", b"}", b"[", b"]", b",", b":", b"\n", b"\r", b"\t", b"\x00"]
_MUTATION = st.tuples(
    st.integers(0, 200),
    st.integers(0, 5),
    st.sampled_from([*_PIECES, b"\xff", b"\\ud800", b"NaN", b"1e999", b"[" * 2000])
    | st.binary(max_size=5),
)
_LAYOUTS = [Layout(), Layout(whole_row=True), Layout("note", "key", "expiration_ttl")]


def _check(form: str, content: bytes, layout: Layout, drop: int) -> None:
    items = read(form, content, layout, drop)
    for item in items:
        if isinstance(item, Note):
            assert item.message
            continue
        if isinstance(item, Fault):
            assert item.line >= 1
            assert item.column >= 1
            assert item.message
            continue
        assert type(item) is Record
        item.key.encode()
        assert item.line >= 1
        assert isinstance(item.expiry, Expiry)
        assert not (item.expiry.ttl and item.expiry.at)
    if drop:
        assert items == read(form, content, layout)


@pytest.mark.slow
@pytest.mark.parametrize("form", _FILES)
@given(st.binary(max_size=200), st.sampled_from(_LAYOUTS), st.integers(0, 7))
@settings(max_examples=examples(60))
def test_random_bytes_are_records_or_faults(
    form: str, content: bytes, layout: Layout, drop: int
) -> None:
    """The same ones however the bytes arrive."""
    _check(form, content, layout, drop)


@pytest.mark.slow
@pytest.mark.parametrize("form", _FILES)
@given(
    st.sampled_from(_SOUND),
    st.lists(_MUTATION, max_size=4),
    st.sampled_from(_LAYOUTS),
    st.integers(0, 7),
)
@settings(max_examples=examples(150))
def test_mutated_dumps_are_records_or_faults(
    form: str, content: bytes, mutations: list[tuple[int, int, bytes]], layout: Layout, drop: int
) -> None:
    """Wherever something is put in, left out or cut off."""
    for start, length, piece in mutations:
        content = content[:start] + piece + content[start + length :]
    _check(form, content, layout, drop)
