"""A state with many rows, which are not kept in memory, makes no difference to any command."""

import json

import pytest

from tests.cli.dumping import lines
from tests.cli.watching import held, long_ago

MANY = "kvsync.state.sqlite.reading._MANY"


def _write(write, form, **pairs):
    if form == "manifest":
        write("m.yaml", f"version: 1\nkeys: {json.dumps(pairs)}\n")
    else:
        write("d.jsonl", lines(*({"key": key, "value": value} for key, value in pairs.items())))


def _told(result):
    """What a call told, but for times and RequestIds."""
    document = result.json
    for run in document["runs"]:
        for fields in (run["summary"], run.get("verify", {}).get("summary", {})):
            for name in ("elapsed_s", "eta_s"):
                fields.pop(name, None)
        for failure in run["failures"]:
            failure["request_id"] = ""
        if run["target"]:
            run["target"]["endpoint"] = ""
    return document


def _story(kvsync, edge, write, form):
    """Everything that a source goes through, and what each call told."""
    source = "m.yaml" if form == "manifest" else "d.jsonl"
    other = "other.jsonl"
    write(other, lines({"key": "x", "value": "1"}, {"key": "y", "value": "2"}))
    told = []

    def call(*args):
        result = kvsync(*args, "--json")
        assert "bug" not in result.err
        told.append(_told(result))
        text = kvsync("plan", source)
        told.append((text.code, text.out.splitlines()[1:-1]))
        told.append(held(edge))

    _write(write, form, a="one", b="two", c="three", e="5")
    call("sync", source)
    call("sync", other)
    _write(write, form, a="one", b="new", d="four", e="5")
    call("plan", source)
    call("plan", source, "--only", "[bc]")
    call("sync", source, "--only", "[ab]")
    call("sync", source)
    call("sync", source)
    edge.put("zone-1", "ns", "b", "theirs")
    edge.delete("zone-1", "ns", "e")
    long_ago()
    call("plan", source, "--refresh", "--delete")
    call("sync", source, "--refresh", "--delete", "--verify", "--wait", "0")
    _write(write, form, a="one", x="mine")
    call("sync", source)
    call("sync", source, "--adopt")
    call("sync", source, other)
    call("sync", source, "--delete", "--max-delete", "1")
    edge.put("zone-1", "ns", "z", "nobody's")
    long_ago()
    write(other, lines({"key": "y", "value": "2"}))
    call("sync", source, other, "--refresh", "--delete-unmanaged", "--force")
    call("verify", source, "--exact", "--wait", "0")
    return told


@pytest.mark.slow
@pytest.mark.parametrize("form", ["manifest", "dump"])
def test_the_whole_story(kvsync, serve_emulator, edge, write, monkeypatch, form, clean_environment):
    """Plan, sync, refresh, delete, adopt and verify tell and do the same with few rows and many."""
    stories = []
    for many in (50_000, 1):
        monkeypatch.setattr(MANY, many)
        service = serve_emulator()
        monkeypatch.setenv("KVSYNC_ENDPOINT", service.url)
        folder = clean_environment / f"few-{many}"
        folder.mkdir()
        monkeypatch.chdir(folder)
        stories.append(
            _story(
                kvsync, service,
                lambda name, content, at=folder: (at / name).write_text(content), form,
            )
        )  # fmt: skip
    few, many = stories
    assert len(few) == len(many)
    for one, other in zip(few, many, strict=True):
        assert one == other
