"""What the file of a key is called."""

import re
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kvsync.formats.filenames import INDEX_NAME, TEMPORARY, file_name

KEY = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=512)
PLAIN = re.compile(r"[a-z0-9_][a-z0-9_-]{0,199}")
DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])")


def turned_back(name: str) -> str:
    """The key of a name that was not cut."""
    percent = re.sub("__|_(..)", lambda match: f"%{match[1] or '5f'}", name)
    return unquote_to_bytes(percent).decode()


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("a-b_c/d.é", "a-b__c_2fd_2e_c3_a9"),
        ("../../etc/passwd", "_2e_2e_2f_2e_2e_2fetc_2fpasswd"),
        ("README", "_52_45_41_44_4d_45"),
        ("-rf", "_2drf"),
        ("_-", "__-"),
        ("con", "_63on"),
        ("CON", "_43_4f_4e"),
        ("com0", "_63om0"),
        ("lpt9", "_6cpt9"),
        ("com10", "com10"),
        ("console", "console"),
        ("\n", "_0a"),
        ("x" * 200, "x" * 200),
        ("\u202e", "_e2_80_ae"),
    ],
)
def test_names_are_plain_enough_to_read_and_to_compute(key: str, name: str) -> None:
    """Lower-case letters, digits and dashes stay, unless the name would mean something else."""
    assert file_name(key) == name


def test_a_long_name_is_cut_between_escapes() -> None:
    """What is left of it is completed with the key's SHA-256: 200 bytes in all, at most."""
    assert file_name("x" * 201) == "x" * 158 + "_-84a0678c90937f5dcf9994d5866668da6b995109"
    assert file_name("é" * 512).startswith("_c3_a9" * 26 + "_-")


@pytest.mark.slow
@given(KEY)
@example("COM1")
@example("-" * 200)
@example("a" * 157 + "_" * 300)
def test_every_name_is_safe(key: str) -> None:
    """No name leads out, hides, is an option, a device, or the name of kvsync's own files."""
    name = file_name(key)
    assert PLAIN.fullmatch(name)
    assert not DEVICE.fullmatch(name)
    assert name != INDEX_NAME
    assert not name.startswith(TEMPORARY)
    assert len(TEMPORARY + name) < 255


@given(KEY)
@example("con")
@example("-")
def test_a_name_can_be_turned_back(key: str) -> None:
    """Every name that was not cut says which key it is of, and so no two keys have the same."""
    name = file_name(key)
    if "_-" not in name.replace("__", ""):
        assert turned_back(name) == key


@pytest.mark.slow
@given(st.lists(st.text("aAbB_-", min_size=80, max_size=512), min_size=2, max_size=20, unique=True))
def test_different_keys_never_meet(keys: list[str]) -> None:
    """Also where case is ignored, and where names are cut."""
    assert len({file_name(key).casefold() for key in keys}) == len(keys)
