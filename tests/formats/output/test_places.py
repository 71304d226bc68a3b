"""Which place an export has, and stdout as one."""

import subprocess
import sys

import pytest

from kvsync.formats.output import guess_format, open_output
from kvsync.model.errors import UsageError
from kvsync.model.values import Pair
from tests.formats.output.keeping import (
    HOSTILE,
    NAMESPACE,
    ORIGIN,
    array,
    export,
    json_lines,
    read_back,
    table,
)
from tests.nobody import without_coverage


@pytest.mark.parametrize(
    ("out", "kind"),
    [
        *(("-", "jsonl"), ("a/b.jsonl", "jsonl"), ("b.ndjson", "jsonl")),
        *(("b.yaml", "manifest"), ("b.yml", "manifest"), ("b.csv", "csv")),
        *(("b", "dir"), ("b.d", "dir"), ("./-", "dir"), ("yaml", "dir"), ("json", "dir")),
    ],
)
def test_the_name_of_a_place_speaks_of_its_format(out: str, kind: str) -> None:
    """What it does not name is a directory."""
    assert guess_format(out) == kind


def test_json_may_be_anything() -> None:
    """Which format a name with .json means has to be said."""
    with pytest.raises(UsageError) as caught:
        guess_format("a\n.json", "--to")
    assert str(caught.value) == (
        "a\\x0a.json may be anything in JSON: give --to cloudflare for wrangler's array, or "
        "--to jsonl for an object a line"
    )


@pytest.mark.parametrize(
    ("out", "kind", "message"),
    [
        (
            "-",
            "dir",
            "a directory cannot go to stdout: give --format jsonl or manifest or cloudflare or csv",
        ),
        ("x", "xml", "--format must be dir or jsonl or manifest or cloudflare or csv"),
    ],
)
def test_what_makes_no_sense_is_said_at_once(out: str, kind: str, message: str) -> None:
    """Before the place is entered, and before anything is made there."""
    with pytest.raises(UsageError) as caught:
        open_output(out, kind, ORIGIN)
    assert str(caught.value) == message


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "pairs_of"),
    [("jsonl", json_lines), ("manifest", read_back), ("cloudflare", array), ("csv", table)],
)
def test_stdout_gets_what_a_file_would(tmp_path, capfdbinary, kind, pairs_of) -> None:
    """Nothing was exported there before, and each key is written once."""
    assert export("-", kind, HOSTILE) == (len(HOSTILE), len(HOSTILE), 0)
    (tmp_path / "out.yaml").write_bytes(capfdbinary.readouterr().out)
    assert pairs_of(tmp_path / "out.yaml") == sorted(HOSTILE)
    with open_output("-", kind, ORIGIN, refresh=True) as place:
        assert place.write([Pair("a", b"1"), Pair("a", b"1")]) == 1
        assert not place.has("a")
        assert place.write([Pair("a", b"1")]) == 0


ENDLESS = """
from kvsync.formats.output import Origin, open_output
from kvsync.model.errors import OutputError
from kvsync.model.values import Pair
try:
    with open_output("-", "jsonl", Origin("e", "z", "n", "")) as place:
        for number in range(10000):
            place.write([Pair(f"{number}", b"x" * 1000)])
except OutputError as error:
    raise SystemExit(str(error))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("redirection", "words"), [("| head -n 1", "Broken pipe"), ("> /dev/full", "No space left")]
)
def test_a_stdout_that_takes_no_more_is_told_once(redirection: str, words: str) -> None:
    """A reader that has had enough, or a full disk, ends the export; nothing more is said."""
    ended = subprocess.run(
        ["/bin/sh", "-c", f'"$0" -c "$1" {redirection}', sys.executable, ENDLESS],
        capture_output=True,
        text=True,
        check=False,
        env=without_coverage(),
    )
    assert ended.stderr.startswith(f"cannot write to stdout: {words}")
    assert ended.stderr.count("\n") == 1


def test_a_manifest_on_stdout_has_its_limit(capfdbinary, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody could read what goes above it."""
    monkeypatch.setattr("kvsync.formats.manifest.Manifest.max_size", 1000)
    with open_output("-", "manifest", ORIGIN) as place:
        place.write(NAMESPACE)
        with pytest.raises(UsageError, match="more than a manifest may have"):
            place.write([Pair("large", b"x" * 1000)])
    assert b"large" not in capfdbinary.readouterr().out
