"""What a failure file lists and cannot send: values that were gone, and deletes."""

from pathlib import Path

import pytest

from tests.cli.failing import FILE, broken, broken_puts, header, listed, manifest_of
from tests.cli.watching import held, long_ago


def gone(*keys: str) -> None:
    """The values of these keys were gone when the file was written."""
    path = Path(FILE)
    lines = path.read_text().splitlines()
    for number, line in enumerate(lines):
        for key in keys:
            if f'"key":"{key}"' in line:
                lines[number] = line.replace(f'"value":"v{key[1:]}"', '"lost":"gone"')
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture
def failed(kvsync, edge, manifest):
    """Three keys did not get through: the file has the value of the first alone."""
    manifest(manifest_of(1, 2, 3))
    with broken():
        kvsync("sync", "m.yaml", "--retries", "0", "--failures", FILE)
    gone("k2", "k3")


def test_lost_values_stay_listed(kvsync, edge, failed):
    """A retry into the same file keeps the lines that it cannot do anything about."""
    before = listed()
    kvsync("sync", FILE, "--failures", FILE)
    assert held(edge) == {"k1": "v1"}
    assert listed() == {key: before[key] for key in ("k2", "k3")}
    kvsync("sync", FILE, "--failures", FILE)
    assert listed() == {key: before[key] for key in ("k2", "k3")}
    assert header()["owner"] == "m.yaml"


def test_they_stay_behind_what_fails_again(kvsync, edge, failed):
    """What fails once more comes before them."""
    with broken():
        kvsync("sync", FILE, "--retries", "0", "--failures", FILE)
    assert list(listed()) == ["k1", "k2", "k3"]


def test_once_the_source_has_sent_them(kvsync, edge, failed):
    """What got through since is missing no more."""
    assert kvsync("sync", "m.yaml").code == 0
    result = kvsync("sync", FILE, "--failures", FILE)
    assert (result.code, listed()) == (0, {})
    assert "are not in this file" not in result.err


def test_deletes_stay_listed(kvsync, edge, manifest):
    """So it is with deletes, until they are done."""
    manifest(manifest_of(1, 2))
    kvsync("sync", "m.yaml")
    long_ago()
    manifest(manifest_of(1))
    with broken():
        kvsync("sync", "m.yaml", "--delete", "--retries", "0", "--failures", FILE)
    before = listed()
    assert kvsync("sync", FILE, "--failures", FILE).code == 0
    assert listed() == before
    assert before.keys() == {"k2"}
    assert kvsync("sync", "m.yaml", "--delete").code == 0
    assert kvsync("sync", FILE, "--failures", FILE).err == ""
    assert listed() == {}


def test_an_interrupted_copy(kvsync, sides):
    """A copy that gave up lists keys alone; a retry of its file does not empty it."""
    sides.fill(200)
    with broken_puts():
        kvsync(*sides.command, "--workers", "1", "--retries", "0", "--failures", FILE)
    assert len(listed()) == 200
    options = ["--endpoint", sides.new.url, "--profile", "new"]
    kvsync("sync", FILE, *options, "--failures", FILE)
    assert len(listed()) == 200
