"""An export in one file: written, taken up again, refreshed."""

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsync.formats.output import open_output
from kvsync.model.errors import LockedError, OutputError, UsageError
from kvsync.model.values import Pair
from kvsync.sources import open_source
from tests.formats.output.keeping import (
    HOSTILE,
    NAMESPACE,
    ORIGIN,
    PAIRS,
    array,
    contents,
    export,
    full_disk,
    json_lines,
    mode,
    read_back,
    recorded,
    room,
    start,
    table,
)
from tests.nobody import as_nobody

AGAIN = "once that is mended, run the same export again: it goes on from where this one stopped"
ELSEWHERE = "remove it, or name another place with -o"
NAMES = {
    "jsonl": "out.jsonl",
    "manifest": "out.yaml",
    "cloudflare": "out.json",
    "csv": "out.csv",
}
READERS = {".jsonl": json_lines, ".yaml": read_back, ".json": array, ".csv": table}
KINDS = pytest.mark.parametrize("kind", NAMES)


def pairs_of(out: Path) -> list[Pair]:
    """The pairs of a file of any format."""
    return READERS[out.suffix](out)


@pytest.mark.slow
@given(PAIRS, st.sampled_from(sorted(NAMES)))
def test_what_was_exported_is_read_back(pairs: list[Pair], kind: str) -> None:
    """The same keys, bytes and expiries, whatever they are made of; also by the next run."""
    with room() as folder:
        out = folder / NAMES[kind]
        assert export(out, kind, pairs) == (len(pairs), len(pairs), 0)
        assert pairs_of(out) == sorted(pairs)
        assert export(out, kind, pairs) == (0, 0, 0)
        assert export(out, kind, pairs, refresh=True) == (len(pairs), 0, 0)


@pytest.mark.slow
@KINDS
def test_hostile_keys_and_values_are_read_back(tmp_path: Path, kind: str) -> None:
    """None of them is taken for a piece of the format."""
    out = tmp_path / NAMES[kind]
    export(out, kind, HOSTILE)
    assert pairs_of(out) == sorted(HOSTILE)
    assert export(out, kind, HOSTILE) == (0, 0, 0)


def test_json_lines_look_as_documented(tmp_path: Path) -> None:
    """An object a line; what never expires does not say so."""
    export(tmp_path / "out", "jsonl", NAMESPACE[:2])
    assert (tmp_path / "out").read_text() == (
        '{"key":"a","value":"1"}\n{"key":"B/b","value":"é\\n","expiration":2000000000}\n'
    )


def test_a_manifest_looks_as_documented(tmp_path: Path) -> None:
    """A line for each key; a long one has its value in the next."""
    export(tmp_path / "out", "manifest", NAMESPACE)
    assert (tmp_path / "out").read_text() == (
        'version: 1\nzone: "zone-1"\nnamespace: "ns"\ncharset: utf-8\nkeys:\n'
        '  "a": "1"\n'
        '  "B/b": {value: "é\\n", expires: 2000000000}\n'
        f'  ? "{"c" * 300}"\n  : "3"\n'
    )


def test_an_array_looks_as_documented(tmp_path: Path) -> None:
    """An object a line, the comma in front; it is an array also when there is nothing in it."""
    export(tmp_path / "out", "cloudflare", NAMESPACE[:2])
    assert (tmp_path / "out").read_text() == (
        '[\n{"key":"a","value":"1"}\n,{"key":"B/b","value":"é\\n","expiration":2000000000}\n]\n'
    )
    export(tmp_path / "none", "cloudflare", [])
    assert (tmp_path / "none").read_text() == "[\n]\n"
    assert export(tmp_path / "none", "cloudflare", NAMESPACE[:1]) == (1, 1, 0)
    assert array(tmp_path / "none") == NAMESPACE[:1]


