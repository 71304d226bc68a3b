"""Durations, times, sizes and printable text."""

from contextlib import suppress
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsync.model.text import (
    count_text,
    duration_text,
    parse_duration,
    parse_time,
    printable,
    size_text,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("3600", 3600), ("90s", 90), ("15m", 900), ("1h30m", 5400), ("7d", 604800), ("0", 0)],
)
def test_durations_in_the_documented_forms(text: str, seconds: int) -> None:
    """Plain seconds and units, largest first."""
    assert parse_duration(text) == seconds


@pytest.mark.slow
@given(*[st.integers(0, 999)] * 4)
def test_every_unit_counts_for_itself(days: int, hours: int, minutes: int, seconds: int) -> None:
    """The sum of the units is the duration."""
    expected = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    assert parse_duration(f"{days}d{hours}h{minutes}m{seconds}s") == expected


@pytest.mark.parametrize("text", ["", "s", "1x", "-1", "1.5h", "1m1h", "1 h", "\u0661", "1h\n"])
def test_no_duration(text: str) -> None:
    """What is no duration is refused in words that do not repeat it."""
    with pytest.raises(ValueError, match="not a duration: write seconds, or 90s, 15m, 1h30m, 7d"):
        parse_duration(text)


@pytest.mark.slow
@given(st.text())
def test_any_text_is_a_duration_or_a_value_error(text: str) -> None:
    """Nothing but a number of seconds or a ValueError comes of it."""
    with suppress(ValueError):
        assert parse_duration(text) >= 0


@pytest.mark.slow
@given(st.datetimes(timezones=st.timezones()))
def test_a_time_with_a_zone_is_that_moment(moment: datetime) -> None:
    """Whatever the zone, the Unix seconds are those of the moment."""
    assert parse_time(moment.isoformat()) == int(moment.timestamp())


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1700000000", 1700000000),
        ("2026-12-31T23:59:59Z", 1798761599),
        ("2027-01-01T07:59:59+08:00", 1798761599),
        ("9999-12-31T23:59:59-10:00", 253402336799),
    ],
)
def test_times_in_the_documented_forms(text: str, seconds: int) -> None:
    """Unix seconds, or ISO 8601 with a zone, to the end of the calendar."""
    assert parse_time(text) == seconds


def test_a_time_without_a_zone_is_refused() -> None:
    """The reader cannot know which zone was meant."""
    with pytest.raises(ValueError, match=r"^a time without a zone: add Z or \+08:00$"):
        parse_time("2026-12-31T23:59:59")


def test_no_time() -> None:
    """What is no time is refused in words that do not repeat it."""
    with pytest.raises(ValueError, match=r"^not a time: write 2026-12-31T23:59:59Z or Unix"):
        parse_time("tomorrow")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.44, "0.4 s"), (10, "10s"), (90, "1m 30s"), (3600, "1h"), (90061, "1d 1h"), (86405, "1d")],
)
def test_durations_for_people(seconds: float, text: str) -> None:
    """The two largest units that say something."""
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1434, "1.4 KiB"),
        (3 << 20, "3.0 MiB"),
        (5 << 40, "5120.0 GiB"),
    ],
)
def test_sizes_for_people(size: int, text: str) -> None:
    """One digit after the point, and nothing above GiB."""
    assert size_text(size) == text


def test_counts_for_people() -> None:
    """One key, two keys, and a comma for thousands."""
    assert [count_text(n, "key") for n in (0, 1, 1000)] == ["0 keys", "1 key", "1,000 keys"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 你 🎉", "plain é 你 🎉"),
        ("a\nb\x1b[2J", "a\\x0ab\\x1b[2J"),
        ("\u202egpj.exe", "\\u202egpj.exe"),
        ("\udcff", "\\udcff"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_what_a_terminal_would_obey_is_escaped(text: str, shown: str) -> None:
    """Controls, bidi controls, lone surrogates and invisible characters show as escapes."""
    assert printable(text) == shown


@pytest.mark.slow
@given(st.text(st.characters()))
def test_printable_text_stays_printable(text: str) -> None:
    """The result is safe for any terminal and any encoder, and stable."""
    shown = printable(text)
    assert shown.isprintable()
    assert printable(shown) == shown
    shown.encode()
