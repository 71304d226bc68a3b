"""A manifest that comes through a pipe."""

import os
import threading
from pathlib import Path

import pytest

from tests.cli.watching import held

NAMED = "version: 1\nname: prod\n"
PIPED = ("-", "--format", "manifest")
NO_NAME = "say with name: in it, or with --name NAME, whose keys these are"


def test_a_manifest_on_stdin(kvsync, edge, typed, clean_environment):
    """It is planned, validated, synced and verified; its state is in the directory you are in."""
    text = f"{NAMED}keys: {{a: one, b: two}}\n"
    for command in ("validate", "plan", "sync", "verify"):
        typed(text)
        result = kvsync(command, *PIPED)
        assert result.code == 0, result
    assert held(edge) == {"a": "one", "b": "two"}
    typed(text)
    assert "-: 2 keys, 6 B; no mistakes" in kvsync("validate", *PIPED).out
    assert os.listdir(clean_environment) == [".kvsync"]
    typed(text)
    assert "nothing to do; 2 keys unchanged" in kvsync("sync", *PIPED).out
    typed(f"{NAMED}keys: {{a: one}}\n")
    assert kvsync("sync", *PIPED, "--delete").code == 0
    assert held(edge) == {"a": "one"}


def test_json_on_stdin(kvsync, edge, typed):
    """What a program writes is a manifest as well; so it is if a variable says so."""
    typed('{"version": 1, "name": "prod", "keys": {"a": "\\ud83d\\ude00"}}')
    assert kvsync("sync", *PIPED).code == 0
    assert held(edge) == {"a": "😀"}


def test_a_variable_says_that_it_is_one(kvsync, edge, typed, monkeypatch):
    """KVSYNC_FORMAT and KVSYNC_NAME do as well as the options; a name: in it counts more."""
    monkeypatch.setenv("KVSYNC_FORMAT", "manifest")
    monkeypatch.setenv("KVSYNC_NAME", "mine")
    for text, owner in (("version: 1\nkeys: {b: x}\n", "mine"), (f"{NAMED}keys: {{a: x}}", "prod")):
        typed(text)
        assert kvsync("sync", "-").code == 0
        assert f'"owner": "{owner}"' in kvsync("state", "list", ".", "--json").out


def test_paths(kvsync, edge, typed, write):
    """They are relative to the directory you are in."""
    write("logo.txt", "logo")
    write("site/x", "1")
    write("d.jsonl", '{"key":"d","value":"2"}\n')
    write("site/.kvsyncignore", "")
    typed(
        f"{NAMED}keys: {{logo: {{file: logo.txt}}}}\ntrees: [{{path: site, prefix: s-}},"
        " {path: ., include: ['/logo*'], prefix: here-}]\n"
        "files: [{path: d.jsonl, format: jsonl}]\n"
    )
    result = kvsync("sync", *PIPED, "--json")
    assert held(edge) == {"logo": "logo", "s-x": "1", "here-logo_txt": "logo", "d": "2"}
    assert result.json["runs"][0]["source"] == "-"
    write("site/x", "new")
    typed(f"{NAMED}trees: [{{path: site, prefix: s-}}]\n")
    assert "site/x" in kvsync("plan", *PIPED).out


def test_whose_keys_they_are(kvsync, edge, typed):
    """The name may come from the command line; without any, nothing is sent."""
    text = "version: 1\nkeys: {a: one}\n"
    typed(text)
    result = kvsync("sync", *PIPED)
    assert (result.code, held(edge)) == (2, {})
    assert result.errors == [f"kvsync: error: - is no file: {NO_NAME}"]
    typed(text)
    assert kvsync("sync", *PIPED, "--name", "prod").code == 0
    typed(f"{NAMED}keys: {{a: one}}\n")
    assert "nothing to do; 1 key unchanged" in kvsync("sync", *PIPED, "--name", "prod").out


def test_two_names(kvsync, edge, typed):
    """Which of two is meant nobody knows: an error, as is a name that may be none."""
    typed(f"{NAMED}keys: {{a: one}}\n")
    result = kvsync("sync", *PIPED, "--name", "other")
    assert (result.code, held(edge)) == (2, {})
    assert "--name: - has another name: in it" in result.err
    typed("version: 1\nkeys: {a: one}\n")
    assert "--name may not be ." in kvsync("sync", *PIPED, "--name", "./x").err
    typed("version: 1\nname: ''\nkeys: {a: no}\n")
    assert [line.split(" ")[0] for line in kvsync("sync", *PIPED).errors[:2]] == [
        "-:2:7:",
        "-:3:11:",
    ]


