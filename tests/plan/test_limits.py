"""How much may be deleted before somebody has to say that it is meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsync.model.errors import RefusedError
from kvsync.plan.limits import Allowance, Deleting, check_deletes, parse_allowance

OURS = "that this source owns"


def refusal(
    count: int, total: int, allowance: str = "", *, empty: bool = False, force: bool = False
) -> str:
    """Why so many deletes are refused; empty if they are not."""
    allowed = parse_allowance(allowance) if allowance else None
    deleting = Deleting(allowance=allowed, force=force)
    try:
        check_deletes(count, total, OURS, empty=empty, deleting=deleting)
    except RefusedError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("count", "total", "allowance", "refused"),
    [
        (0, 0, "", False),
        (9, 9, "", False),
        (10, 33, "", True),
        (10, 34, "", False),
        (12, 40, "", False),
        (13, 40, "", True),
        (3_000, 10_000, "", False),
        (3_001, 10_000, "", True),
        (1, 100, "0", True),
        (13, 40, "13", False),
        (14, 40, "13", True),
        (1, 1000, "0%", True),
        (1, 10, "10%", False),
        (1, 9, "10%", True),
        (1, 11, "10%", False),
        (2, 19, "10%", True),
        (333, 1000, "33.3%", False),
        (334, 1000, "33.3%", True),
        (40, 40, "100%", False),
        (40, 40, "99%", True),
    ],
)
def test_thresholds(count, total, allowance, refused):
    """Unasked, more than 30 % are refused if they are at least ten; asked, what was said counts."""
    assert bool(refusal(count, total, allowance)) is refused
    assert not refusal(count, total, allowance, force=True)


@pytest.mark.parametrize("allowance", ["", "1", "99%", "99.999%", "1000"])
def test_empty_source(allowance):
    """An empty source deletes nothing unless all may go; neither a number nor force is enough."""
    told = refusal(1, 5, allowance, empty=True)
    assert told == (
        "would delete 1 of the 5 keys that this source owns, for the source names none; nothing"
        " was sent. If the source is the right one, give --max-delete 100%"
    )
    assert refusal(1, 5, allowance, empty=True, force=True) == told


def test_empty_source_that_may_delete_all():
    """An empty source deletes once all may go, and is no matter when nothing would go."""
    assert not refusal(5, 5, "100%", empty=True)
    assert not refusal(0, 5, empty=True)


@pytest.mark.parametrize(
    ("count", "total", "allowance", "message"),
    [
        (
            1_300,
            4_000,
            "",
            "would delete 1,300 of the 4,000 keys that this source owns (32 %), more than 30 %;"
            " nothing was sent. Look with `kvsync plan --delete`; if that is meant, give"
            " --max-delete 1300 or --force",
        ),
        (
            2,
            3,
            "1",
            "would delete 2 of the 3 keys that this source owns (67 %), more than 1 key;"
            " nothing was sent. Look with `kvsync plan --delete`; if that is meant, give"
            " --max-delete 2 or --force",
        ),
        (
            1,
            1,
            "12.5%",
            "would delete 1 of the 1 key that this source owns (100 %), more than 12.5 %;"
            " nothing was sent. Look with `kvsync plan --delete`; if that is meant, give"
            " --max-delete 1 or --force",
        ),
    ],
)
def test_messages(count, total, allowance, message):
    """A refusal has the numbers, the bound, and the way out."""
    assert refusal(count, total, allowance) == message


@pytest.mark.slow
@given(st.integers(1, 200), st.integers(0, 200))
def test_the_way_out_is_one(count, total):
    """The number that a refusal proposes is enough, and all may go once all may go."""
    assert not refusal(count, total, str(count))
    assert not refusal(count, total, "100%")
    assert not refusal(count, total, "100%", empty=True)


@pytest.mark.slow
@given(st.integers(0, 200), st.integers(0, 200), st.integers(0, 100), st.integers(0, 100))
def test_who_allows_more_refuses_less(count, total, one, other):
    """What a smaller allowance lets pass, a larger one does."""
    low, high = sorted((one, other))
    if not refusal(count, total, f"{low}%"):
        assert not refusal(count, total, f"{high}%")
    if not refusal(count, total, str(low)):
        assert not refusal(count, total, str(high))


@pytest.mark.parametrize(
    ("text", "allowance"),
    [
        ("0", Allowance(0)),
        ("12", Allowance(12)),
        ("007", Allowance(7)),
        ("999999999", Allowance(999_999_999)),
        ("0%", Allowance(percent=0)),
        ("50%", Allowance(percent=50)),
        ("50 %", Allowance(percent=50)),
        ("0.001%", Allowance(percent=0.001)),
        ("100%", Allowance(percent=100)),
        ("100.0%", Allowance(percent=100)),
    ],
)
def test_allowances(text, allowance):
    """A number of keys, or a share."""
    assert parse_allowance(text) == allowance


@pytest.mark.parametrize(
    "text",
    ["", "%", "-1", "+1", "1.5", "1e3", "1_000", "1,000", "101%", "100.001%", "1.2345%", "5%%",
     "12 ", " 12", "12\n", "٣", "٣%", "½%", "all", "nan%", "1000000000"],
)  # fmt: skip
def test_no_allowance(text):
    """Anything else is refused, with what to write."""
    with pytest.raises(ValueError, match="write a number of keys, or a share from 0% to 100%"):
        parse_allowance(text)
