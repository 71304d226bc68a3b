"""A message that needs more than a line names the topic of the guide that says more."""

from importlib.resources import files

import pytest

from kvsync.cli.output import _TOPICS
from kvsync.model import errors

TOPICS = {
    *_TOPICS.values(),
    *(kind.topic for kind in vars(errors).values() if getattr(kind, "topic", "")),
}


def test_keys_of_another_source(kvsync, edge, write):
    """Owners are told of in the topic on plans; the JSON document has no line more for it."""
    write("old.yaml", "version: 1\nkeys: {a: one}\n")
    write("new.yaml", "version: 1\nkeys: {a: two}\n")
    kvsync("sync", "old.yaml")
    assert "kvsync help plans" in kvsync("sync", "new.yaml").err
    assert "kvsync help" not in kvsync("sync", "new.yaml", "--json").out


def test_a_short_message_names_none(kvsync, edge, write):
    """What is said in a line needs no guide."""
    write("m.yaml", "version: 1\nkeys: {a: one}\n")
    assert "kvsync help" not in kvsync("sync", "m.yaml", "--state", ".").err


@pytest.mark.parametrize("topic", sorted(TOPICS))
def test_each_topic_is_there(topic):
    """No message names a topic that the guide does not have."""
    assert files("kvsync").joinpath("guide", f"{topic}.md").is_file()