def test_what_is_for_folders_is_refused(kvsync, edge, typed):
    """As beside a manifest's file, and nothing is sent."""
    typed(f"{NAMED}keys: {{a: one}}\n")
    result = kvsync("sync", *PIPED, "--charset", "utf-8", "--name", "prod")
    assert (result.code, held(edge)) == (2, {})
    assert "--charset: for directories and dumps only; write this into the manifest" in result.err


def test_mistakes(kvsync, edge, typed):
    """They have the name -, and the line; all of them are told."""
    typed(f"{NAMED}keys:\n  a: no\n  b: 1\n")
    result = kvsync("sync", *PIPED)
    assert [line.split(" ")[0] for line in result.errors[:2]] == ["-:4:6:", "-:5:6:"]
    typed("a: [")
    assert kvsync("sync", *PIPED).errors[0].startswith("-:1:5: not valid YAML")
    typed("")
    assert kvsync("sync", *PIPED).errors[0].startswith("-: the file is empty")


def test_no_stdin_at_all(kvsync, edge, monkeypatch):
    """Closed by whoever started kvsync, it is as empty."""
    monkeypatch.setattr("sys.stdin", None)
    assert kvsync("sync", *PIPED).errors[0].startswith("-: the file is empty")


def test_a_file_of_the_pipes_name(kvsync, edge, typed, write):
    """A file called - changes nothing: it is stdin that is read, each time."""
    text = f"{NAMED}keys: {{a: one}}\n"
    write("-", text)
    for value in ("one", "two"):
        typed(text.replace("one", value))
        assert kvsync("sync", *PIPED).code == 0
        assert held(edge) == {"a": value}


def test_an_older_manifest_after_a_newer_one(kvsync, edge, typed):
    """What came through a pipe vouches for no later run: it is compared each time."""
    for value in ("one", "two", "one", "one"):
        typed(f"{NAMED}keys: {{a: {value}}}\n")
        assert kvsync("sync", *PIPED).code == 0
        assert held(edge) == {"a": value}


def test_a_fifo(kvsync, edge):
    """So it is with a FIFO, and with what a shell makes of <(…): their path is nobody's name."""
    os.mkfifo("pipe")

    def piped(text: str, *options: str):
        writer = threading.Thread(target=Path("pipe").write_text, args=(text,))
        writer.start()
        result = kvsync("sync", "pipe", *options)
        writer.join()
        return result

    assert NO_NAME in piped("version: 1\nkeys: {a: one}\n").err
    assert piped("version: 1\nkeys: {a: one}\n", "--name", "prod").code == 0
    assert piped(f"{NAMED}keys: {{a: two}}\n").code == 0
    assert held(edge) == {"a": "two"}


def test_dev_stdin_is_no_place(kvsync, edge, write):
    """Even where it leads to a file: the next time it is another one."""
    descriptor = os.open(write("m", "version: 1\nkeys: {a: one}\n"), os.O_RDONLY)
    try:
        assert NO_NAME in kvsync("sync", f"/dev/fd/{descriptor}").err
        named = kvsync("sync", f"/dev/fd/{descriptor}", "--name", "x", "--format", "manifest")
    finally:
        os.close(descriptor)
    assert (named.code, held(edge)) == (0, {"a": "one"})
    assert Path(".kvsync/state.db").exists()


def test_nobody_is_left_to_ask(kvsync, edge, typed):
    """With -i a manifest on stdin is an error, not a yes."""
    typed(f"{NAMED}keys: {{a: one}}\n")
    result = kvsync("sync", *PIPED, "-i")
    assert (result.code, held(edge)) == (2, {})
    assert "needs somebody who answers" in result.err


def test_it_can_be_converted(kvsync, typed):
    """Convert takes it as well, by the option that says the format there."""
    typed(f"{NAMED}keys: {{a: one}}\n")
    result = kvsync("convert", "-", "--from", "manifest", "-o", "out.jsonl")
    assert result.code == 0, result
    assert Path("out.jsonl").read_text() == '{"key":"a","value":"one"}\n'


@pytest.mark.parametrize("command", ["plan", "sync", "validate", "verify"])
def test_without_a_format(kvsync, edge, typed, command):
    """What it is must be said."""
    typed(f"{NAMED}keys: {{a: one}}\n")
    result = kvsync(command, "-")
    assert result.code == 2
    assert "say with --format what it is (manifest, jsonl, …)" in result.err
