"""Sources that would take more time or memory than anybody has."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from kvsync.model.errors import InputError
from kvsync.model.limits import MAX_MANIFEST_NODES
from kvsync.sources.mistakes import Mistakes
from kvsync.sources.tree import walk
from tests.sources.growing import tree
from tests.sources.making import HEAD, faults, mistakes


@pytest.fixture
def few_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A manifest may have ten."""
    monkeypatch.setattr("kvsync.sources.manifest.nodes.MAX_MANIFEST_NODES", 10)


@pytest.mark.parametrize(
    ("text", "place"),
    [("keys: {a: {json: [1, 2, 3]}}", "2:22"), ("keys: {a: {json: [[], [], []]}}", "2:23")],
)
def test_a_manifest_with_too_many_nodes(
    tmp_path: Path, few_nodes: None, text: str, place: str
) -> None:
    """Whatever they are, what is one too many is named, and nothing behind it is read."""
    (fault,) = faults(tmp_path, f"{HEAD}{text}")
    assert fault.startswith(f"m.yaml:{place}: more than 10 keys, values and lists up to here: ")


def test_as_many_nodes_as_a_manifest_may_have(tmp_path: Path, few_nodes: None) -> None:
    """The last one is read like the first."""
    assert faults(tmp_path, f"{HEAD}keys: {{a: {{json: [1]}}}}") == []
    assert MAX_MANIFEST_NODES > 6 * 100_000


def numbered(start: int, stop: int, origin: str = "m.yaml") -> Mistakes:
    """Mistakes in files of these numbers."""
    found = Mistakes(origin)
    for number in range(start, stop):
        found.about(f"f{number:04}", "wrong")
    return found


def test_a_thousand_mistakes_are_told() -> None:
    """Of more, how many there are, in the words and in the count."""
    found = numbered(0, 800)
    found.extend(numbered(700, 1300))
    with pytest.raises(InputError) as caught:
        found.raise_all()
    assert (len(caught.value.mistakes), caught.value.more, len(found)) == (1000, 300, 1300)
    assert str(caught.value).endswith("\nf0999: wrong\nand 300 more")


def ladder(folder: Path, levels: int) -> Iterator[Path]:
    """Directories, each with two links to the next one."""
    for level in range(levels):
        (folder / f"{level:02}").mkdir()
        yield folder / f"{level:02}"
    for level in range(levels - 1):
        for side in "ab":
            (folder / f"{level:02}" / side).symlink_to(f"../{level + 1:02}")


@pytest.mark.slow
def test_links_that_lead_everywhere_in_two_ways(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What 40 levels of them would make of one file is a mistake, and nobody walks it."""
    monkeypatch.setattr(walk, "_MOST_WAYS", 4)
    *_, last = ladder(tmp_path, 40)
    (last / "f").write_text("v")
    found = mistakes(tree(tmp_path))
    words = "links lead to one directory in more than 4 ways: remove some"
    assert found[10].endswith(f"more files: {words.partition(':')[0]}")
    assert all(mistake.endswith(f": {words}") for mistake in found[:10])
    assert len(found) < 40


def test_a_tree_of_nothing_but_mistakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once there are enough, the rest is not looked at, and that is said."""
    monkeypatch.setattr(walk, "_ENOUGH", 5)
    for number in range(20):
        os.mkfifo(tmp_path / f"{number}")
    found = mistakes(tree(tmp_path))
    assert len(found) == 6
    assert "and more: the rest was not looked at" in found[-1] + found[0]
