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
    assert header()["owner"] == "./m.yaml"


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


@pytest.mark.slow
def test_an_interrupted_copy(kvsync, sides):
    """A copy that gave up lists keys alone; a retry of its file does not empty it."""
    sides.fill(200)
    with broken_puts():
        kvsync(*sides.command, "--workers", "1", "--retries", "0", "--failures", FILE)
    assert len(listed()) == 200
    options = ["--endpoint", sides.new.url, "--profile", "new"]
    kvsync("sync", FILE, *options, "--failures", FILE)
    assert len(listed()) == 200


def test_a_retry_without_all_values_fails(kvsync, edge, failed):
    """It exits 5 as long as a key is missing, and says what helps; an option is not spoken of."""
    told = "2 keys are not in this file (their values were gone): run the first command again"
    result = kvsync("sync", FILE, "--json")
    assert (result.code, result.json["exit_code"], result.json["error"]) == (5, 5, None)
    assert (result.json["runs"][0]["exit_code"], held(edge)) == (5, {"k1": "v1"})
    assert f"kvsync: warning: {FILE}: {told}" in result.errors
    assert "2 pairs with no value at all in the dump: left out" in result.err
    assert "--missing" not in result.err
    again = kvsync("sync", FILE, "--quiet")
    assert (again.code, again.errors) == (5, [f"kvsync: warning: {FILE}: {told}"])
    again = kvsync("sync", FILE)
    assert again.code == 5
    assert "nothing to do" not in again.out
    assert "nothing that can be sent; 2 keys without a value, 1 key unchanged" in again.out


@pytest.mark.parametrize("command", ["plan", "verify"])
def test_who_looks_is_warned(kvsync, edge, failed, command):
    """A plan and a verification of the file say that it has not all; their exit codes stay."""
    kvsync("sync", FILE)
    result = kvsync(command, FILE)
    assert result.code == 0
    assert "2 keys are not in this file (their values were gone)" in result.err


def test_a_part_without_them(kvsync, edge, failed):
    """With --only just those keys count that match."""
    assert kvsync("sync", FILE, "--only", "k1").code == 0
    result = kvsync("sync", FILE, "--only", "k2", "--failures", "other.jsonl")
    assert result.code == 5
    assert "1 key is not in this file (its value was gone)" in result.err
    assert listed("other.jsonl").keys() == {"k2"}


def test_it_is_verified_all_the_same(kvsync, edge, failed):
    """What could be sent is read back."""
    result = kvsync("sync", FILE, "--verify", "--json")
    assert (result.code, result.json["runs"][0]["verify"]["summary"]["same"]) == (5, 1)


def test_deletes_are_warned_of(kvsync, edge, manifest):
    """Deletes are the first command's, too: that is said, and is no failure of the retry."""
    manifest(manifest_of(1, 2))
    kvsync("sync", "m.yaml")
    long_ago()
    manifest(manifest_of(1))
    with broken():
        kvsync("sync", "m.yaml", "--delete", "--retries", "0", "--failures", FILE)
    for command in ("sync", "plan", "verify"):
        result = kvsync(command, FILE)
        assert (result.code, result.errors) == (
            0,
            [
                f"kvsync: warning: {FILE}: 1 delete is not done from this file: run the first"
                " command again, with --delete"
            ],
        )
