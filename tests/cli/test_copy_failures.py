"""``kvsync copy --failures FILE``, and the way back."""

import pytest

from tests.cli.failing import FILE, broken_puts, listed
from tests.cli.watching import counted


@pytest.mark.slow
def test_a_copy(kvsync, sides):
    """What a copy could not deliver is read once more, and comes back by a sync of the file."""
    sides.fill(30)
    with broken_puts(3):
        result = kvsync(*sides.command, "--retries", "0", "--failures", FILE)
    assert result.code == 5
    lines = listed()
    assert len(lines) == 3
    assert {key: line["value"] for key, line in lines.items()} == {
        key: sides.source[key][0] for key in lines
    }
    again = f"kvsync sync {FILE} --endpoint {sides.new.url} --profile new"
    assert result.errors[-1] == f"kvsync: 3 keys did not get through: {again} retries them"
    with counted(sides.new) as seen:
        assert kvsync(*again.split()[1:]).code == 0
    assert seen == {"EdgeKVPut": 3}
    assert sides.target == sides.source
    assert "nothing to do" in kvsync(*sides.command).out


@pytest.mark.slow
def test_a_copy_that_gave_up(kvsync, sides):
    """A copy that ended early reads no more: its lines have no value, and the copy is the way."""
    sides.fill(200)
    with broken_puts():
        result = kvsync(*sides.command, "--workers", "1", "--retries", "0", "--failures", FILE)
    assert result.code == 5
    lines = listed()
    assert len(lines) == 200
    assert {line["lost"] for line in lines.values()} == {
        "its value was not read again, since the run was stopped"
    }
    assert f"200 keys did not get through, without a value in {FILE}" in result.err
    assert kvsync(*sides.command).code == 0
    assert sides.target == sides.source