def test_csv_looks_as_documented(tmp_path: Path) -> None:
    """A header, and a record a pair, in quotes only what needs them."""
    export(tmp_path / "out", "csv", [*NAMESPACE[:2], Pair('"', b" a,b\r")])
    assert (tmp_path / "out").read_bytes().decode() == (
        'key,value,expiration,expiration_ttl\na,1,,\nB/b,"é\n",2000000000,\n""""," a,b\r",,\n'
    )


def test_variables_in_a_manifest_are_not_expanded(tmp_path: Path) -> None:
    """A dollar sign in zone or namespace stands for itself."""
    origin = ORIGIN._replace(zone="${HOME}", namespace="a$$b: c")
    out = tmp_path / "out.yaml"
    with open_output(str(out), "manifest", origin) as place:
        place.write(NAMESPACE)
        place.finish()
    found = open_source(str(out), environ={}).destination
    assert (found.zone, found.namespace) == ("${HOME}", "a$$b: c")


def test_a_manifest_is_not_larger_than_kvsync_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What would go above the limit is refused, and the rest kept."""
    monkeypatch.setattr("kvsync.formats.manifest.Manifest.max_size", 2**20)
    out = tmp_path / "out.yaml"
    with open_output(str(out), "manifest", ORIGIN) as place:
        place.write(NAMESPACE)
        with pytest.raises(UsageError) as caught:
            place.write([Pair("large", b"x" * 2**20)])
        place.finish()
    assert str(caught.value) == (
        "more than a manifest may have (1.0 MiB): export with --format jsonl or --format dir, "
        "or less with --prefix"
    )
    assert pairs_of(out) == sorted(NAMESPACE)


@KINDS
def test_nobody_else_may_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """The file is 0600 from its first byte, whatever the umask, and whatever was there."""
    seen: set[int] = set()
    write = os.write

    def watched(descriptor: int, data: bytes) -> int:
        seen.add(stat.S_IMODE(os.fstat(descriptor).st_mode))
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", watched)
    out = tmp_path / NAMES[kind]
    umask = os.umask(0)
    try:
        export(out, kind, NAMESPACE)
        out.chmod(0o666)
        (tmp_path / f"{out.name}.part").write_bytes(b"")
        (tmp_path / f"{out.name}.part").chmod(0o666)
        export(out, kind, [*NAMESPACE, Pair("new", b"x")])
    finally:
        os.umask(umask)
    assert seen == {0o600}
    assert mode(out) == 0o600


@KINDS
def test_the_file_is_whole_whenever_it_exists(tmp_path: Path, kind: str) -> None:
    """Until the export ends, it grows beside it."""
    out = tmp_path / NAMES[kind]
    start(out, kind, NAMESPACE[:1])
    assert list(contents(tmp_path)) == [f"{out.name}.part"]
    assert export(out, kind, NAMESPACE) == (2, 2, 0)
    before = contents(tmp_path)
    assert list(before) == [out.name]
    start(out, kind, [Pair("new", b"x")])
    assert contents(tmp_path)[out.name] == before[out.name]
    assert export(out, kind, [Pair("newer", b"y")]) == (1, 1, 0)
    assert pairs_of(out) == sorted([*NAMESPACE, Pair("new", b"x"), Pair("newer", b"y")])


@pytest.mark.slow
@KINDS
def test_a_part_cut_anywhere_loses_no_pair(tmp_path: Path, kind: str) -> None:
    """What is not whole is cut off and fetched again; so is what only a finished file ends with."""
    out = tmp_path / NAMES[kind]
    part = tmp_path / f"{out.name}.part"
    pairs = [*NAMESPACE, Pair("quotes,\n", b'a\r"\n"",\n')]
    export(out, kind, pairs)
    written = out.read_bytes()
    for end in range(len(written) + 1):
        part.write_bytes(written[:end])
        out.unlink()
        export(out, kind, pairs)
        assert out.read_bytes() == written


@KINDS
def test_a_refresh_starts_anew(tmp_path: Path, kind: str) -> None:
    """It counts what is new, changed and gone against the file that was there."""
    out = tmp_path / NAMES[kind]
    export(out, kind, [*NAMESPACE, Pair("gone", b"x")])
    now = [Pair("a", b"2"), NAMESPACE[1]._replace(expires=5), NAMESPACE[2], Pair("new", b"y")]
    start(out, kind, now[:2], refresh=True)
    assert export(out, kind, now, refresh=True) == (4, 3, 1)
    assert pairs_of(out) == sorted(now)


@KINDS
def test_a_refresh_keeps_nothing_of_a_longer_part(tmp_path: Path, kind: str) -> None:
    """Neither pairs that an earlier run wrote nor pieces of them."""
    out = tmp_path / NAMES[kind]
    start(out, kind, NAMESPACE)
    assert export(out, kind, [Pair("z", b"x")], refresh=True) == (1, 1, 0)
    assert pairs_of(out) == [Pair("z", b"x")]


@KINDS
def test_a_file_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A power cut leaves the old one, or the whole of the new one."""
    calls = recorded(monkeypatch, "fsync", "rename")
    export(tmp_path / "out", kind, NAMESPACE)
    assert calls == ["fsync", "rename"]


