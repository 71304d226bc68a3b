"""Mistakes in the head, in trees and in the file as a whole, and the words for them."""

from pathlib import Path

import pytest

from kvsync.model.errors import InputError
from kvsync.sources import open_source
from tests.sources.making import DEEP, HEAD, LONE, SECRET, STRICT, faults, manifest, mistakes

BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{last}'] * 9)}]\n"
    for last, name in zip("abcdefgh", "bcdefghi", strict=True)
)

NOTHING_LEFT = (
    " is empty once its variables are filled in: set them, or write a default "
    "as in ${NAME:-default}"
)

TREES = [
    (
        "{path: nope}",
        "11: no such directory: check the path; it starts at the manifest's directory",
    ),
    ("{path: f}", "11: no such directory: check the path; it starts at the manifest's directory"),
    ("{path: ''}", "11: not a path: it is empty, or has a character that none has"),
    ("{path: 5}", "11: a value without quotes that YAML reads as a number: put it in quotes ('…')"),
    (
        "{path: '${AKIDsecret123}'}",
        "11: the environment variable named here is not set: set it, or give a default",
    ),
    ("{path: [t]}", "11: path must be a path; a relative one starts at the manifest"),
    ("{prefix: x}", "4: a tree needs a path: write path: and the directory"),
    ("t", "4: a tree must be a mapping (- path: …)"),
    (f"{{path: t, key: {SECRET}}}", "19: key must be join, escape or path"),
    (f"{{path: t, extension: {SECRET}}}", "25: extension must be keep or drop"),
    (f"{{path: t, empty: {SECRET}}}", "21: empty must be error or skip"),
    (f"{{path: t, large: {SECRET}}}", "21: large must be error or skip"),
    (
        f"{{path: t, encoding: {SECRET}}}",
        "24: encoding must be text (valid UTF-8), base64, or auto (text where a file is, else"
        " base64)",
    ),
    ("{path: t, include: x}", "23: include must be a list of patterns as in .gitignore"),
    ("{path: t, exclude: [x, 5]}", "27: exclude must be a list of patterns as in .gitignore"),
    (
        "{path: t, exclude: [x, 'y\\']}",
        ("27: not a pattern that .gitignore knows: check \\ and […] in it"),
    ),
    ("{path: t, prefix: a/}", f"22: the prefix {STRICT}"),
    (
        "{path: t, ttl: 0}",
        "19: ttl: a TTL must be greater than 0: write never for a key that stays",
    ),
    ("{path: t, pefix: x}", '14: unknown field "pefix": did you mean prefix?'),
]


@pytest.mark.parametrize(("item", "fault"), TREES)
def test_a_mistake_in_a_tree_names_its_place(tmp_path: Path, item: str, fault: str) -> None:
    """The settings of a tree are checked like those of an entry."""
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "a.txt").write_text("x")
    (tmp_path / "f").touch()
    assert faults(tmp_path, f"{HEAD}trees:\n - {item}\n") == [f"m.yaml:3:{fault}"]


