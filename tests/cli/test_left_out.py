"""Pairs that a policy leaves out, after an earlier policy has sent them."""

import json

import pytest

BULK = [{"key": "a/b", "value": "1"}, {"key": "c", "value": "2"}]


@pytest.mark.parametrize("before", ["join", "escape"])
def test_renamed_keys_are_not_deleted(kvsync, write, edge, before):
    """What was sent under another name stays where it is, once its pair is left out."""
    write("d.json", json.dumps(BULK))
    dump = ["sync", "d.json", "--format", "cloudflare", "--zone", "zone-1", "--namespace", "ns"]
    assert kvsync(*dump, "--keys", before).code == 0
    sent = edge.pairs("zone-1", "ns")
    result = kvsync(*dump, "--keys", "skip", "--delete")
    assert (result.code, edge.pairs("zone-1", "ns")) == (0, sent)
    assert "deleted" not in result.out


def test_grouped_keys_are_not_deleted(kvsync, write, edge):
    """So it is with items that were sent with their group."""
    write("a.csv", "g,i,1\ng,j,2\n")
    dump = ["sync", "a.csv", "--format", "akamai", "--zone", "zone-1", "--namespace", "ns"]
    assert kvsync(*dump, "--groups", "join").code == 0
    result = kvsync(*dump, "--groups", "skip", "--delete", "--max-delete", "100%")
    assert sorted(edge.pairs("zone-1", "ns")) == ["g_i", "g_j"]
    assert "deleted" not in result.out


@pytest.mark.parametrize("only", [[], ["--only", "k*"]])
def test_what_is_left_out_is_not_unmanaged(kvsync, write, edge, only):
    """The source names it: that another value is there is nobody's stray, whatever is looked at."""
    write("d.jsonl", '{"key": "k1", "value": "one!"}\n{"key": "k2", "value": ""}\n')
    dump = ["d.jsonl", "--format", "jsonl", "--empty", "skip"]
    assert kvsync("sync", *dump).code == 0
    edge.put("zone-1", "ns", "k2", "of before")
    assert kvsync("verify", *dump, "--exact", *only).code == 0
    edge.put("zone-1", "ns", "k3", "a stray")
    assert kvsync("verify", *dump, "--exact", *only).out.splitlines()[0] == "+ k3"


@pytest.mark.parametrize(("way", "ttl"), [("extend", 60), ("keep", 30)])
def test_a_short_ttl_for_all(kvsync, write, way, ttl):
    """What --ttl says is as short as what a pair says."""
    write("t.json", json.dumps(BULK[1:]))
    call = ["t.json", "--from", "cloudflare", "--ttl", "30", "--short-ttl", way]
    result = kvsync("convert", *call, "-o", "-", "--to", "jsonl")
    assert json.loads(result.out)["expiration_ttl"] == ttl


def test_a_short_ttl_for_all_refused(kvsync, write):
    """With error it ends the run."""
    write("t.json", json.dumps(BULK[1:]))
    call = ["t.json", "--format", "cloudflare", "--ttl", "30", "--short-ttl", "error"]
    result = kvsync("validate", *call)
    assert result.code == 2
    assert "less than 60 s to live" in result.err


@pytest.mark.parametrize("key", ["", "k" * 513])
def test_no_way_mends_a_length(kvsync, write, key):
    """A key that is empty or too long is advised to be left out, and nothing that cannot help."""
    write("t.json", json.dumps([{"key": key, "value": "x"}]))
    result = kvsync("validate", "t.json", "--format", "cloudflare", "--keys", "escape")
    assert result.code == 2
    assert result.errors[0].endswith("or with --keys skip")


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("x.jsonl", '{"key": "a", "value": "dGVzdA=="}\n', "(jsonl or fastly)"),
        ("x.csv", "g,i,1\n", "(csv or akamai)"),
    ],
)
def test_candidates(kvsync, write, name, content, told):
    """Where a format cannot be told, those that it may be are named."""
    write(name, content)
    result = kvsync("validate", name)
    assert result.code == 2
    assert f"say with --format what kind of dump it is {told}" in result.err


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("groupId,itemId,content", "a header, which akamai's CSV has not: take this line away"),
        (",i,y", "no group or no item: write groupId,itemId,content"),
        ("g,,y", "no group or no item: write groupId,itemId,content"),
    ],
)
def test_lines_that_are_no_items(kvsync, write, line, told):
    """A header is no pair of akamai's, and neither is a line without a group or an item."""
    write("a.csv", f"{line}\ng1,i1,x\n")
    result = kvsync("validate", "a.csv", "--format", "akamai", "--groups", "join")
    assert (result.code, result.errors[0]) == (2, f"a.csv:1:1: {told}")