@KINDS
def test_a_refresh_that_was_killed_can_be_ended_without(tmp_path: Path, kind: str) -> None:
    """What it had written is taken up, and the old file is not."""
    out = tmp_path / NAMES[kind]
    export(out, kind, NAMESPACE)
    now = [Pair("a", b"2"), Pair("d", b"4")]
    start(out, kind, now[:1], refresh=True)
    assert export(out, kind, now) == (1, 1, 0)
    assert pairs_of(out) == sorted(now)


@KINDS
def test_a_key_is_written_once(tmp_path: Path, kind: str) -> None:
    """What came first stays: a manifest with a key twice would be none."""
    with open_output(str(tmp_path / NAMES[kind]), kind, ORIGIN) as place:
        assert place.write([Pair("a", b"1")]) == 1
        assert place.write([Pair("a", b"2"), Pair("b", b"3")]) == 1
        place.finish()
    assert pairs_of(tmp_path / NAMES[kind]) == [Pair("a", b"1"), Pair("b", b"3")]


JSONL_FOREIGN = [
    b"precious\n",
    b"precious",
    b'{"key":"a"}\n',
    b'{"key":"a","value":""}\n',
    b'{"key":"","value":"b"}\n',
    b'{"key":"a","value":"b","more":1}\n',
    b'{"key":"a","value":"b"}\n{"key":"a","value":"c"}\n',
    b'{"key":"a","value":"\xff"}\n',
    b'{"key":"a","value":"b"}\n\n',
    b"[" * 10**5 + b"\n",
]
HEAD = b'version: 1\nzone: "zone-1"\nnamespace: "ns"\ncharset: utf-8\nkeys:\n'
MANIFEST_FOREIGN = [
    b"precious\n",
    HEAD.replace(b'"ns"', b'"other"'),
    *(
        HEAD + rest
        for rest in (
            b"  a: b\n",
            b'  "a": b\n',
            b'  "a": !!binary "b"\n',
            b'  "a": &x "b"\n',
            b'  "a": *x\n',
            b'  "a": ["b"]\n',
            b'  "a": {value: "b", until: 5}\n',
            b'  "a": {value: "b", expires: x}\n',
            b'  "a": {a: "b", c: "d", e: "f", g: "h"}\n',
            b'  "a": "b\n',
            b'  {"a": "b"}\n',
            b'trees: [{path: "."}]\n',
            b'  "a": ' + b"[" * 10**5 + b"\n",
            b'  "a": ' + b"{" * 10**5 + b"\n",
            b'  "a": "b"\n# precious',
        )
    ),
]


