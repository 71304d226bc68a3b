"""Patterns without quotes, which the shell has expanded."""

import glob
import os
import shlex
from pathlib import Path

import pytest

from tests.cli.watching import held


def expanded(line):
    """The words of a command line as a shell makes them."""
    for word in shlex.split(line):
        found = sorted(glob.glob(word)) if "*" in word or "[" in word else []
        yield from found or [word]


@pytest.fixture
def files(write):
    """A folder to sync, and beside it files and folders that patterns are like."""
    for name in (
        "site/a", "a.png", "b.png", "c.png", "draft-1/x", "draft-2/x", "one.yaml", "two.yaml",
        "img/p.txt", "img/q.txt", "m.yaml",
    ):  # fmt: skip
        write(name, "version: 1\nkeys: {a: v}\n" if name.endswith(".yaml") else "v")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("sync site --exclude *.png", "--exclude a.png b.png c.png: the shell has expanded"),
        ("sync --exclude *.png site", "put it in quotes, as --exclude '*.png'"),
        ("plan --include *.png site --exclude x", "as --include '*.png'"),
        ("verify site --exclude draft-*", "--exclude draft-1 draft-2: the shell has expanded"),
        ("validate site --exclude *.yaml", "--exclude m.yaml one.yaml two.yaml: the shell"),
        ("sync site --exclude img/*", "as --exclude 'img/*.txt'"),
        ("sync site --exclude *", "a.png b.png c.png … (10 names): the shell"),
        ("sync --exclude * -- site", "… (10 names)"),
        ("plan m.yaml --only draft-*", "--only draft-1 draft-2"),
        ("convert one.yaml -o x.jsonl --only x --exclude *.png", "No such option"),
        ("convert site -o x.jsonl --exclude *.png", "the shell has expanded"),
        ("state forget site --only draft-*", "the shell has expanded"),
        ("sync site --exclude ./*.png", "--exclude ./a.png ./b.png ./c.png: the shell"),
    ],
)
def test_a_pattern_that_the_shell_has_expanded(kvsync, edge, files, line, words):
    """Nothing is sent, and the message says who has changed the words, and what to type."""
    words_of_shell = list(expanded(line))
    result = kvsync(*words_of_shell)
    assert result.code == 2
    assert words in result.err
    assert held(edge) == {}
    quoted = kvsync(*shlex.split(line))
    assert "the shell" not in quoted.err


@pytest.mark.parametrize(
    "line",
    [
        "plan --exclude a.png site",
        "plan site --exclude a.png img",
        "plan --exclude site img",
        "plan draft-1 --exclude=a.png --include=b.png draft-2",
        "plan one.yaml two.yaml --only a",
        "plan m.yaml --only=site",
        "plan draft-1 draft-2 --exclude x.png",
        "plan img --exclude draft-2 draft-1",
        "plan img --exclude one.yaml draft-1",
    ],
)
def test_names_that_are_meant(kvsync, edge, files, line):
    """A name of a file that is here is a pattern, too, and sources stand where they like."""
    assert "the shell" not in kvsync(*expanded(line)).err


@pytest.mark.slow
def test_many_names(kvsync, edge, files):
    """However many there are, it takes no time."""
    Path("many").mkdir()
    for number in range(3000):
        Path(f"many/{number:04}.txt").touch()
    names = sorted(os.path.join("many", name) for name in os.listdir("many"))
    result = kvsync("sync", "site", "--exclude", *names)
    assert "(3000 names): the shell has expanded" in result.err
    assert "'many/*.txt'" in result.err
