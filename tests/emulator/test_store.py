"""The data file: private, alone, and still there after a kill."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsync.emulator.store import Store, stored_uuid
from kvsync.model.errors import StateError
from tests.emulator.raw import ZONE, call
from tests.servers import ServedEmulator


@pytest.mark.slow
def test_reading_the_uuid_loads_no_server() -> None:
    """A run that has nothing to send asks for the UUID, and must not pay for aiohttp."""
    script = (
        "import sys, kvsync.emulator.options, kvsync.emulator.store; "
        "sys.exit(any(name in sys.modules for name in ('aiohttp', 'asyncio', 'msgspec')))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.fixture
def data(tmp_path: Path) -> str:
    """A data file yet to be made."""
    return str(tmp_path / "emulator.db")


@contextmanager
def _opened(path: str) -> Iterator[Store]:
    with closing(Store(path)) as store:
        store.create_namespace("zone", "ns", "", 0)
        yield store


def _written(store: Store, key: bytes) -> bytes:
    namespace = store.namespace("zone", "ns")
    assert namespace is not None
    ((value, _),) = store.get(namespace, [key])
    return value


def _write(store: Store, key: bytes, value: bytes) -> None:
    namespace = store.namespace("zone", "ns")
    assert namespace is not None
    assert store.put(namespace, key, value, 0)


def test_pairs_and_uuid_outlive_the_emulator(
    serve_emulator: Callable[..., ServedEmulator], data: str
) -> None:
    """A second emulator over the same file has the pairs, the namespaces and the UUID."""
    with _opened(data) as store:
        store.create_namespace(ZONE, "kept", "", 0)
        uuid = store.uuid
    server = serve_emulator(data=data)
    assert server.uuid == uuid == stored_uuid(data)
    call(server, "EdgeKVPut", Namespace="kept", Key="k", Value="v")
    assert server.pairs(ZONE, "kept") == {"k": ("v", 0)}


def test_memory_starts_anew() -> None:
    """Without a file, each emulator is another one."""
    with _opened("") as first, _opened("") as second:
        assert first.uuid != second.uuid


def test_the_file_is_private_and_alone(data: str) -> None:
    """Mode 0600 whatever the umask, journal included while it runs; one file once closed."""
    before = os.umask(0)
    try:
        with _opened(data) as store:
            _write(store, b"k", b"v")
            files = list(Path(data).parent.iterdir())
            assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    finally:
        os.umask(before)
    assert [file.name for file in Path(data).parent.iterdir()] == ["emulator.db"]


@pytest.mark.slow
def test_what_was_acknowledged_outlives_a_kill(data: str) -> None:
    """A process killed right after a put has written it."""
    script = f"""
import os, signal
from kvsync.emulator.store import Store
store = Store({data!r})
store.create_namespace("zone", "ns", "", 0)
for index in range(100):
    store.put(store.namespace("zone", "ns"), b"k", str(index).encode(), 0)
os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = subprocess.run([sys.executable, "-c", script], check=False)
    assert killed.returncode == -signal.SIGKILL
    with _opened(data) as store:
        assert _written(store, b"k") == b"99"


def test_a_second_emulator_on_the_file_is_refused(data: str) -> None:
    """The file is held alone, and the message says what to do."""
    with _opened(data), pytest.raises(StateError, match="another emulator uses it, stop that"):
        Store(data)


def test_the_uuid_can_be_read_beside_a_running_emulator(data: str) -> None:
    """Reading it takes no lock, not even while the file is held and written."""
    with _opened(data) as store:
        _write(store, b"k", b"v")
        assert stored_uuid(data) == store.uuid


@pytest.mark.parametrize("content", [None, b"", b"no database\n" * 100])
def test_without_an_emulators_file_there_is_no_uuid(tmp_path: Path, content: bytes | None) -> None:
    """A file that is missing, empty or something else has none; nothing is created."""
    path = tmp_path / "other ?#%.db"
    if content is not None:
        path.write_bytes(content)
    assert stored_uuid(str(path)) == ""
    assert [one.name for one in tmp_path.iterdir()] == ([path.name] if content is not None else [])


