"""Tables as spreadsheets write them, from the command line to what the service holds."""

import pytest

from tests.cli.watching import held

TABLE = "key;value;\r\na;1,5;\r\nb;x;\r\n;;\r\n"
WANTED = {"a": "1,5", "b": "x"}
FOUND = "read with ; between cells, as its first row suggests; say the delimiter to make that sure"
CUT = "the last row (line 3) has no line end, as all before it have: is the file whole?"


def test_semicolons_are_found_and_told(kvsync, edge, write):
    """On stderr, with -q too, and in JSON; also when there is nothing to do."""
    write("d.csv", TABLE)
    first = kvsync("sync", "d.csv", "--format", "csv", "-q")
    assert (first.code, held(edge)) == (0, WANTED)
    assert first.errors == [f"kvsync: warning: d.csv: {FOUND}"]
    for _ in range(2):
        run = kvsync("sync", "d.csv", "--format", "csv", "--json").json["runs"][0]
        assert (run["summary"]["unchanged"], run["warnings"]) == (2, [FOUND])
    guessed = kvsync("plan", "d.csv", "--json").json["runs"][0]
    assert [told.split(",")[0] for told in guessed["warnings"]] == [
        "read as csv",
        FOUND.split(",", maxsplit=1)[0],
    ]


@pytest.mark.parametrize(
    ("written", "content"),
    [(";", TABLE), ("tab", TABLE.replace(";", "\t")), ("\\t", TABLE.replace(";", "\t"))],
)
def test_a_delimiter_that_is_said(kvsync, edge, write, manifest, monkeypatch, written, content):
    """By an option, a variable or a field of a manifest; then nothing is told."""
    write("d.csv", content)
    told = kvsync("sync", "d.csv", "--format", "csv", "--delimiter", written)
    assert (told.code, held(edge), told.err) == (0, WANTED, "")
    manifest(f"files: [{{path: d.csv, format: csv, delimiter: '{written}', prefix: m-}}]\n")
    told = kvsync("sync", "m.yaml")
    assert (told.code, held(edge)["m-a"], told.err) == (0, "1,5", "")
    monkeypatch.setenv("KVSYNC_DELIMITER", written)
    call = ("convert", "d.csv", "--from", "csv", "--to", "jsonl", "-o", "-", "-q")
    told = kvsync(*call)
    assert (told.code, told.out.count("\n"), told.err) == (0, 2, "")


def test_another_delimiter_is_another_source(kvsync, edge, write):
    """What was read with one is not what is there with another."""
    write("d.csv", "key;x,value,key\na;b,one,c\n")
    call = ("sync", "d.csv", "--format", "csv", "--metadata", "drop")
    assert kvsync(*call).code == 0
    assert kvsync(*call, "--delimiter", ";", "--value-column", "x,value,key").code == 0
    assert held(edge) == {"c": "one", "a": "b,one,c"}


def test_a_manifest_tells_it_too(kvsync, edge, write, manifest):
    """With the name of the dump, whether it was found or the file may be cut off."""
    write("d.csv", "key;value\na;1\nb;2")
    manifest("files: [{path: d.csv}]\n")
    for _ in range(2):
        run = kvsync("sync", "m.yaml", "--json").json["runs"][0]
        assert run["warnings"] == [f"d.csv: {FOUND}", f"d.csv: {CUT}"]
    assert held(edge) == {"a": "1", "b": "2"}


@pytest.mark.parametrize("delimiter", ["", ";;", '"', "\n"])
def test_no_delimiter(kvsync, write, manifest, delimiter):
    """What can part no cells is refused, on the command line and in a manifest."""
    write("d.csv", TABLE)
    told = kvsync("plan", "d.csv", "--delimiter", delimiter)
    assert told.code == 2
    assert "must be one character, or tab" in told.err
    manifest(f"files: [{{path: d.csv, delimiter: {delimiter!r}}}]\n".replace("'\"'", "'\"'"))
    told = kvsync("plan", "m.yaml")
    assert told.errors[0].startswith("m.yaml:")
    assert "delimiter must be one character in quotes, or tab" in told.err


@pytest.mark.parametrize(
    ("form", "content"), [("jsonl", "{}\n"), ("akamai", "g,a,x\n"), ("dotenv", "A=x\n")]
)
def test_a_delimiter_of_no_table(kvsync, write, form, content):
    """The option is for tables alone."""
    write("d", content)
    told = kvsync("plan", "d", "--format", form, "--delimiter", ";")
    assert told.code == 2
    assert f"--delimiter: for csv and tsv only, and this is {form}" in told.err


def test_the_schema_and_the_help_know_it(kvsync):
    """Editors, and who reads."""
    fields = kvsync("schema").json["$defs"]["FileFields"]["properties"]
    assert fields["delimiter"]["pattern"]
    for command in ("plan", "sync", "convert", "validate", "verify"):
        assert "--delimiter CHARACTER" in kvsync(command, "--help-all").out


def test_a_table_that_is_cut_off(kvsync, edge, write):
    """Within its last value it is sent, and told of; before it, it is an error."""
    write("d.csv", "key,value\na,one\nb,tw")
    told = kvsync("sync", "d.csv", "--format", "csv")
    assert (told.code, held(edge)) == (0, {"a": "one", "b": "tw"})
    assert told.errors == [f"kvsync: warning: d.csv: {CUT}"]
    assert kvsync("sync", "d.csv", "--format", "csv", "--json").json["runs"][0]["warnings"] == [CUT]
    write("d.csv", "key,value\na,one\nb")
    assert kvsync("sync", "d.csv", "--format", "csv").code == 2
    write("d.jsonl", '{"key":"a","value":"one"}\n{"key":"b","value":"tw')
    assert kvsync("sync", "d.jsonl", "--format", "jsonl").code == 2
    assert held(edge) == {"a": "one", "b": "tw"}


def test_text_under_an_empty_name(kvsync, edge, write):
    """Nothing is sent of a table with text in a column without a name."""
    write("d.csv", "key,value,,\na,one,,\nb,two,,secret\n")
    told = kvsync("sync", "d.csv", "--format", "csv")
    assert (told.code, held(edge)) == (2, {})
    assert told.errors[0].startswith("d.csv:3:1: cell 4 is of no column")
    assert "secret" not in told.err
