"""Whose keys are whose, by place and by name."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsync.model.files import MountPoints
from kvsync.model.owners import OwnerPlace, is_of_another, is_place, name_fault, place_of
from kvsync.state.sqlite import state_path


def _place(source: Path | str, state: str = "") -> OwnerPlace:
    location = os.path.abspath(source)
    home = location if os.path.isdir(location) else os.path.dirname(location)
    return place_of(location, home, state_path(home, state), state, MountPoints())


@pytest.fixture
def work(tmp_path, monkeypatch) -> Path:
    """A folder to stand in, reached by no link."""
    work = tmp_path.resolve() / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


def test_beside_the_source(work):
    """Without --state a folder is `.`, and a file has its own name."""
    (work / "site").mkdir()
    assert _place("site") == OwnerPlace(".", (".",))
    assert _place("site/m.yaml") == OwnerPlace("./m.yaml", ("m.yaml",))


def test_beside_the_state(work):
    """With --state the way begins where that lies."""
    (work / "a/site").mkdir(parents=True)
    (work / "b").mkdir()
    assert _place("a/site", "a/s.db") == OwnerPlace("./site", ("site",))
    assert _place("a/site", "b/s.db") == OwnerPlace("../a/site", ("../a/site",))
    assert _place("a/site", "a/site/s.db") == OwnerPlace(".", (".",))
    assert _place("a", "a/site/s.db") == OwnerPlace("../", ("..",))


def test_links_are_left_as_they_are(work):
    """What a link leads to may be another release tomorrow; an earlier version followed it."""
    (work / "app/releases/1").mkdir(parents=True)
    (work / "app/current").symlink_to("releases/1")
    assert _place("app/current", "app/s.db") == OwnerPlace("./current", ("releases/1", "current"))
    (work / "map/..1").mkdir(parents=True)
    (work / "map/..1/m.yaml").write_text("")
    (work / "map/..data").symlink_to("..1")
    (work / "map/m.yaml").symlink_to("..data/m.yaml")
    assert _place("map/m.yaml") == OwnerPlace("./m.yaml", ("..1/m.yaml", "m.yaml"))
    assert _place("map/m.yaml", "s.db").owner == "./map/m.yaml"


def test_a_checkout_may_lie_anywhere(work):
    """Also behind a link: what matters is how it is named."""
    (work / "real/site").mkdir(parents=True)
    (work / "link").symlink_to("real")
    assert _place("link/site", "link/s.db").owner == "./site"
    assert _place("link/site").owner == "."
    # Named in two ways, the state says where it really is.
    assert _place("real/site", "link/s.db").owner == "./site"


@pytest.mark.parametrize("link", ["folder", "file", "dangling", "hard link"])
def test_a_state_that_others_have_too(work, link):
    """Two folders that share one are told apart by where they are."""
    for site in ("one", "two"):
        (work / site / ".kvsync").mkdir(parents=True)
        (work / "shared").mkdir(exist_ok=True)
        state = work / site / ".kvsync/state.db"
        if link == "folder":
            state.parent.rmdir()
            state.parent.symlink_to("../shared")
        elif link == "hard link":
            (work / "shared/state.db").touch()
            state.hardlink_to(work / "shared/state.db")
        else:
            if link == "file":
                (work / "shared/state.db").touch()
            state.symlink_to("../../shared/state.db")
        assert _place(site) == OwnerPlace(f"{work}/{site}")
        assert _place(f"{site}/m.yaml") == OwnerPlace(f"{work}/{site}/m.yaml")


@pytest.mark.slow
def test_a_mounted_state(work):
    """So it is where something is mounted, be it a part of the same file system."""
    for name in ("one/.kvsync", "two", "shared"):
        (work / name).mkdir(parents=True)
    assert _place("one").owner == "."
    mount = ["mount", "--bind", "shared", "one/.kvsync"]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("nothing may be mounted here")
    try:
        assert _place("one") == OwnerPlace(f"{work}/one")
    finally:
        subprocess.run(["umount", "-l", "one/.kvsync"], check=True)


@pytest.fixture
def mounted(work, monkeypatch):
    """Lets the system say that something is mounted at these places, and at the root."""

    def listed(*places: str) -> None:
        points = ["/", *(str(work / place).replace(" ", "\\040") for place in places)]
        lines = [f"30 22 254:0 /x {point} rw - ext4 /dev/vda rw\n" for point in points]
        (work / "mountinfo").write_text("".join(lines))
        monkeypatch.setattr("kvsync.model.files._LIST", str(work / "mountinfo"))

    return listed


def test_a_mount_that_the_system_lists(work, mounted):
    """A bind mount shows in the list of mounts alone."""
    (work / "a b/.kvsync").mkdir(parents=True)
    mounted("a b/.kvsync")
    assert _place("a b") == OwnerPlace(f"{work}/a b")


@pytest.mark.parametrize(
    ("point", "source", "state"),
    [
        ("a/st", "a/site", "a/st/s.db"), ("a/st", "a/site", "a/st/deep/s.db"),
        ("a/st/s.db", "a/st/m.yaml", "a/st/s.db"), ("a/site", "a/site", "a/s.db"),
        ("a", "a/site", "s.db"), ("a", "a/site", "b/s.db"), ("b", "a/site", "b/s.db"),
        ("a/m.yaml", "a/m.yaml", ""), ("a/m.yaml", "a/m.yaml", "a/s.db"),
        ("a/site", "a/site/m.yaml", "a/.kvsync/state.db"), ("a/.kvsync", "a", "a/.kvsync/state.db"),
        ("a/.kvsync/state.db", "a/m.yaml", ""), ("a/site/deep/er", "a/site", ""),
        ("a/site/deep", "a/site", "a/s.db"),
    ],
)  # fmt: skip
def test_a_mount_between(work, mounted, point, source, state):
    """What has the state without the source, or a part of that, may be seen beside another."""
    (work / "a/site/deep/er").mkdir(parents=True)
    mounted(point)
    assert _place(source, state) == OwnerPlace(f"{work}/{source}")


@pytest.mark.parametrize(
    ("points", "source", "state", "owner"),
    [
        (["data"], "data/site", "data/s.db", "./site"), (["data"], "data/m.yaml", "", "./m.yaml"),
        (["data"], "data", "data/s.db", "."), (["."], "data/site", "data/st/s.db", "../site"),
        (["data", "."], "data/site/m.yaml", "data/s.db", "./site/m.yaml"),
        (["data"], "data", "", "."), (["data/site"], "data/site", "", "."),
        (["database", "dat"], "data/site", "data/s.db", "./site"),
        (["data/other", "data/site2"], "data/site", "data/s.db", "./site"),
        (["data/m.yaml"], "data/n.yaml", "", "./n.yaml"),
    ],
)  # fmt: skip
def test_a_mount_that_has_both(work, mounted, points, source, state, owner):
    """A checkout in a volume may be mounted anywhere; what is mounted beside it is no matter."""
    (work / "data/site").mkdir(parents=True)
    mounted(*points)
    assert _place(source, state).owner == owner


@pytest.mark.parametrize(
    ("link", "parted"),
    [("..data/site", False), ("../out", True), ("hop", True), ("{}/out", False), ("loop", False)],
)
def test_a_link_that_leaves_the_mount(work, mounted, link, parted):
    """Where else that is mounted, a link that climbs out of it leads elsewhere."""
    (work / "data/..data/site").mkdir(parents=True)
    (work / "out").mkdir()
    (work / "data/hop").symlink_to("..data/../../out")
    (work / "data/loop").symlink_to("loop")
    (work / "data/site").symlink_to(link.format(work))
    mounted("data")
    owner = f"{work}/data/site" if parted else "./site"
    assert _place("data/site", "data/s.db").owner == owner


def test_where_the_system_lists_nothing(work, monkeypatch):
    """Another file system shows, too."""
    monkeypatch.setattr("kvsync.model.files._LIST", str(work / "none"))
    (work / "a/site").mkdir(parents=True)
    assert _place("a/site", "a/s.db").owner == "./site"
    monkeypatch.setattr("os.path.ismount", lambda path: path == f"{work}/a")
    assert _place("a/site", "a/s.db").owner == "./site"
    assert _place("a/site", "s.db").owner == f"{work}/a/site"


@pytest.mark.parametrize("link", ["folder", "file"])
def test_a_state_behind_a_link(work, link):
    """Where --state names one state by two links, two folders beside these are two owners."""
    (work / "shared").mkdir()
    (work / "shared/s.db").touch()
    owners = set()
    for site in ("one", "two"):
        (work / site).mkdir()
        if link == "folder":
            (work / site / "st").symlink_to("../shared")
        else:
            (work / site / "st").mkdir()
            (work / site / "st/s.db").symlink_to("../../shared/s.db")
        owners.add(_place(site, f"{site}/st/s.db").owner)
    assert owners == {"../one", "../two"}


def test_names_that_look_alike(work):
    """Owners are bytes: how they are shown is no matter, and neither is the locale."""
    names = [
        b"a\nb.yaml",
        b"a\\x0ab.yaml",
        b"a\xe9.yaml",
        b"a\\xe9.yaml",
        b"a\\xe9.yaml\\",
        b"\xc3\xa9",
    ]
    owners = {_place(os.fsdecode(name)).owner for name in names}
    assert len(owners) == len(names)
    assert "./é" in owners
    # Two sources were one to earlier versions: neither is given what may be the other's.
    assert [_place(os.fsdecode(name)).former for name in names] == [()] * 5 + [("é",)]


@pytest.mark.slow
@given(st.binary(min_size=1), st.binary(min_size=1))
def test_two_names_are_two_owners(one: bytes, other: bytes):
    """Whatever their bytes are."""
    paths = {os.path.normpath(b"/" + name.replace(b"\0", b"")) for name in (one, other)}
    nowhere = MountPoints()
    owners = {
        place_of(os.fsdecode(path), "/", "/.kvsync/state.db", "", nowhere).owner for path in paths
    }
    assert len({path.lstrip(b"/") for path in paths}) == len(owners)
    assert all(is_place(owner) and owner.encode() for owner in owners)


@pytest.mark.parametrize(
    "name", [".", "..", "./m.yaml", "../x", "/etc/x", "copy:zone/ns", "redis://host/0", "\udcff"]
)
def test_names_that_may_not_be_given(name):
    """Nobody can be called as one who has no name, or by what cannot be kept."""
    assert name_fault(name)


@pytest.mark.parametrize("name", ["m.yaml", "..data", ".hidden", "a/b", "copy", "über", "a\nb", ""])
def test_names_that_may_be_given(name):
    """All others are as good as they ever were."""
    assert not name_fault(name)


@pytest.mark.parametrize(
    ("origin", "another"),
    [
        ("m.yaml:3", False), ("../x/m.yaml:3", False), ("prod.yaml:3", True), ("x/n.yml:12", True),
        ("d.jsonl:3", False), ("site/a.yaml", False), ("", False),
    ],
)  # fmt: skip
def test_what_the_origin_of_a_key_tells(tmp_path, origin, another):
    """A line of a manifest with another name was never this one's."""
    assert is_of_another(origin, str(tmp_path / "m.yaml")) is another
