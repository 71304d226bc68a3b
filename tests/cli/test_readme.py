"""What the README says of dumps is what the program does."""

import json
import re
from pathlib import Path

import pytest
import yaml

from kvsync.formats import FORMATS
from kvsync.formats.policies import POLICIES
from kvsync.formats.record import ERROR, SKIP

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


def said(text: str) -> list[str]:
    """The lines of a session, but for what differs from run to run."""
    return [re.sub(r"\d+\.\d s\b|at local \w+", "…", line) for line in text.strip().splitlines()]


@pytest.mark.slow
def test_the_cut_over_prints_what_it_shows(kvsync, write):
    """The session of a migration's last step, word for word, on a dump like the one before."""
    block = re.search(r"```console\n(.*?)```", section("### Cut-over"), re.DOTALL)[1]
    calls = re.split(r"^\$ ", block, flags=re.MULTILINE)[2:]
    pairs = [
        {"key": "banner", "value": "-20 %"},
        {"key": "greeting", "value": "Hello"},
        {"key": "logo", "value": "/////////////w==", "base64": True},
        {"key": "shop/title", "value": "Ana's shop", "metadata": {"editor": "ana"}},
    ]
    dump = "[\n" + ",\n".join(map(json.dumps, pairs)) + "\n]"
    write("dump.json", dump)
    convert, *rest = [call.split("\n", 1) for call in calls]
    kvsync(*convert[0].split()[1:])
    assert kvsync("sync", "shop.jsonl", "--format", "jsonl", "--local").code == 0
    news = {"key": "news", "value": "Big news"}
    pairs = [{"key": "greeting", "value": "Hello again"}, pairs[2], news, pairs[3]]
    write("dump.json", json.dumps(pairs))
    for command, shown in (convert, *rest):
        result = kvsync(*command.split()[1:])
        assert said(result.err + result.out) == said(shown)


def test_the_workflow(kvsync):
    """The recipe for GitHub saves whatever came of it, and trusts no state that was restored."""
    recipe = re.search(r"```yaml\n(.*?)```", section("## CI"), re.DOTALL)[1]
    job = yaml.safe_load(recipe)["jobs"]["sync"]
    restore, save = (
        next(
            step
            for step in job["steps"]
            if step.get("uses", "").startswith(f"actions/cache/{what}")
        )
        for what in ("restore", "save")
    )
    assert job["steps"].index(restore) < job["steps"].index(save) == len(job["steps"]) - 1
    assert save["if"] == "always()"
    assert save["with"]["key"] == restore["with"]["key"]
    assert "github.run_attempt" in save["with"]["key"]
    folder = job["env"]["KVSYNC_STATE"].partition("/")[0]
    assert save["with"]["path"] == restore["with"]["path"] == folder
    commands = [step["run"].split(" || ")[0].split()[1:] for step in job["steps"] if "run" in step]
    assert [command[0] for command in commands] == ["plan", "sync"]
    for command in commands:
        assert "--refresh" in command
        told = kvsync(command[0], "--help").out
        assert all(word in told for word in command if word.startswith("--"))


@pytest.mark.parametrize("heading", re.findall(r"^## (.*)$", README, re.MULTILINE))
def test_contents(heading):
    """Each chapter is in the list of contents, but the list itself."""
    anchor = re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")
    assert heading == "Contents" or f"[{heading}](#{anchor})" in section("## Contents")