HEADS = [
    ("version: 2", "1:10: write version: 1 (this kvsync knows no other)"),
    ("version: '1'", "1:10: write version: 1 (this kvsync knows no other)"),
    (f"version: {SECRET}", "1:10: write version: 1 (this kvsync knows no other)"),
    ("version: 1.0", "1:10: write version: 1 (this kvsync knows no other)"),
    ('version: "1"', "1:10: write version: 1 (this kvsync knows no other)"),
    ("version:", "1:9: write version: 1 (this kvsync knows no other)"),
    ("version: 0x1", "1:10: write version: 1 (this kvsync knows no other)"),
    ("version: '2.0'", "1:10: write version: 1 (this kvsync knows no other)"),
    ("version: yes", "1:10: write version: 1 (this kvsync knows no other)"),
    ("version: [1]", "1:10: write version: 1 (this kvsync knows no other)"),
    ("name: x", "1:1: no version: write version: 1 at the top"),
    (HEAD + "nmae: x", '2:1: unknown field "nmae": did you mean name?'),
    (
        HEAD + f"{SECRET}: x",
        (
            "2:1: unknown field (known: version, name, zone, namespace, charset, "
            "defaults, keys, trees, files)"
        ),
    ),
    (HEAD + "name: ''", "2:7: name must be text, and not empty"),
    (HEAD + f"charset: {SECRET}\nkeys: {{a/b: x}}", "2:10: charset must be strict or utf-8"),
    (
        HEAD + "zone: 5",
        ("2:7: a value without quotes that YAML reads as a number: put it in quotes ('…')"),
    ),
    (
        HEAD + "zone: ${NOPE}",
        ("2:7: the environment variable NOPE is not set: set it, or give a default"),
    ),
    (
        HEAD + "zone: ${AKIDsecret123}",
        "2:7: the environment variable named here is not set: set it, or give a default",
    ),
    (HEAD + "namespace: $x", "2:12: " + LONE),
    (HEAD + "zone: ''", "2:7: zone must be text, and not empty"),
    (HEAD + "namespace: ''", "2:12: namespace must be text, and not empty"),
    (HEAD + "zone: ${EMPTY}", "2:7: zone" + NOTHING_LEFT),
    (HEAD + "namespace: ${EMPTY:-}${EMPTY}", "2:12: namespace" + NOTHING_LEFT),
    (HEAD + "defaults: 5", "2:11: defaults must be a mapping (name: value)"),
    (
        HEAD + "defaults: {ttl: x}",
        ("2:17: ttl: not a duration: write seconds, or 90s, 15m, 1h30m, 7d"),
    ),
    (HEAD + "keys: [a]", "2:7: keys must be a mapping (key: value)"),
    (HEAD + "trees: x", "2:8: trees must be a list (- path: …)"),
    (HEAD + "name: a\nname: b", '3:1: the key "name" is given twice: it stands in line 2 already'),
    ("- a", "1:1: a manifest must be a mapping (name: value)"),
    (
        HEAD + "keys: {a: b",
        (
            "3:1: not valid YAML (did not find expected ',' or '}'): check the "
            "indentation and the quotes here"
        ),
    ),
    (HEAD + "--- {}", "2:1: a second document starts here: keep one manifest in each file"),
    (BOMB, "7:8: the aliases up to here add too much: write fewer of them"),
]


@pytest.mark.parametrize(("text", "fault"), HEADS)
def test_a_mistake_in_the_head_names_its_place(tmp_path: Path, text: str, fault: str) -> None:
    """What a manifest says of itself is checked, and so is that it is one YAML document."""
    assert faults(tmp_path, text + "\n", {"EMPTY": ""}) == [f"m.yaml:{fault}"]


@pytest.mark.parametrize("text", ["", "# only words\n", "---\n"])
def test_an_empty_file_is_a_mistake(tmp_path: Path, text: str) -> None:
    """A manifest that says nothing at all is one that was cut off."""
    assert faults(tmp_path, text) == ["m.yaml: the file is empty: write version: 1 at the top"]


def test_five_mistakes_are_five_messages_by_line(tmp_path: Path) -> None:
    """All mistakes of a manifest and of its trees come together, each with its place."""
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "bad.txt").write_bytes(b"\xff")
    text = (
        "version: 3\nname: 5\ntrees: [{path: t}]\n"
        "keys:\n  a: no\n  a: x\n  b: {env: NOPE}\n  c: {value: x, ttl: 1x}\n"
    )
    assert [line.split(": ")[0] for line in faults(tmp_path, text)] == [
        "m.yaml:1:10",
        "m.yaml:2:7",
        "m.yaml:5:6",
        "m.yaml:6:3",
        "m.yaml:7:12",
        "m.yaml:8:22",
        "t/bad.txt",
    ]