def _sqlite(path: str, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_a_database_of_another_program_is_left_untouched(data: str) -> None:
    """Neither read as ours nor changed."""
    _sqlite(data, "CREATE TABLE emulator (uuid TEXT)", "INSERT INTO emulator VALUES ('mine')")
    before = Path(data).read_bytes()
    with pytest.raises(StateError, match="not an emulator's data file; name another"):
        Store(data)
    assert stored_uuid(data) == ""
    assert Path(data).read_bytes() == before


def test_a_file_that_is_no_database_is_left_untouched(data: str) -> None:
    """A text file given by mistake is refused, by its name."""
    Path(data).write_text("precious\n" * 1000)
    with pytest.raises(StateError, match=r"emulator\.db: cannot be used as the emulator's data"):
        Store(data)
    assert Path(data).read_text() == "precious\n" * 1000


def test_a_newer_file_is_refused(data: str) -> None:
    """A file of a later version says to update."""
    with _opened(data):
        pass
    _sqlite(data, "PRAGMA user_version = 99")
    with pytest.raises(StateError, match="newer kvsync; update kvsync"):
        Store(data)


def test_a_file_that_cannot_be_created_is_named(tmp_path: Path) -> None:
    """A missing directory is said to be missing."""
    with pytest.raises(StateError, match="No such file or directory; name another data file"):
        Store(str(tmp_path / "missing" / "emulator.db"))


def test_a_full_disk_is_an_internal_error_and_no_crash(
    serve_emulator: Callable[..., ServedEmulator], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What SQLite cannot do is answered, so that a client may try again."""

    def full(*_: object) -> bool:
        raise sqlite3.OperationalError("database or disk is full")

    server = serve_emulator()
    monkeypatch.setattr(Store, "put", full)
    error = call(server, "EdgeKVPut", Key="k", Value="v")["Error"]
    assert error["Code"] == "InternalError"
    assert "disk is full" in error["Message"]


def test_a_delete_that_fails_halfway_deletes_nothing(data: str) -> None:
    """Keys are deleted together or not at all."""
    with _opened(data) as store:
        _write(store, b"k", b"v")
        namespace = store.namespace("zone", "ns")
        assert namespace is not None
        with pytest.raises(sqlite3.Error):
            store.delete(namespace, [b"k", object()])  # type: ignore[list-item]
        assert _written(store, b"k") == b"v"


KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=3)


@pytest.mark.slow
@given(
    keys=st.sets(KEYS, max_size=25),
    later=st.sets(KEYS, max_size=5),
    prefix=KEYS | st.just(""),
    limit=st.integers(1, 7),
)
def test_paging_misses_nothing_whatever_is_inserted_meanwhile(
    keys: set[str], later: set[str], prefix: str, limit: int
) -> None:
    """Pages are in order, name each key once, and hold all that was there from the start."""
    with _opened("") as store:
        for key in keys:
            _write(store, key.encode(), b"v")
        namespace = store.namespace("zone", "ns")
        assert namespace is not None
        listed: list[bytes] = []
        inserts = iter(sorted(later))
        while page := store.keys(namespace, prefix.encode(), listed[-1] if listed else b"", limit):
            listed += page
            for key in inserts:
                _write(store, key.encode(), b"v")
                break
    assert listed == sorted(set(listed))
    assert set(listed) >= {key.encode() for key in keys if key.startswith(prefix)}
    assert set(listed) <= {key.encode() for key in keys | later if key.startswith(prefix)}


@pytest.mark.slow
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(0, 5), st.sampled_from([0, 50, 100])),
        max_size=20,
    ),
    st.integers(0, 120),
)
def test_the_count_of_bytes_is_that_of_what_is_left(
    writes: list[tuple[str, int, int]], now: int
) -> None:
    """Whatever is written, deleted or runs out: ``used`` is the sum of the pairs that are there.

    A write of no bytes stands for a delete.
    """
    left: dict[str, tuple[int, int]] = {}
    with _opened("") as store:
        for key, size, expires in writes:
            namespace = store.namespace("zone", "ns")
            assert namespace is not None
            if size:
                store.put(namespace, key.encode(), b"v" * size, expires)
                left[key] = (size, expires)
            else:
                store.delete(namespace, [key.encode()])
                left.pop(key, None)
        store.sweep(now)
        remaining = {k: size for k, (size, end) in left.items() if not end or end > now}
        namespace = store.namespace("zone", "ns")
        assert namespace is not None
        assert namespace.used == sum(1 + size for size in remaining.values())
        assert [key for key, _, _ in store.pairs(namespace)] == sorted(map(str.encode, remaining))
