"""Links, special files and what may not be read: never left out in silence."""

import os
import socket
from pathlib import Path

import pytest

from tests.nobody import as_nobody
from tests.sources.growing import keys, tree
from tests.sources.making import mistakes, pairs


def test_links_inside_the_tree_are_followed(tmp_path: Path) -> None:
    """As a mounted ConfigMap has them: files and directories, also through left-out names."""
    (tmp_path / "..2024").mkdir()
    (tmp_path / "..2024" / "key").write_text("v")
    (tmp_path / "..data").symlink_to("..2024")
    (tmp_path / "key").symlink_to("..data/key")
    (tmp_path / "dir").symlink_to("..data", target_is_directory=True)
    source = tree(tmp_path)
    assert pairs(source) == {"dir_key": "v", "key": "v"}


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("/etc/hostname", "a link out of the tree: copy the file into it, or leave it out"),
        ("..", "a link out of the tree: copy the file into it, or leave it out"),
        (".", "a link that leads back to itself: remove it, or leave it out"),
    ],
)
def test_a_link_that_goes_wrong_is_a_mistake(tmp_path: Path, target: str, message: str) -> None:
    """A link that leaves the tree, or leads up in it, is named, unless a pattern is for it."""
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "link").symlink_to(target)
    assert mistakes(tree(tmp_path / "t", {"ok": "x"})) == [f"link: {message}"]
    assert keys(tree(tmp_path / "t", exclude=("link",))) == ["ok"]


BROKEN = {
    "nowhere": "a link that leads nowhere: remove it, or mend it",
    "link": "a link that leads back to itself: remove it",
    "ok/x": "no such file: a part of the path is not a directory",
    "x" * 300: "the path is too long for this system: shorten it",
}


@pytest.mark.parametrize("target", BROKEN)
@pytest.mark.parametrize(
    "patterns", [{}, {"exclude": ("link",)}, {"include": ("ok",)}, {"exclude": ("*/",)}], ids=str
)
def test_no_pattern_is_asked_about_a_broken_link(
    tmp_path: Path, target: str, patterns: dict[str, object]
) -> None:
    """What it leads to decides which patterns are for it, and nobody knows that."""
    (tmp_path / "link").symlink_to(target)
    source = tree(tmp_path, {"ok": "x"}, **patterns)
    assert mistakes(source) == [f"link: {BROKEN[target]}"]


def test_a_broken_link_where_nobody_looks(tmp_path: Path) -> None:
    """What an ignored folder holds is not looked at."""
    source = tree(tmp_path, {"ok": "x", "d/x": "x", ".kvsyncignore": "d/\n"})
    (tmp_path / "d" / "link").symlink_to("nowhere")
    assert keys(source) == ["ok"]


def test_a_broken_ignored_link_below(tmp_path: Path) -> None:
    """The rules of a folder's own file are no other."""
    source = tree(tmp_path, {"ok": "x", "d/.kvsyncignore": "link\n"})
    (tmp_path / "d" / "link").symlink_to("nowhere")
    assert mistakes(source) == [f"d/link: {BROKEN['nowhere']}"]


@pytest.mark.parametrize("name", ["..data", ".#lock", ".x.swp"])
def test_a_name_that_no_tree_has_may_lead_nowhere(tmp_path: Path, name: str) -> None:
    """An editor's lock is such a link."""
    (tmp_path / name).symlink_to("somebody@somewhere.1234")
    assert keys(tree(tmp_path, {"ok": "x"})) == ["ok"]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("../rules", "a link out of the tree: copy the file into it, or leave it out"),
        ("nowhere", "a link that leads nowhere: remove it, or mend it"),
        (".kvsyncignore", "a link that leads back to itself: remove it"),
        (".", "not a regular file: name a file, or leave it out"),
    ],
)
@pytest.mark.parametrize("directory", ["", "d/"])
def test_an_ignore_file_that_is_a_link_gone_wrong_is_a_mistake(
    tmp_path: Path, directory: str, target: str, message: str
) -> None:
    """What lies outside of the tree decides nothing in it, and no ignore file is passed over."""
    tree(tmp_path, {"rules": "ok\n", "t/rules": "ok\n", "t/d/ok": "x", "t/ok": "x"})
    up = "../" if directory and target.startswith("..") else ""
    (tmp_path / "t" / directory / ".kvsyncignore").symlink_to(up + target)
    assert mistakes(tree(tmp_path / "t")) == [f"{directory}.kvsyncignore: {message}"]


