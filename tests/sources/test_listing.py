"""Whether a tree still looks as it was seen."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from kvsync.model.values import Row
from kvsync.sources import SourceOptions, open_source
from kvsync.sources.snapshot import still_holds

LATER = 4102444800.0


def _files(root: Path) -> Path:
    for name in ("a", "b", "sub/c", "sub/.git/d", "left/e"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    (root / "link").symlink_to("a")
    (root / ".kvsyncignore").write_text("left\n*.log\n")
    (root / "x.log").write_text("x")
    return root


def _nothing(_: str) -> Row | None:
    return None


def _seen(root: Path, now: float = LATER, **options: object):
    source = open_source(str(root), SourceOptions(**options), clock=lambda: now)
    source.entries(_nothing)
    return source.fingerprint


def _replaced(root: Path) -> None:
    (root / "new").write_text("a")
    (root / "new").rename(root / "a")


CHANGES: dict[str, Callable[[Path], object]] = {
    "longer": lambda root: (root / "a").write_text("longer"),
    "older": lambda root: os.utime(root / "a", (1, 1)),
    "replaced": _replaced,
    "gone": lambda root: (root / "b").unlink(),
    "renamed": lambda root: (root / "b").rename(root / "c"),
    "new": lambda root: (root / "sub/new").write_text(""),
    "folder gone": lambda root: (root / "sub").rename(root.parent / "elsewhere"),
    "folder renamed": lambda root: (root / "sub").rename(root / "sub2"),
    "new folder": lambda root: (root / "empty").mkdir(),
    "file for folder": lambda root: (root / "left").rename(root / "sub/right"),
    "link": lambda root: ((root / "link").unlink(), (root / "link").symlink_to("b")),
    "link that dangles": lambda root: (root / "a").rename(root / "z.log"),
    "rules": lambda root: (root / ".kvsyncignore").write_text("left\n*.LOG\n"),
    "more rules": lambda root: (root / "sub/.kvsyncignore").write_text("c\n"),
    "no rules": lambda root: (root / ".kvsyncignore").unlink(),
    "an index": lambda root: (root / ".kvsync-index").write_text("x"),
    "mode": lambda root: (root / "a").chmod(0o600),
}
ASIDE: dict[str, Callable[[Path], object]] = {
    "nothing": lambda _: None,
    "ignored": lambda root: (root / "x.log").write_text("other"),
    "ignored and gone": lambda root: (root / "x.log").unlink(),
    "in an ignored folder": lambda root: (root / "left/new").write_text(""),
    "swap file": lambda root: (root / ".a.swp").write_text(""),
    "state": lambda root: (root / ".kvsync").mkdir(),
    "repository": lambda root: (root / "sub/.git/new").write_text(""),
    "own": lambda root: (root / "own.db").write_text("changed"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changed(tmp_path, name):
    """Whatever may make a difference to what is read is seen."""
    root = _files(tmp_path / "tree")
    seen = _seen(root)
    CHANGES[name](root)
    assert not still_holds(seen, {}, ())


@pytest.mark.parametrize("name", ASIDE)
def test_unchanged(tmp_path, name):
    """What is no part of the tree makes no difference."""
    root = _files(tmp_path / "tree")
    own = (str(root / "own.db"), str(root / "own.db-journal"))
    (root / "own.db").write_text("")
    seen = _seen(root, left_out=own)
    (root / "own.db-journal").write_text("")
    ASIDE[name](root)
    assert still_holds(seen, {}, own)


def test_the_root_is_a_link(tmp_path):
    """A root that leads elsewhere is another tree."""
    _files(tmp_path / "one")
    (tmp_path / "two").mkdir()
    (tmp_path / "root").symlink_to("one")
    seen = _seen(tmp_path / "root")
    (tmp_path / "root").unlink()
    (tmp_path / "root").symlink_to("two")
    assert not still_holds(seen, {}, ())
    (tmp_path / "two").rmdir()
    assert not still_holds(seen, {}, ())


def test_a_loop_is_not_followed(tmp_path):
    """A folder that has become a link back to the root is noticed where it is."""
    root = _files(tmp_path / "tree")
    seen = _seen(root)
    (root / "sub").rename(tmp_path / "sub")
    (root / "sub").symlink_to(".")
    assert not still_holds(seen, {}, ())


@pytest.mark.parametrize("young", ["a", ".kvsyncignore"])
def test_young(tmp_path, young):
    """With anything in it that is too young to be trusted, a tree has no fingerprint."""
    root = _files(tmp_path / "tree")
    os.utime(root / young, (LATER + 9, LATER + 9))
    assert _seen(root) is None
    assert _seen(root, LATER + 99) is not None


def test_names_that_are_not_text(tmp_path):
    """A name that is no UTF-8 and is left out does no harm."""
    root = _files(tmp_path / "tree")
    os.close(os.open(os.fsencode(root) + b"/\xff.log", os.O_CREAT | os.O_WRONLY))
    assert still_holds(_seen(root), {}, ())
