"""What a legal key is, and how paths become keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsync.model.keys import check_key, escape_key, join_key, matches, path_key, unescape_key

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.mark.parametrize("key", ["a", "A-z_09", "x" * 512])
@pytest.mark.parametrize("charset", ["strict", "utf-8"])
def test_letters_digits_dash_and_underscore_are_legal(key: str, charset: str) -> None:
    """Up to 512 letters, digits, dashes and underscores are a key in either charset."""
    assert check_key(key, charset) == ""


@pytest.mark.parametrize("key", ["a/b", "ключ", "a b", "x" * 511 + "é"])
def test_every_other_character_is_legal_in_utf_8_only(key: str) -> None:
    """What strict refuses, utf-8 allows, by characters and not by bytes."""
    assert check_key(key, "utf-8") == ""
    assert check_key(key, "strict") == (
        "has other characters than letters, digits, - and _: "
        "change it, or allow every character, as the service does since mid-2026, with charset:"
        " utf-8 (or --charset utf-8)"
    )


@pytest.mark.parametrize(
    ("key", "fault"),
    [
        ("", "is empty: a key has 1 to 512 characters"),
        ("x" * 513, "has 513 characters: EdgeKV takes at most 512"),
        ("\ud800", "is not valid Unicode: change it"),
        ("a\n", ""),
    ],
)
def test_what_is_wrong_is_said_in_words(key: str, fault: str) -> None:
    """Empty, too long and not Unicode have each their own words; a newline is legal in utf-8."""
    assert check_key(key, "utf-8") == fault


def test_a_newline_at_the_end_is_no_strict_key() -> None:
    """The check looks at the whole key, to its last character."""
    assert check_key("a\n", "strict") != ""


@given(TEXT)
def test_escape_can_be_turned_back(path: str) -> None:
    """unescape_key gives back exactly what escape_key was given, and the key is strict."""
    key = escape_key(path)
    assert unescape_key(key) == path
    assert not key or len(key) > 512 or check_key(key, "strict") == ""


def test_escape_is_plain_enough_to_write_by_hand() -> None:
    """Letters, digits and dashes stay; _ doubles; each other byte is _ and two hex digits."""
    assert escape_key("a-b_c/d.é") == "a-b__c_2fd_2e_c3_a9"


@pytest.mark.parametrize("key", ["_", "_g0", "_2F", "_61", "a.b", "_ff", "__a_", "_5f"])
def test_what_escape_never_makes_is_refused(key: str) -> None:
    """Only one spelling of each path turns back: upper-case hex or an escaped letter do not."""
    with pytest.raises(ValueError, match=r"escaped key|decode"):
        unescape_key(key)


@given(TEXT)
def test_join_makes_legal_characters_only(path: str) -> None:
    """Every character of a joined path is legal, and none is added or lost."""
    for charset in ("strict", "utf-8"):
        key = join_key(path, charset)
        assert len(key) == len(path)
        assert not key or len(key) > 512 or check_key(key, charset) == ""


def test_join_in_utf_8_changes_slashes_only() -> None:
    """What utf-8 allows stays as it is."""
    assert join_key("a/ж c.json", "utf-8") == "a_ж c.json"
    assert join_key("a/ж c.json") == "a___c_json"


def test_path_keeps_the_path() -> None:
    """The path style is the relative path."""
    assert path_key("a/b.json") == "a/b.json"


@pytest.mark.parametrize(
    ("patterns", "matched"),
    [(["cfg-*"], True), (["x", "cfg-?"], True), (["CFG-*"], False), (["cfg"], False), ([], False)],
)
def test_patterns(patterns, matched):
    """A key matches when one of the shell patterns fits it whole, letter for letter."""
    assert matches("cfg-a", patterns) is matched
