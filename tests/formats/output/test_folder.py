"""An exported directory: written, taken up again, refreshed."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given

from kvsync.formats.filenames import file_name
from kvsync.formats.folder_index import Origin
from kvsync.formats.output import open_output
from kvsync.model.errors import InputError, LockedError, OutputError, UsageError
from kvsync.model.values import Pair
from tests.formats.output.keeping import (
    HOSTILE,
    NAMESPACE,
    ORIGIN,
    PAIRS,
    contents,
    export,
    full_disk,
    mode,
    read_back,
    recorded,
    refuse,
    room,
    start,
)
from tests.nobody import as_nobody

INDEX = ".kvsync-index"
AGAIN = "once that is mended, run the same export again: it goes on from where this one stopped"


@pytest.mark.slow
@given(PAIRS)
def test_what_was_exported_is_read_back(pairs: list[Pair]) -> None:
    """The same keys, bytes and expiries, whatever they are made of."""
    with room() as folder:
        assert export(folder / "out", "dir", pairs) == (len(pairs), len(pairs), 0)
        assert read_back(folder / "out") == sorted(pairs)


def test_hostile_keys_and_values_are_read_back(tmp_path: Path) -> None:
    """Each value lies in the directory itself, in a file whose name does no harm."""
    export(tmp_path / "out", "dir", HOSTILE)
    assert read_back(tmp_path / "out") == sorted(HOSTILE)
    assert [path.name for path in tmp_path.rglob("*") if path.is_dir()] == ["out"]
    assert len(list((tmp_path / "out").iterdir())) == len(HOSTILE) + 1


def test_the_index_is_lines_of_json(tmp_path: Path) -> None:
    """A header, a line for each pair in the order of writing, and that it is complete."""
    export(tmp_path / "out", "dir", NAMESPACE[:2])
    assert (tmp_path / "out" / INDEX).read_text() == (
        '{"format":"kvsync-index","version":1,"endpoint":"https://edge.example","zone":"zone-1",'
        '"namespace":"ns","prefix":""}\n'
        '{"key":"a","file":"a"}\n'
        '{"key":"B/b","file":"_42_2fb","expires":2000000000}\n'
        '{"complete":true}\n'
    )


def test_nobody_else_may_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new directory is 0700 and each file 0600 from its first byte, whatever the umask."""
    seen: set[int] = set()
    write = os.write

    def watched(descriptor: int, data: bytes) -> int:
        found = os.fstat(descriptor)
        if stat.S_ISREG(found.st_mode):
            seen.add(stat.S_IMODE(found.st_mode))
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", watched)
    umask = os.umask(0)
    try:
        export(tmp_path / "deep" / "out", "dir", NAMESPACE)
    finally:
        os.umask(umask)
    assert seen == {0o600}
    assert mode(tmp_path / "deep" / "out") == 0o700
    assert {mode(path) for path in (tmp_path / "deep" / "out").iterdir()} == {0o600}


def test_an_empty_directory_is_taken_as_it_is(tmp_path: Path) -> None:
    """Who may look into it is for its owner to say."""
    (tmp_path / "out").mkdir(mode=0o750)
    export(tmp_path / "out", "dir", NAMESPACE)
    assert read_back(tmp_path / "out") == sorted(NAMESPACE)
    assert mode(tmp_path / "out") == 0o750


def test_another_directory_is_refused(tmp_path: Path) -> None:
    """A directory with something in it, or a file, is left untouched."""
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(UsageError) as caught:
        export(tmp_path, "dir", NAMESPACE, refresh=True)
    assert str(caught.value) == (
        f"{tmp_path} is not empty, and not an exported directory: name another place with -o"
    )
    with pytest.raises(UsageError) as caught:
        export(tmp_path / "mine", "dir", NAMESPACE)
    assert str(caught.value) == (
        f"{tmp_path}/mine is no directory: name another place with -o, "
        "or write a file with --format jsonl"
    )
    assert contents(tmp_path) == {"mine": b"precious"}


