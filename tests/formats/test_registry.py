"""A new format is a file of its own and a line in the registry."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kvsync.formats import FILES, FORMATS, MANIFEST, WRITTEN, all_formats, endings_of, format_of
from tests.nobody import without_coverage

_TOY = '''
"""Pairs as KEY:VALUE lines, behind a line that says so."""

import sys

from kvsync.formats.format import Decoded, Format
from kvsync.formats.record import Record
from kvsync.model.values import NEVER

_HEAD = b"toys\\n"


def read(file, layout):
    for number, line in enumerate(file.read().splitlines()[1:], 2):
        key, _, value = line.partition(b":")
        yield Record(key.decode(), value, number)


class Toys:
    head = _HEAD
    between = foot = b""
    starts = (b"",)
    max_size = max_pairs = sys.maxsize

    def encode(self, key, value, expiry):
        return b"%s:%s\\n" % (key.encode(), value)

    def ends(self, line, *, within):
        return True

    def decode(self, record):
        key, _, value = record.removesuffix(b"\\n").partition(b":")
        return Decoded(key.decode(), value, NEVER)


FORMAT = Format(
    "toy",
    read,
    write=lambda _: Toys(),
    options=("--separator",),
    sniff=lambda head, _: head.data.startswith(_HEAD),
)
'''

_RUN = """
import sys
from kvsync import formats
formats.__path__.append(sys.argv[1])
formats.FILES["toy"] = (".toy",)
for name in ("FORMATS", "WRITTEN"):
    setattr(formats, name, (*getattr(formats, name), "toy"))
from kvsync.cli import run
raise SystemExit(run(sys.argv[2:]))
"""


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a command line of a kvsync that has one more format, in a directory of its own."""
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "toy.py").write_text(_TOY)
    work = tmp_path / "work"
    work.mkdir()

    def run_toy(*args: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", _RUN, str(tmp_path / "more"), *args]
        return subprocess.run(
            command, capture_output=True, text=True, check=False, env=without_coverage(), cwd=work
        )

    (work / "d.toy").write_text("toys\na:1\nb:2\n")
    return run_toy


def _converted(run, source: str, out: str, tmp_path: Path, *flags: str) -> str:
    done = run("convert", source, "-o", out, *flags)
    assert done.returncode == 0, done.stderr
    return (tmp_path / "work" / out).read_text()


@pytest.mark.slow
def test_a_new_format_is_read_guessed_and_written(run, tmp_path):
    """By its ending or its name, from the command line and from a manifest."""
    lines = '{"key":"a","value":"1"}\n{"key":"b","value":"2"}\n'
    assert _converted(run, "d.toy", "guessed.jsonl", tmp_path) == lines
    assert "read as toy, as its content suggests" in run("validate", "d.toy").stderr
    (tmp_path / "work" / "d").write_text("toys\na:1\nb:2\n")
    assert _converted(run, "d", "said.jsonl", tmp_path, "--from", "toy") == lines
    assert _converted(run, "said.jsonl", "again.toy", tmp_path) == "toys\na:1\nb:2\n"
    assert _converted(run, "said.jsonl", "again", tmp_path, "--to", "toy") == "toys\na:1\nb:2\n"
    (tmp_path / "work" / "m.yaml").write_text("version: 1\nfiles: [{path: d, format: toy}]\n")
    assert _converted(run, "m.yaml", "listed.jsonl", tmp_path) == lines


@pytest.mark.slow
def test_a_new_format_is_told_of(run):
    """Choices, schema, endings and advice have it."""
    assert "redis|toy]" in "".join(run("sync", "--help").stdout.split())
    told = "".join(run("export", "--help").stdout.split())
    assert "[dir|jsonl|manifest|cloudflare|csv|toy]" in told
    assert ".jsonl,.yaml,.csv,.toy,else" in told
    assert '"toy"' in run("schema").stdout
    flags = run("validate", "d.toy", "--delimiter", ";").stderr
    assert "--delimiter: for csv and tsv only, and this is toy" in flags
    flags = run("validate", "d.toy", "--format", "jsonl", "--separator", ";").stderr
    assert "--separator: for akamai and toy only, and this is jsonl" in flags


def test_the_registry_says_what_the_records_say():
    """Whoever is not loaded is still named right."""
    for name in {*FORMATS, *WRITTEN}:
        assert format_of(name).name == name
        assert (format_of(name).read is not None) == (name in FILES)
        assert (format_of(name).write is not None) == (name in WRITTEN)
    assert [each.name for each in all_formats()] == list(FORMATS)
    assert set(FORMATS) - set(FILES) == {"redis"}
    assert MANIFEST not in FORMATS


def test_no_two_formats_are_named_alike():
    """What only one can be told by, no other has."""
    names = [each.name for each in all_formats() if each.named or each.certain]
    assert names == ["jsonl", "dotenv", "redis"]
    assert all(each.sniff or not each.anywhere for each in all_formats())
    for ending in {ending for name in (*FILES, *WRITTEN) for ending in endings_of(name)}:
        assert ending == ending.lower()
        assert ending[0] == "."
