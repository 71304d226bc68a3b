"""What the README says of dumps is what the program does."""

import re
from pathlib import Path

import pytest

from kvsync.dumps import FORMATS
from kvsync.dumps.losses import ERROR, SKIP
from kvsync.dumps.policies import POLICIES

README = (Path(__file__).parents[2] / "README.md").read_text()


def section(title: str) -> str:
    """The text under this heading, up to the next one of its kind or above."""
    level = title.split(maxsplit=1)[0]
    rest = README.partition(f"\n{title}\n")[2]
    assert rest, f"no section {title}"
    return re.split(rf"^#{{2,{len(level)}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def cells(line: str) -> list[str]:
    """The cells of a table's row."""
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def rows(text: str) -> list[list[str]]:
    """The rows of the tables in a text, their headings too."""
    return [cells(line) for line in text.splitlines() if line.startswith("| ")]


def test_policies():
    """The table of what EdgeKV cannot hold has every kind, every way, and which is the default."""
    expected = []
    for kind, policy in POLICIES.items():
        default = next(iter(policy.ways))
        ways = [
            f"`{way}`{' (default)' if way == default else ''}: {told}"
            for way, told in policy.ways.items()
            if way not in {ERROR, SKIP}
        ]
        expected.append([f"`--{kind}`", policy.what, "; ".join(ways)])
    assert rows(section("### What EdgeKV cannot hold"))[1:] == expected


def test_help_of_convert(kvsync):
    """The help of convert has the same table."""
    told = " ".join(kvsync("convert", "--help").out.split())
    for kind, policy in POLICIES.items():
        assert f"--{kind} {policy.what}." in told
        for way, what in policy.ways.items():
            if way not in {ERROR, SKIP}:
                assert f"{way}: {what}" in told


def test_formats():
    """The table of formats has all of them."""
    table = rows(section("## Dumps of other stores").partition("###")[0])[1:]
    named = [name for row in table for name in re.findall(r"`(\w+)`", row[0])]
    assert sorted(named) == sorted(FORMATS)


@pytest.mark.parametrize("heading", re.findall(r"^## (.*)$", README, re.MULTILINE))
def test_contents(heading):
    """Each chapter is in the list of contents, but the list itself."""
    anchor = re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")
    assert heading == "Contents" or f"[{heading}](#{anchor})" in section("## Contents")
