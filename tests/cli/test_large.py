"""Sources and states that are too large for memory, made small: what is large is a constant."""

import pytest

from kvsync.state.sqlite import reading

pytestmark = pytest.mark.slow

PAIRS = 30
DUMP = ("d.jsonl", "--format", "jsonl", "--local")


@pytest.fixture
def large_state(monkeypatch):
    """The rows of any state are read one by one."""
    monkeypatch.setattr(reading, "_MANY", 3)


@pytest.fixture
def dump(write):
    """Writes d.jsonl: so many pairs, all with this value."""
    return lambda value, pairs=PAIRS: write(
        "d.jsonl",
        "".join(f'{{"key": "k-{n}", "value": "{value}"}}\n' for n in range(pairs)),
    )


def test_a_plan_is_told_once_the_state_is_closed(kvsync, dump, large_state):
    """What has changed is listed, as text and as JSON, also where rows were not all in memory."""
    dump("old")
    assert kvsync("sync", *DUMP).code == 0
    dump("new", PAIRS + 1)
    plan = kvsync("plan", *DUMP)
    assert (plan.code, plan.err) == (0, "")
    assert plan.out.count("value changed") == PAIRS
    assert "1 to create, 30 to update, 0 to renew; 0 unchanged." in plan.out
    changes = kvsync("plan", *DUMP, "--json").json["runs"][0]["changes"]
    assert [change["key"] for change in changes] == [f"k-{n}" for n in range(PAIRS + 1)]
    assert changes[0] == {
        "action": "update", "key": "k-0", "origin": "d.jsonl:1", "bytes": 3,
        "reason": "value changed",
    }  # fmt: skip


def test_only_origins_have_changed(kvsync, dump, large_state, write):
    """Pairs that have moved to other lines are unchanged, and the state learns where."""
    text = dump("old").read_text()
    assert kvsync("sync", *DUMP).code == 0
    write("d.jsonl", f"\n{text}")
    assert "nothing to do; 30 keys unchanged" in kvsync("sync", *DUMP).out
    assert "d.jsonl:31" in kvsync("state", "show", "d.jsonl", "--json").out


def test_a_key_of_another_source(kvsync, dump, large_state):
    """Whose the rows are is seen where they are kept, too."""
    dump("old")
    assert kvsync("sync", *DUMP, "--name", "one").code == 0
    refused = kvsync("plan", *DUMP, "--name", "other")
    assert (refused.code, refused.err.count("is owned by one")) == (11, 5)
    assert "and 25 more keys" in refused.err
    adopted = kvsync("plan", *DUMP, "--name", "other", "--adopt")
    assert "0 to create, 0 to update, 0 to renew; 30 unchanged." in adopted.out