@pytest.mark.parametrize("field", ["endpoint", "zone", "namespace", "prefix"])
def test_an_export_of_something_else_is_refused(tmp_path: Path, field: str) -> None:
    """The message names both, and nothing is changed."""
    start(tmp_path, "dir", NAMESPACE)
    before = contents(tmp_path)
    other = ORIGIN._replace(**{field: "other"})
    with pytest.raises(UsageError) as caught, open_output(str(tmp_path), "dir", other):
        pass
    assert str(caught.value) == (
        f"{tmp_path} holds all keys of ns in zone-1 at https://edge.example, not {other}: "
        "name another place with -o"
    )
    assert contents(tmp_path) == before


def test_an_origin_says_what_was_exported() -> None:
    """For a message: which keys, of which namespace."""
    assert str(Origin("https://e", "z", "n", "p-")) == "keys p-… of n in z at https://e"


def test_a_finished_export_fetches_what_is_new(tmp_path: Path) -> None:
    """What is there is not fetched again, nor is anything dropped."""
    export(tmp_path / "out", "dir", NAMESPACE)
    assert export(tmp_path / "out", "dir", NAMESPACE) == (0, 0, 0)
    more = Pair("new", b"4")
    assert export(tmp_path / "out", "dir", [more]) == (1, 1, 0)
    assert read_back(tmp_path / "out") == sorted([*NAMESPACE, more])


def test_an_export_taken_up_again_is_unfinished_until_it_ends(tmp_path: Path) -> None:
    """As soon as something new is written, and no sooner."""
    export(tmp_path / "out", "dir", NAMESPACE)
    start(tmp_path / "out", "dir", NAMESPACE)
    assert read_back(tmp_path / "out") == sorted(NAMESPACE)
    start(tmp_path / "out", "dir", [Pair("new", b"4")])
    with pytest.raises(InputError, match=r"\.kvsync-index: the export did not finish"):
        read_back(tmp_path / "out")


@pytest.mark.slow
@pytest.mark.parametrize("refresh", [False, True])
def test_an_index_cut_anywhere_loses_no_pair(tmp_path: Path, refresh: bool) -> None:
    """Neither the cut index nor the old files make a wrong pair of the new run's."""
    out = tmp_path / "out"
    old = NAMESPACE[:2]
    export(out, "dir", old)
    index = (out / INDEX).read_bytes()
    now = [pair._replace(value=b"now", expires=7) for pair in old]
    for end in range(len(index)):
        (out / INDEX).write_bytes(index[:end])
        with pytest.raises(InputError):
            read_back(out)
        export(out, "dir", now, refresh=refresh)
        found = read_back(out)
        assert [pair.key for pair in found] == sorted(pair.key for pair in old)
        assert set(found) <= {*old, *now}
        assert not refresh or found == sorted(now)
        export(out, "dir", old, refresh=True)
        assert (out / INDEX).read_bytes() == index


@pytest.mark.slow
@pytest.mark.parametrize("call", ["rename", "unlink", "write"])
@pytest.mark.parametrize("refresh", [False, True])
def test_a_run_that_dies_anywhere_leaves_no_wrong_pair(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, refresh: bool
) -> None:
    """What is there after each step is an old pair or a new one, and the next run heals it."""
    system = getattr(os, call)
    now = [Pair("a", b"2", 9), Pair("B/b", b"new", 2000000000), Pair("d", b"4")]
    for steps in range(12):
        out = tmp_path / f"{steps}"
        export(out, "dir", NAMESPACE)
        calls = iter(range(steps))

        def dying(*args: object, calls: Iterator[int] = calls, **options: object) -> object:
            if next(calls, None) is None:
                raise KeyboardInterrupt
            return system(*args, **options)

        monkeypatch.setattr(os, call, dying)
        died = False
        try:
            export(out, "dir", now, refresh=refresh)
        except KeyboardInterrupt:
            died = True
        monkeypatch.setattr(os, call, system)
        export(out, "dir", now)
        found = read_back(out)
        assert set(found) <= {*NAMESPACE, *now}
        assert {pair.key for pair in found} >= {pair.key for pair in now}
        export(out, "dir", now, refresh=True)
        assert read_back(out) == sorted(now)
    assert not died


