"""What is wrong with a dump is told so that it can be found."""

import json

import pytest

from tests.cli.watching import held

PAIRS = [{"key": f"k{number}", "value": "secret"} for number in range(1, 301)]


def _told(result):
    """The mistakes of a run that sent nothing."""
    assert result.code == 2
    assert "secret" not in result.err
    return [line for line in result.errors if line.startswith("d.")]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"value": 7}, 'item 300 ("k300"): value is not a string: write it as a string'),
        ({"expiration": "1"}, 'item 300 ("k300"): expiration must be a positive whole number'),
        ({"valeu": ""}, 'item 300 ("k300"): unknown field valeu: did you mean value?'),
        ({"key": None}, "item 300: key must be a string: write it in double quotes"),
        ({"key": "a b"}, 'item 300: the key "a b" has other characters than letters'),
        ({"key": "k1"}, 'item 300: the key "k1" is also that of d.json:1'),
        ({"key": "k2"}, 'item 300: the key "k2" is also that of d.json:1:'),
        ({"metadata": 1}, 'item 300: "k300" has metadata, which EdgeKV cannot hold: --metadata'),
        ({"value": ""}, 'item 300: "k300" has an empty value, which EdgeKV cannot hold: --empty'),
    ],
)
def test_one_of_many_in_one_line(kvsync, edge, write, wrong, told):
    """Its number, its key, its field and its column are told; the line says nothing."""
    last = PAIRS[-1] | wrong
    content = json.dumps([*PAIRS[:-1], last])
    write("d.json", content)
    (line,) = _told(kvsync("sync", "d.json", "--format", "cloudflare"))
    column = content.rindex(json.dumps(last)) + 1
    assert line.startswith(f"d.json:1:{column}: {told}")
    document = kvsync("sync", "d.json", "--format", "cloudflare", "--json").json
    (detail,) = document["runs"][0]["error"]["details"]
    assert (detail["line"], detail["column"]) == (1, column)
    assert edge.arrivals == []


def test_as_many_as_there_are(kvsync, write):
    """Mistakes of one kind in one line are not taken for one."""
    content = json.dumps([{"key": f"é {n}" if n % 2 else "", "value": n} for n in range(6)])
    write("d.json", content)
    told = _told(kvsync("validate", "d.json", "--format", "cloudflare"))
    places = [line.split(": ")[0] for line in told]
    assert len({*places}) == 6
    assert "item 2 (" in told[1]


@pytest.mark.parametrize(
    ("form", "content"),
    [
        ("cloudflare", '{"a": "x", "b": 7}'),
        ("cloudflare", '{"values": {"a": "x", "b": 7}}'),
        ("fastly", '{"key": "a", "value": ""} {"key": "b", "value": 7}'),
        ("consul", '[{"key": "a", "value": ""}, {"key": "b", "value": 7}]'),
    ],
)
def test_every_kind_of_json(kvsync, write, form, content):
    """Where a pair begins is where its key or its object does."""
    write("d.json", content)
    (told,) = _told(kvsync("validate", "d.json", "--format", form, "--empty", "skip"))
    column = 1 + content.index('"b"' if form == "cloudflare" else '{"key": "b"')
    assert told.startswith(f'd.json:1:{column}: item 2 ("b"): value is not a string')


@pytest.mark.parametrize(
    ("content", "column", "told"),
    [
        ('[{"key": "a", "value": "x"}, {"key": "b" "value": "x"}]', 42, "item 2: not JSON"),
        ('[{"key": "a", "value": "x"} {"key": "b"}]', 29, "item 1: not JSON: expected , or ]"),
        ('[{"key": "a", "value": "x"}, {"key": "b", "val', 47, "item 2: the file ends in the"),
        ('[{"key": "a", "value": "x"}, ', 30, "the file ends in the middle"),
        ('[{"key": "a", "value": "x"}] []', 30, "more after the end of the JSON"),
    ],
)
def test_broken_json(kvsync, write, content, column, told):
    """The column is where it can be read no further."""
    write("d.json", content)
    *_, line = _told(kvsync("validate", "d.json", "--format", "cloudflare"))
    assert line.startswith(f"d.json:1:{column}: ")
    assert told in line


def test_json_lines(kvsync, write):
    """Where in its line the JSON is broken."""
    write("d.jsonl", '{"key": "a", "value": "x"}\n  {"key": "b" "value": "secret"}\n')
    (told,) = _told(kvsync("validate", "d.jsonl", "--format", "jsonl"))
    assert told.startswith("d.jsonl:2:15: not JSON")


def test_where_pairs_of_one_line_come_from(kvsync, edge, write):
    """Origins in a plan tell pairs of one line apart by their columns."""
    write("d.json", '[{"key": "a", "value": "x"}, {"key": "b", "value": "x"}]')
    changes = kvsync("sync", "d.json", "--format", "cloudflare", "--json").json["runs"][0]
    assert [change["origin"] for change in changes["changes"]] == ["d.json:1", "d.json:1:30"]
    assert held(edge) == {"a": "x", "b": "x"}


_ANSWER = '{"result":{"values":{"a":"secret"}},"success":true,"errors":[],"messages":[]}'
_CONSUL = '[{"LockIndex":0,"Key":"a","Flags":0,"Value":"c2VjcmV0"}]'


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (_ANSWER, "this is what Cloudflare's API answers: take the pairs out with jq .result FILE"),
        (_CONSUL, "this is what Consul's HTTP API answers: take what `consul kv export` prints"),
        (
            '[{"key":"a","value":"secret","ttl":1}]',
            "unknown field ttl: did you mean expiration_ttl?",
        ),
        ('[{"key":"a","value":"secret","x":1}]', "pairs of the format cloudflare, with an unknown"),
        ('{"key":"a","value":"secret","Ttl":1}', "pairs of the format jsonl, with an unknown"),
    ],
)
def test_a_file_that_is_nearly_a_dump(kvsync, edge, write, manifest, content, told):
    """Named on the command line or in a manifest, it is told what it is and what makes a dump."""
    write("d.json", content)
    (line,) = _told(kvsync("sync", "d.json"))
    assert line.startswith("d.json:1:1: ")
    assert told in line
    assert "--format" in line
    assert "--from" in kvsync("convert", "d.json", "-o", "out.jsonl").errors[0]
    manifest("files: [{path: d.json}]\n")
    result = kvsync("sync", "m.yaml")
    assert result.code == 2
    assert told in result.err
    assert "secret" not in result.err
    assert edge.arrivals == []


@pytest.mark.parametrize("form", ["cloudflare", "consul", "fastly", "jsonl"])
def test_a_format_that_it_has_not(kvsync, write, form):
    """One mistake says what it is, whatever somebody took it for."""
    for content in (_ANSWER, _CONSUL):
        write("d.json", content)
        (line,) = _told(kvsync("validate", "d.json", "--format", form))
        assert "API answers" in line