def test_an_ignore_file_may_be_a_link_inside_the_tree(tmp_path: Path) -> None:
    """As a mounted ConfigMap has it: the rules are those of the file that it leads to."""
    source = tree(tmp_path, {"..data/.kvsyncignore": "b\n", "a": "x", "b": "x"})
    (tmp_path / ".kvsyncignore").symlink_to("..data/.kvsyncignore")
    assert keys(source) == ["a"]


def test_two_directories_that_link_to_each_other(tmp_path: Path) -> None:
    """A loop over two directories ends where it closes."""
    source = tree(tmp_path, {"a/x": "1", "b/y": "2"})
    (tmp_path / "a" / "to-b").symlink_to("../b")
    (tmp_path / "b" / "to-a").symlink_to("../a")
    loop = "a link that leads back to itself: remove it, or leave it out"
    assert mistakes(source) == [f"a/to-b/to-a: {loop}", f"b/to-a/to-b: {loop}"]


def test_special_files_are_mistakes(tmp_path: Path) -> None:
    """FIFOs and sockets are named, and reading does not wait for them."""
    source = tree(tmp_path, {"ok": "x"})
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
    message = "a FIFO, socket or device: remove it, or leave it out"
    assert mistakes(source) == [f"fifo: {message}", f"socket: {message}"]


ENTRIES = """
import sys
from kvsync.sources import open_source
for path in sys.argv[1:]:
    try:
        print(open_source(path).entries(lambda key: None))
    except Exception as error:
        print(error)
"""


@pytest.mark.slow
def test_what_may_not_be_read_is_a_mistake(shared: Path) -> None:
    """An unreadable file, directory, link target or manifest is never left out in silence."""
    denied = "permission denied: let this user read it, or leave it out"
    tree(shared, {"t/file": "x", "t/dir/a": "x", "t/listed/a": "x", "m.yaml": "version: 1\n"})
    for name, mode in {"t/file": 0, "t/dir": 0, "t/listed": 0o444, "m.yaml": 0}.items():
        (shared / name).chmod(mode)
    told = as_nobody("-c", ENTRIES, "t", "m.yaml", cwd=shared).stdout.splitlines()
    assert told == [
        f"t/dir: {denied}",
        f"t/file: {denied}",
        f"t/listed/a: {denied}",
        f"m.yaml: {denied}",
    ]


def test_a_path_too_deep_for_the_system_is_a_mistake(tmp_path: Path) -> None:
    """Two thousand levels end where the system's own limit is, not in a crash."""
    source = tree(tmp_path, {"ok": "x"})
    before = os.getcwd()
    try:
        os.chdir(tmp_path)
        for _ in range(40):
            os.makedirs("/".join(["d" * 50] * 20))
            os.chdir("/".join(["d" * 50] * 20))
    finally:
        os.chdir(before)
    (message,) = mistakes(source)
    assert message.endswith("d: the path is too long for this system: shorten it, or leave it out")


def test_a_tree_that_is_gone_is_a_mistake(tmp_path: Path) -> None:
    """A directory that vanishes between opening and reading is named."""
    (tmp_path / "t").mkdir()
    source = tree(tmp_path / "t")
    (tmp_path / "t").rmdir()
    assert mistakes(source) == [f"{tmp_path}/t: no such file: check the path"]