def test_a_refresh_that_dies_while_it_drops_has_not_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if all else was as it should be, the old index must not call the files missing."""
    export(tmp_path, "dir", NAMESPACE)
    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", refuse)
        with pytest.raises(OutputError):
            export(tmp_path, "dir", NAMESPACE[:1], refresh=True)
    with pytest.raises(InputError, match="the export did not finish"):
        read_back(tmp_path)
    export(tmp_path, "dir", NAMESPACE[:1])
    assert read_back(tmp_path) == NAMESPACE[:1]


def test_an_index_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut leaves the old one, or the whole of the new one."""
    with open_output(str(tmp_path), "dir", ORIGIN) as place:
        calls = recorded(monkeypatch, "fsync", "rename")
        place.finish()
    assert calls == ["fsync", "rename"]


def test_a_file_that_is_gone_is_fetched_again(tmp_path: Path) -> None:
    """So is one that a power cut left empty; one of a key that is gone too is forgotten."""
    out = tmp_path / "out"
    export(out, "dir", [*NAMESPACE, Pair("gone", b"x"), Pair("empty", b"x")])
    (out / "a").unlink()
    (out / "_42_2fb").write_bytes(b"")
    (out / "gone").unlink()
    (out / "empty").write_bytes(b"")
    assert export(out, "dir", NAMESPACE) == (2, 2, 0)
    assert read_back(out) == sorted(NAMESPACE)


def test_a_refresh_rewrites_what_has_changed(tmp_path: Path) -> None:
    """Values and expiries that differ are written, the others left, and what is gone is dropped."""
    out = tmp_path / "out"
    export(out, "dir", [*NAMESPACE, Pair("gone", b"x"), Pair("gone-too", b"x")])
    before = (out / file_name("c" * 300)).stat()
    now = [Pair("a", b"2"), Pair("B/b", "\u00e9\n".encode(), 3), NAMESPACE[2], Pair("d", b"4")]
    assert export(out, "dir", now, refresh=True) == (4, 3, 2)
    assert read_back(out) == sorted(now)
    assert (out / file_name("c" * 300)).stat() == before
    assert (out / INDEX).read_bytes().count(b"\n") == 6


def test_a_pair_written_twice_is_the_later_one(tmp_path: Path) -> None:
    """In one call as well as in two."""
    with open_output(str(tmp_path / "out"), "dir", ORIGIN) as place:
        assert place.write([Pair("a", b"1"), Pair("a", b"2", 5)]) == 1
        assert place.write([Pair("a", b"2", 5)]) == 0
        assert place.write([Pair("a", b"2")]) == 1
        place.finish()
    assert read_back(tmp_path / "out") == [Pair("a", b"2")]


def test_what_a_killed_run_left_half_written_is_removed(tmp_path: Path) -> None:
    """Temporary files go; a directory that has nothing else counts as empty."""
    out = tmp_path / "out"
    out.mkdir()
    for name in (".kvsync-new.a", ".kvsync-new..kvsync-index"):
        (out / name).write_text("half")
    export(out, "dir", NAMESPACE)
    (out / ".kvsync-new.a").symlink_to("/etc/hostname")
    start(out, "dir", NAMESPACE)
    assert sorted(contents(out)) == sorted([INDEX, *(file_name(p.key) for p in NAMESPACE)])
    assert read_back(out) == sorted(NAMESPACE)


@pytest.mark.parametrize("refresh", [False, True])
def test_a_link_in_the_place_of_a_file_is_replaced(tmp_path: Path, refresh: bool) -> None:
    """Nothing is written, read or removed where it leads, even if the same value lies there."""
    out = tmp_path / "out"
    export(out, "dir", [*NAMESPACE, Pair("gone", b"x")])
    (tmp_path / "outside").write_bytes(b"1")
    for name in ("a", "gone"):
        (out / name).unlink()
        (out / name).symlink_to("../outside")
    for name in (".kvsync-new.a", ".kvsync-new.b", ".kvsync-new..kvsync-index"):
        (out / name).symlink_to("../outside")
    assert export(out, "dir", [*NAMESPACE, Pair("b", b"2")], refresh=refresh)[2] == refresh
    assert (tmp_path / "outside").read_bytes() == b"1"
    assert read_back(out) == sorted([*NAMESPACE, Pair("b", b"2")])
    assert not any(path.is_symlink() for path in out.iterdir())


