"""What lies in folders besides: left out and counted, unless a pattern names it."""

import os
from pathlib import Path

import pytest

from kvsync.model.entries import names_of
from kvsync.sources.interface import Source
from kvsync.sources.tree.selection import is_besides, plain_name
from tests.sources.growing import keys, tree
from tests.sources.making import manifest, mistakes, nothing

NAMES = [
    ".env", ".env.local", ".envrc", "._a.json", "._", ".nfs0001", "desktop.ini", "Desktop.ini",
    "a~", "~", ".env~", "a.json~",
]  # fmt: skip
OTHERS = ["a.env", "env", "_a", "nfs", "desktop.ini.txt", "a~b", ".htaccess", "data.ini"]


def left_out(source: Source) -> list[str]:
    """Names that were counted, without their folder."""
    source.entries(nothing)
    return [origin.removeprefix(f"{source.home}/") for origin in source.tally.examples["name"]]


@pytest.mark.parametrize("name", [*NAMES, *OTHERS])
def test_names(name: str) -> None:
    """Each of them is known by its name, and is not without what makes it one."""
    assert is_besides(name) == (name in NAMES)
    assert (plain_name(name) == name) == (name in OTHERS)
    assert plain_name(name)


def test_left_out_counted_and_spared(tmp_path: Path) -> None:
    """They are no pairs, at any depth; they are counted, and the source still names their keys."""
    names = [".env", "d/._x", "d/e/a~", "desktop.ini"]
    source = tree(tmp_path, dict.fromkeys([*names, "a", "d/x"], "x"))
    assert keys(source) == ["a", "d_x"]
    assert source.tally.left_out == {"name": 4}
    assert sorted(left_out(source)) == sorted(names)
    named = names_of(source.entries(nothing))
    assert all(key in named for key in ["_env", "d___x", "d_e_a_", "desktop_ini"])


@pytest.mark.parametrize(
    ("include", "ignored", "sent"),
    [
        ((".env",), "", [".env"]),
        ((".env*", "*.json"), "", [".env", "a.json"]),
        (("*.json",), "", ["a.json"]),
        (("*",), "", ["a.json"]),
        ((), "!.env", [".env", "a.json"]),
        ((), "!/*~", ["a.json", "a~"]),
        ((), "!._*", ["._a.json", "a.json"]),
        ((), "!*", ["a.json"]),
        ((), "*\n!*.json", ["a.json"]),
        ((), "*\n!.env", [".env"]),
        ((), "!.env\n.env", ["a.json"]),
        (("*.json",), "!.env", ["a.json"]),
    ],
)
def test_patterns_that_name_them(
    tmp_path: Path, include: tuple[str, ...], ignored: str, sent: list[str]
) -> None:
    """Those that would not take the name without its mark do, and are then followed as ever."""
    files = dict.fromkeys([".env", "._a.json", "a~", "a.json"], "x")
    source = tree(tmp_path, {**files, ".kvsyncignore": ignored}, include=include, charset="utf-8")
    assert keys(source) == sent


def test_a_pattern_of_exclude_names_them(tmp_path: Path) -> None:
    """A ! there does, and what it leaves out otherwise is nobody's to count."""
    files = dict.fromkeys([".env", "a~", "a"], "x")
    source = tree(tmp_path, files, exclude=("!.env", "*~"))
    assert keys(source) == ["_env", "a"]
    assert source.tally.left_out == {}
    assert "a_" not in names_of(source.entries(nothing))


def test_an_ignore_file_below_names_them(tmp_path: Path) -> None:
    """As it does for other names, for its own folder."""
    files = {"d/.kvsyncignore": "!/e/.env", "d/e/.env": "x", "d/.env": "x", ".env": "x"}
    assert keys(tree(tmp_path, dict(files))) == ["d_e__env"]


def test_folders_of_such_names(tmp_path: Path) -> None:
    """What is in them is left out, too, each file counted, but for what a pattern names."""
    files = dict.fromkeys([".env/a", ".env/sub/b", ".env/.git/x", "old~/c", "x"], "x")
    source = tree(tmp_path, dict(files))
    assert keys(source) == ["x"]
    assert sorted(left_out(source)) == [".env/a", ".env/sub/b", "old~/c"]
    assert "_env_sub_b" in names_of(source.entries(nothing))
    assert keys(tree(tmp_path, include=(".env/a",))) == ["_env_a"]
    (tmp_path / ".kvsyncignore").write_text("!.env/\n")
    assert keys(tree(tmp_path)) == ["_env_a", "_env_sub_b", "x"]


def test_links_of_such_names(tmp_path: Path) -> None:
    """One that leads to a file is left out wherever it leads; a broken one is a mistake as ever."""
    (tmp_path / "secret").write_text("x")
    source = tree(tmp_path / "t", {"a": "x"})
    (tmp_path / "t" / ".env").symlink_to("../secret")
    assert (keys(source), source.tally.left_out) == (["a"], {"name": 1})
    (tmp_path / "t" / "b~").symlink_to("nowhere")
    assert mistakes(source) == ["b~: a link that leads nowhere: remove it, or mend it"]


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    """It is left out for what it ends with, and had no key under any style."""
    os.close(os.open(os.fsencode(tmp_path) + b"/\xff~", os.O_CREAT | os.O_WRONLY))
    os.close(os.open(os.fsencode(tmp_path) + b"/.\xff.swp", os.O_CREAT | os.O_WRONLY))
    source = tree(tmp_path, {"a": "x"}, key="escape")
    assert (keys(source), source.tally.left_out) == (["a"], {"name": 1})


def test_in_a_manifest(tmp_path: Path) -> None:
    """All trees are counted together; a pattern there names for its own tree."""
    for name in ("s/.env", "s/a", "t/.env", "t/b~", "t/b"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    source = manifest(
        tmp_path, "version: 1\ntrees: [{path: s, include: [a, .env]}, {path: t, prefix: t}]\n"
    )
    assert keys(source) == ["_env", "a", "tb"]
    assert source.tally.left_out == {"name": 2}
    assert "t_env" in names_of(source.entries(nothing))
