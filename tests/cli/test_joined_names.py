"""Names of which `join` leaves next to nothing."""

import pytest

from tests.cli.watching import held

ADVICE = (
    "keep them with --charset utf-8 (every character) or --key escape (in a manifest:"
    " charset: utf-8, key: escape)"
)


def _warnings(result):
    return [line for line in result.errors if line.startswith("kvsync: warning: ")]


@pytest.mark.parametrize(
    "name",
    [
        "产品说明.json", "产品说明", "é", "x产品说明.json", "ab产品说明.json", "产品/a.json",
        "a/产品.json", "😀.json", "Привет-1.gz", ".产品", "産.品.json", "١٢٣.json",
    ],
)  # fmt: skip
def test_next_to_nothing_is_left(kvsync, edge, write, name):
    """Of a file's or a folder's name: then it is said, and what to do; it is sent all the same."""
    write(f"site/{name}", "x")
    result = kvsync("sync", "site")
    (key,) = held(edge)
    assert _warnings(result) == [
        f"kvsync: warning: site: 1 name of which next to no letter is left in the key, as"
        f" site/{name} in {key}: {ADVICE}"
    ]


@pytest.mark.parametrize(
    "name",
    [
        "café.json",
        "abc产品.json",
        "ab产品说.json",
        "größe/ähre.txt",
        "___.json",
        "-",
        "a.产品",
        "caf%C3",
    ],
)
def test_enough_is_left(kvsync, edge, write, name):
    """Of names that can still be told, nothing is said."""
    write(f"site/{name}", "x")
    assert _warnings(kvsync("sync", "site")) == []


@pytest.mark.parametrize(
    "options", ["--charset utf-8", "--charset utf-8 --key join", "--key escape"]
)
def test_other_styles_keep_them(kvsync, edge, write, options):
    """What is advised ends the warning."""
    write("site/产品说明.json", "x")
    assert _warnings(kvsync("sync", "site", *options.split())) == []


def test_many_names(kvsync, edge, write, manifest):
    """One line, in every run, however many they are; of a manifest's tree as well."""
    for number in range(3):
        write(f"site/{'产' * (number + 1)}", "x")
    for _ in range(3):
        (told,) = _warnings(kvsync("sync", "site"))
        assert "3 names of which next to no letter" in told
        assert "site/产 in _:" in told
    manifest("trees: [{path: site, prefix: m-}]\n")
    (told,) = _warnings(kvsync("plan", "m.yaml"))
    assert "3 names of which next to no letter" in told
    assert "site/产 in m-_:" in told
    manifest("trees: [{path: site, prefix: m-, key: escape}]\n")
    assert _warnings(kvsync("plan", "m.yaml")) == []


def test_an_exported_folder_says_its_keys_itself(kvsync, edge, write):
    """Its files' names are no keys."""
    edge.put("zone-1", "ns", "产品", "x")
    assert kvsync("export", "-o", "out").code == 0
    assert _warnings(kvsync("plan", "out")) == []
