"""Arguments and variables whose bytes are not UTF-8."""

import os
from pathlib import Path

import pytest

from tests.cli.watching import held

LATIN = os.fsdecode(b"caf\xe9")


@pytest.mark.parametrize(
    ("line", "said_by"),
    [
        ("put {} v", "KEY"),
        ("get {}", "KEY"),
        ("get k --zone {}", "--zone"),
        ("get k --namespace {}", "--namespace"),
        ("get k --profile {}", "--profile"),
        ("sync site --prefix {}", "--prefix"),
        ("sync site --name {}", "--name"),
        ("sync site --only x --only {}", "--only"),
        ("copy --from-zone {} --from-namespace x", "--from-zone"),
        ("export -o out --prefix {}", "--prefix"),
        ("namespaces create {}", "NAME"),
        ("namespaces create x --remark {}", "--remark"),
    ],
)
def test_an_argument(kvsync, edge, write, line, said_by):
    """The message names it; nothing is sent."""
    write("site/a", "x")
    result = kvsync(*(word.format(LATIN) for word in line.split()))
    assert (result.code, held(edge)) == (2, {})
    assert result.errors == [f"kvsync: error: {said_by} is not UTF-8 text: change it"]


def test_a_value(kvsync, edge):
    """Of a value it is said what EdgeKV takes."""
    result = kvsync("put", "k", LATIN)
    assert (result.code, held(edge)) == (2, {})
    assert result.errors == [
        "kvsync: error: the value is not UTF-8 text, and EdgeKV stores no other"
    ]


def test_a_variable_in_place_of_an_option(kvsync, edge, write, monkeypatch):
    """The message names the variable."""
    write("site/a", "x")
    monkeypatch.setenv("KVSYNC_ZONE", LATIN)
    result = kvsync("sync", "site")
    assert result.errors == ["kvsync: error: KVSYNC_ZONE is not UTF-8 text: change it"]


def test_variables_of_a_manifest(kvsync, edge, manifest, monkeypatch):
    """They are mistakes where they stand, together with all others."""
    monkeypatch.setenv("LATIN", LATIN)
    manifest("zone: '${LATIN}'\nkeys: {a: {env: LATIN}}\n")
    result = kvsync("sync", "m.yaml")
    assert result.errors[:2] == [
        "m.yaml:2:7: zone is not UTF-8 text: set its variables anew",
        "m.yaml:3:17: the environment variable LATIN is not UTF-8 text: set it anew",
    ]


def test_paths(kvsync, edge, manifest, monkeypatch):
    """A path may have any bytes: of the folder, the state, a file, and what is written."""
    folder = Path(LATIN)
    (folder / LATIN).mkdir(parents=True)
    (folder / LATIN / "a").write_text("1")
    (folder / LATIN / "logo").write_text("2")
    monkeypatch.setenv("LATIN", LATIN)
    (folder / "m.yaml").write_text("version: 1\nkeys: {logo: {file: '${LATIN}/logo'}}\n")
    for _ in range(2):
        assert kvsync("sync", f"{LATIN}/{LATIN}", "--exclude", "logo").code == 0
    assert kvsync("sync", f"{LATIN}/m.yaml", "--state", f"{LATIN}/st.db").code == 0
    assert held(edge) == {"a": "1", "logo": "2"}
    assert kvsync("state", "check", "--state", f"{LATIN}/st.db").code == 0
    assert kvsync("export", "-o", f"{LATIN}/out").code == 0
    assert kvsync("verify", f"{LATIN}/out").code == 0


def test_a_name_in_a_folder(kvsync, edge, write):
    """It cannot be a key in any style; a pattern with the same bytes leaves it out."""
    write("site/a", "x")
    write(f"site/{LATIN}", "x")
    assert kvsync("sync", "site").code == 2
    assert kvsync("sync", "site", "--exclude", f"{LATIN[:3]}*").code == 0
    assert kvsync("sync", "site", "--exclude", LATIN).code == 0
    assert held(edge) == {"a": "x"}