def test_a_key_from_two_origins_names_both(tmp_path: Path) -> None:
    """A key in keys and in a tree, or in two trees, is a mistake with both places."""
    for name in ("t", "u"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a").write_text(name)
    (tmp_path / "u" / "b.c").write_text("x")
    (tmp_path / "u" / "b_c").write_text("x")
    advice = ": rename one, or keep them apart with key: escape (folder: --key escape)"
    text = HEAD + "keys: {a: x}\ntrees:\n - path: t\n - path: u\n"
    prefix = ": rename one, or give one of the two a prefix of its own (folder: --prefix)"
    first = f'the key "a" is also that of {tmp_path}/m.yaml:2{prefix}'
    assert faults(tmp_path, text) == [
        f"t/a: {first}".replace(f"{tmp_path}/", ""),
        f"u/a: {first}".replace(f"{tmp_path}/", ""),
        f'u/b_c: the key "b_c" is also that of u/b.c{advice}',
    ]


def test_the_same_mistake_through_an_alias_counts_once(tmp_path: Path) -> None:
    """What two keys share by an alias is wrong in one place."""
    text = HEAD + "keys:\n a: &a {value: [x], ttl: 0}\n b: *a\n c: {<<: *a}\n"
    assert [line.split(": ")[0] for line in faults(tmp_path, text)] == [
        "m.yaml:3:16",
        "m.yaml:3:26",
    ]


@pytest.mark.slow
def test_a_value_over_one_mebibyte(tmp_path: Path) -> None:
    """The limit is counted in bytes of UTF-8, after JSON is made."""
    text = (
        HEAD + f"keys:\n a: {'é' * 2**19}\n b: x{'é' * 2**19}\n c: {{json: {'x' * (2**20 - 1)}}}\n"
    )
    limit = "EdgeKV takes at most 1048576 (1 MiB)"
    assert faults(tmp_path, text) == [
        f"m.yaml:4:5: the value has 1048577 bytes: {limit}",
        f"m.yaml:5:12: the value has 1048577 bytes: {limit}",
    ]


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (
            b"version: 1\nkeys:\n a: \xff\n",
            "m.yaml:3:5: not a text file in UTF-8: save it as UTF-8",
        ),
        (
            "version: 1\n".encode("utf-16-le"),
            "m.yaml:1:2: not a text file in UTF-8: save it as UTF-8",
        ),
    ],
)
def test_a_file_that_is_no_text_is_refused(tmp_path: Path, data: bytes, fault: str) -> None:
    """The place of the first byte that no UTF-8 text has is named."""
    (tmp_path / "m.yaml").write_bytes(data)
    with pytest.raises(InputError) as caught:
        open_source(str(tmp_path / "m.yaml"))
    assert str(caught.value) == f"{tmp_path}/{fault}"


@pytest.mark.slow
def test_a_huge_file_is_refused_before_it_is_read_whole(tmp_path: Path) -> None:
    """A sparse file of a terabyte costs no more than the limit."""
    with (tmp_path / "m.yaml").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(InputError, match=r"larger than 64 MiB: put the large values into files$"):
        open_source(str(tmp_path / "m.yaml"))


def test_ten_thousand_levels_are_refused(tmp_path: Path) -> None:
    """Depth is bounded while reading, in blocks as in brackets, also through aliases."""
    for text in ("[" * 10_000, "- " * 10_000 + "x", "? " * 10_000):
        assert faults(tmp_path, text)[0].endswith(DEEP)
    chain = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 70))
    assert faults(tmp_path, chain) == [f"m.yaml:64:12: {DEEP}"]


@pytest.mark.parametrize("name", ["nope.yaml", "nope/m.yaml"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    """A path that is not there is an InputError at once."""
    with pytest.raises(InputError) as caught:
        open_source(str(tmp_path / name))
    assert str(caught.value) == f"{tmp_path}/{name}: no such file: check the path"


def test_mistakes_do_not_run_out(tmp_path: Path) -> None:
    """Asked twice, a source says the same."""
    source = manifest(tmp_path, HEAD + "nmae: x\nkeys: {a: 5}\n")
    assert len(mistakes(source)) == 2
    assert mistakes(source) == mistakes(source)