CLOUDFLARE_FOREIGN = [
    b"precious\n",
    b"[]\n",
    b"[precious\n",
    *(
        b"[\n" + rest
        for rest in (
            b"precious",
            b',{"key":"a","value":"b"}\n',
            b'{"key":"a","value":"b","metadata":{}}\n]\n',
            b'{"key":"a","value":"b","base64":true}\n]\n',
            b'{"key":"a","value":"b","expiration":1,"expiration_ttl":1}\n]\n',
            b'{"key":"a","value":"b"}\n{"key":"c","value":"d"}\n]\n',
            b'{"key":"a","value":"b"}\n,{"key":"a","value":"d"}\n]\n',
            b'{"key":"a","value":"b"},\n',
            b'{"key":"a","value":"b"}\n]\nprecious',
            b'{"key":"a","value":"b"}\n]\n\n',
            b'{"key":"a","value":"b"}\n# precious',
            b'{"key":"a","value":"b"}\n]precious',
        )
    ),
]
CSV_FOREIGN = [
    b"precious\n",
    b"key,value\na,b\n",
    *(
        b"key,value,expiration,expiration_ttl\n" + rest
        for rest in (
            b"\n",
            b"a,b\n",
            b"a,b,,,\n",
            b"a,,,\n",
            b",b,,\n",
            b"a,b,1,1\n",
            b"a,b,-1,\n",
            b"a,b,x,\n",
            b"a,b,\xd9\xa3,\n",
            b"a,b, 1,\n",
            b"a,b\r,,\n",
            b"a,b,,\r\n",
            b"a,\xff,,\n",
            b"a,b,,\na,c,,\n",
            b'a"b"c,d,,\n',
            b'"a" ,b,,\n',
            b'a,"' + (b"x" * 2**20 + b"\n") * 2**4,
        )
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize("refresh", [False, True])
@pytest.mark.parametrize("name", ["out", "out.part"])
@pytest.mark.parametrize(
    ("kind", "content"),
    [("jsonl", content) for content in JSONL_FOREIGN]
    + [("manifest", content) for content in MANIFEST_FOREIGN]
    + [("cloudflare", content) for content in CLOUDFLARE_FOREIGN]
    + [("csv", content) for content in CSV_FOREIGN],
    ids=lambda value: value[-20:] if isinstance(value, bytes) else value,
)
def test_a_file_with_something_else_is_left_untouched(
    tmp_path: Path, kind: str, content: bytes, name: str, refresh: bool
) -> None:
    """Whether it has the export's name or that of its growing part."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError) as caught:
        export(tmp_path / "out", kind, NAMESPACE, refresh=refresh)
    assert str(caught.value).startswith(f"{tmp_path}/{name} holds something else (its ")
    assert str(caught.value).endswith(f"): {ELSEWHERE}")
    assert contents(tmp_path) == {name: content}


@KINDS
def test_a_finished_file_that_was_cut_is_refused(tmp_path: Path, kind: str) -> None:
    """Whoever cut it may want to know."""
    out = tmp_path / "out"
    export(out, kind, NAMESPACE)
    out.write_bytes(out.read_bytes()[:-1])
    with pytest.raises(UsageError) as caught:
        export(out, kind, NAMESPACE)
    assert str(caught.value) == (
        f"{out} holds something else (its last line is not whole): {ELSEWHERE}"
    )


def test_an_array_without_its_end_is_refused(tmp_path: Path) -> None:
    """It is not what a run leaves under the name of a finished file."""
    out = tmp_path / "out"
    export(out, "cloudflare", NAMESPACE)
    out.write_bytes(out.read_bytes().removesuffix(b"]\n"))
    with pytest.raises(UsageError, match="its last line is not whole"):
        export(out, "cloudflare", NAMESPACE)


@KINDS
def test_keys_without_the_prefix_are_of_another_export(tmp_path: Path, kind: str) -> None:
    """They would otherwise end up in a file that has no place for them."""
    out = tmp_path / "out"
    export(out, kind, NAMESPACE)
    origin = ORIGIN._replace(prefix="a")
    with pytest.raises(UsageError) as caught, open_output(str(out), kind, origin):
        pass
    assert str(caught.value) == (
        f"{out} holds something else (its pair 2 is not one of this export): {ELSEWHERE}"
    )


@KINDS
def test_a_link_in_the_place_of_the_part_is_not_followed(tmp_path: Path, kind: str) -> None:
    """Nothing is written where it leads; the export's own name is replaced."""
    (tmp_path / "outside").write_bytes(b"")
    (tmp_path / "out.part").symlink_to("outside")
    with pytest.raises(OutputError, match="Too many levels of symbolic links"):
        export(tmp_path / "out", kind, NAMESPACE)
    (tmp_path / "out.part").unlink()
    (tmp_path / "out").symlink_to("outside")
    if kind == "jsonl":
        export(tmp_path / "out", kind, NAMESPACE)
        assert not (tmp_path / "out").is_symlink()
    assert (tmp_path / "outside").read_bytes() == b""


@pytest.mark.parametrize("name", ["out", "out.part"])
def test_what_is_no_regular_file_is_refused(tmp_path: Path, name: str) -> None:
    """A device or a FIFO is neither waited for nor replaced."""
    os.mkfifo(tmp_path / name)
    with pytest.raises(UsageError) as caught:
        export(tmp_path / "out", "jsonl", NAMESPACE)
    assert str(caught.value) in {
        f"{tmp_path}/out is no regular file: name another place with -o (- is stdout)",
        f"{tmp_path}/out.part is not a file of yours: {ELSEWHERE}",
    }
    assert stat.S_ISFIFO((tmp_path / name).stat().st_mode)


def test_two_exports_do_not_write_one_file(tmp_path: Path) -> None:
    """The second is told so at once, and the first goes on."""
    out = tmp_path / "out"
    with open_output(str(out), "jsonl", ORIGIN) as place:
        place.write(NAMESPACE)
        with pytest.raises(LockedError, match="another kvsync is writing"):
            start(out, "jsonl", NAMESPACE)
        place.finish()
    assert json_lines(out) == sorted(NAMESPACE)


@pytest.mark.slow
@KINDS
def test_a_full_disk_is_told_with_its_place(tmp_path: Path, kind: str) -> None:
    """Wherever in a pair it is found out, no half of it stays, and the next run goes on."""
    told = set()
    for left in range(0, 400, 7):
        out = tmp_path / f"{left}{NAMES[kind]}"
        with open_output(str(out), kind, ORIGIN) as place:
            place.write(NAMESPACE[:1])
            try:
                with full_disk(left):
                    place.write(NAMESPACE[1:])
            except OutputError as error:
                told.add(str(error).replace(str(out), "out"))
            place.write([Pair("other", b"x")])
        export(out, kind, NAMESPACE)
        assert pairs_of(out) == sorted([*NAMESPACE, Pair("other", b"x")])
    assert told == {f"cannot write out: No space left on device; {AGAIN}"}


DENIED = """
import sys
from kvsync.formats.output import Origin, open_output
for out in sys.argv[1:]:
    try:
        with open_output(out, "jsonl", Origin("https://edge.example", "zone-1", "ns", "")):
            print("opened")
    except Exception as error:
        print(type(error).__name__, error)
"""


@pytest.mark.slow
def test_a_place_where_nobody_may_write_is_told(shared: Path) -> None:
    """A file that cannot be made or read is named, with the reason."""
    (shared / "theirs").write_bytes(b"")
    (shared / "theirs").chmod(0)
    shared.chmod(0o555)
    told = as_nobody("-c", DENIED, "new", "theirs", "no/new", cwd=shared).stdout
    assert told.splitlines() == [
        f"OutputError cannot write new: Permission denied; {AGAIN}",
        f"OutputError cannot write theirs: Permission denied; {AGAIN}",
        f"OutputError cannot write no/new: No such file or directory; {AGAIN}",
    ]
