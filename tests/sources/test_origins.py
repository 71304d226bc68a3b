"""What the origin of a key tells."""

import pytest

from kvsync.sources.origins import Whereabouts


@pytest.mark.parametrize(
    ("origin", "right"),
    [
        ("d.jsonl", True), ("d.jsonl:3", True), ("in/d.jsonl:3", True), ("./d.jsonl:12", True),
        ("../in/d.jsonl:3", True), ("x/../in/d.jsonl", True), ("/srv/in/d.jsonl:3", True),
        ("n/d.jsonl:3", False), ("/in/d.jsonl", False), ("../n/d.jsonl", False), ("", False),
        ("d.jsonl/x", False), ("e.jsonl:3", False), (".", False), ("-:3", False), ("..", False),
        ("ad.jsonl", False), ("/tmp/srv/in/d.jsonl", False), ("/srv/in/d.jsonl:x", False),
    ],
)  # fmt: skip
def test_a_file(origin, right):
    """What was typed leads there from some directory, or is its whole path."""
    assert Whereabouts("/srv/in/d.jsonl").is_origin(origin) is right


def test_a_link(tmp_path):
    """A link is known by both names."""
    (tmp_path / "to").mkdir()
    (tmp_path / "link").symlink_to("to")
    place = Whereabouts(str(tmp_path / "link"))
    assert [list(place.inside(origin, dotted=False)) for origin in ("to/a", "link/a", "x/a")] == [
        ["a"], ["a"], [],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("origin", "paths"),
    [
        ("site/a", ["a"]), ("srv/site/a/b", ["a/b"]), ("/srv/site/a", ["a"]), ("./site/a", ["a"]),
        ("site", []), ("other/site/a", []), ("bundle/a", []), ("site:3", []), ("./a", []),
        ("../site/site/a", ["site/a"]), ("x/./a", []), ("", []), ("/a", []),
    ],
)  # fmt: skip
def test_a_folder(origin, paths):
    """What follows is the path of a file in it."""
    assert list(Whereabouts("/srv/site", "site").inside(origin, dotted=True)) == paths


@pytest.mark.parametrize(
    ("shown", "dotted", "right"),
    [(".", True, True), ("../..", True, True), (".", False, False), ("x", True, False)],
)
def test_a_folder_called_by_dots(shown, dotted, right):
    """It can be any: it counts only where that is enough, and where it is still called so."""
    assert list(Whereabouts("/srv/site", shown).inside("./a", dotted=dotted)) == ["a"] * right


@pytest.mark.parametrize(
    ("origin", "right"),
    [("m.yaml:3", True), ("/old/place/m.yaml:3", True), ("n.yaml:3", False), ("m.yaml", False)],
)
def test_a_line(origin, right):
    """A manifest may have been moved: its name is enough."""
    assert Whereabouts("/srv/m.yaml").has_line(origin) is right
