"""Names that look the same, and files that only stand for others."""

from pathlib import Path

from kvsync.model.values import Entry
from tests.sources.growing import tree
from tests.sources.making import manifest, nothing, row_of

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
IS_POINTER = "1 file is a Git LFS pointer, and not what it stands for: run git lfs pull"


def warnings(tmp_path: Path, names: list[str]) -> list[str]:
    """What is said of a tree with such files."""
    source = tree(tmp_path, dict.fromkeys(names, "x"), charset="utf-8")
    assert len(source.entries(nothing)) == len(names)
    return source.warnings


def test_composed_and_decomposed(tmp_path: Path) -> None:
    """Two files whose names differ in that alone are both sent, with a warning."""
    assert warnings(tmp_path, ["caf\xe9", "cafe\u0301", "cafe", "\xfc"]) == [
        "1 name is there twice, composed (NFC) and decomposed (NFD), each with a key of its own:"
        " 'cafe\\u0301' and 'caf\\xe9'"
    ]


def test_folders_are_told_once(tmp_path: Path) -> None:
    """With the folder's name, whatever is in it."""
    names = ["\xe9/a", "\xe9/b", "e\u0301/a", "e\u0301/c", "x/\xe9"]
    assert len(warnings(tmp_path, names)) == 1
    assert warnings(tmp_path, names)[0].startswith("1 name is")


def test_other_names_are_no_twins(tmp_path: Path) -> None:
    """Neither is the same name in two folders, nor case."""
    assert warnings(tmp_path, ["a/\xe9", "b/e\u0301", "\xe9A", "\xe9a"]) == []


def test_very_many(tmp_path: Path) -> None:
    """Three are shown."""
    names = [f"{n}{e}" for n in range(5) for e in ("\xe9", "e\u0301")]
    assert warnings(tmp_path, names)[0].endswith(" and 2 more")


def test_pointers_are_warned_of_each_time(tmp_path: Path) -> None:
    """Also when the state knows the file, which is then not read again, and in base64."""
    source = tree(tmp_path, {"a.png": POINTER, "b": "version https://example.com"})
    (entry, _) = source.entries(nothing)
    assert source.warnings == [f"{IS_POINTER} ({tmp_path}/a.png)"]
    row = row_of(entry, digest=b"d" * 32)
    (again, _) = source.entries(lambda key: row if key == "a_png" else None)
    assert (again.digest, again.signature) == (b"d" * 32, entry.signature)
    assert source.warnings == [f"{IS_POINTER} ({tmp_path}/a.png)"]
    coded = tree(tmp_path, encoding="base64")
    (other, _) = coded.entries(lambda key: row if key == "a_png" else None)
    assert other.digest != b"d" * 32
    assert coded.warnings == source.warnings


def test_pointers_of_keys(tmp_path: Path) -> None:
    """A manifest's own files are looked at as well."""
    (tmp_path / "logo").write_text(POINTER)
    source = manifest(tmp_path, "version: 1\nkeys:\n  logo: {file: logo}\n", clock=2e9)
    (entry,) = source.entries(nothing)
    assert source.warnings == [f"{IS_POINTER} ({tmp_path}/m.yaml:3)"]
    (again,) = source.entries(lambda _: row_of(entry))
    assert isinstance(again, Entry)
    assert again == entry
    assert source.warnings == [f"{IS_POINTER} ({tmp_path}/m.yaml:3)"]