def test_a_link_in_the_place_of_the_index_is_not_followed(tmp_path: Path) -> None:
    """Neither to an index nor to anything else."""
    export(tmp_path / "other", "dir", NAMESPACE)
    before = contents(tmp_path / "other")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / INDEX).symlink_to(f"../other/{INDEX}")
    with pytest.raises(OutputError) as caught:
        export(tmp_path / "out", "dir", [Pair("new", b"x")])
    assert str(caught.value).startswith(f"cannot write {tmp_path}/out: Too many levels of symbolic")
    assert contents(tmp_path / "other") == before


def test_an_index_that_others_may_write_is_closed_to_them(tmp_path: Path) -> None:
    """It says what is read next, so it is 0600 again as soon as it is taken up."""
    start(tmp_path / "out", "dir", NAMESPACE)
    (tmp_path / "out" / INDEX).chmod(0o666)
    start(tmp_path / "out", "dir", NAMESPACE)
    assert mode(tmp_path / "out" / INDEX) == 0o600


def test_an_index_that_is_no_file_is_refused(tmp_path: Path) -> None:
    """A FIFO does not stop the run."""
    os.mkfifo(tmp_path / INDEX)
    with pytest.raises(UsageError) as caught:
        export(tmp_path, "dir", NAMESPACE)
    assert str(caught.value) == (
        f"{tmp_path}/{INDEX} is not a file of yours: remove it, or name another place with -o"
    )


def test_two_exports_do_not_write_one_directory(tmp_path: Path) -> None:
    """The second is told so at once, and the first goes on."""
    with open_output(str(tmp_path), "dir", ORIGIN) as place:
        place.write(NAMESPACE)
        with pytest.raises(LockedError) as caught:
            start(tmp_path, "dir", NAMESPACE)
        place.finish()
    assert str(caught.value) == (
        f"another kvsync is writing {tmp_path}: wait for it, or name another place with -o"
    )
    assert read_back(tmp_path) == sorted(NAMESPACE)


@pytest.mark.slow
def test_a_full_disk_is_told_with_its_place(tmp_path: Path) -> None:
    """Wherever in a file it is found out, no half line stays, and the next run goes on."""
    told = set()
    for left in range(0, 600, 7):
        out = tmp_path / f"{left}"
        start(out, "dir", NAMESPACE[:1])
        with open_output(str(out), "dir", ORIGIN) as place:
            try:
                with full_disk(left):
                    place.write(NAMESPACE[1:])
            except OutputError as error:
                told.add(str(error).replace(str(out), "out"))
            place.write([Pair("other", b"x")])
        export(out, "dir", NAMESPACE)
        assert read_back(out) == sorted([*NAMESPACE, Pair("other", b"x")])
    assert told == {f"cannot write out: No space left on device; {AGAIN}"}


DENIED = """
import sys
from kvsync.formats.output import Origin, open_output
for out in sys.argv[2:]:
    try:
        with open_output(out, sys.argv[1], Origin("https://edge.example", "zone-1", "ns", "")):
            print("opened")
    except Exception as error:
        print(type(error).__name__, error)
"""


@pytest.mark.slow
def test_a_place_where_nobody_may_write_is_told(shared: Path) -> None:
    """A directory that cannot be made, entered or written to is named, with the reason."""
    (shared / "closed").mkdir(mode=0)
    (shared / "theirs").mkdir(mode=0o555)
    shared.chmod(0o555)
    told = as_nobody("-c", DENIED, "dir", "new", "closed", "theirs", cwd=shared).stdout
    assert told.splitlines() == [
        f"OutputError cannot write {out}: Permission denied; {AGAIN}"
        for out in ("new", "closed", "theirs")
    ]
