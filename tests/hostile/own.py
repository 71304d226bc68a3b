"""Files of kvsync's own that somebody else has written: states, failure files and indexes."""

import json
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

from kvsync.state.sqlite.schema import APPLICATION_ID
from tests.hostile.cases import Case
from tests.hostile.laying import Part, Times, laid, lay

_MIB = 1 << 20
_ENDPOINT = "https://teo.intl.tencentcloudapi.com"


def _state(write: Callable[[Path], object]) -> Callable[[], object]:
    def made() -> None:
        Path("t/.kvsync").mkdir(parents=True)
        Path("t/f").write_text("v")
        write(Path("t/.kvsync/state.db"))

    return made


def _schema(script: str) -> Callable[[], object]:
    def write(path: Path) -> None:
        with sqlite3.connect(path) as database:
            database.executescript(script)
            database.execute(f"PRAGMA application_id={APPLICATION_ID}")
            database.execute("PRAGMA user_version=1")
        database.close()

    return _state(write)


_ENDLESS_VIEW = """
CREATE VIEW target AS WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n)
    SELECT id, 'e' AS endpoint, 'z' AS zone, 'n' AS namespace, 0 AS clock_offset FROM n;
CREATE VIEW entry AS SELECT * FROM target;
CREATE VIEW run AS SELECT * FROM target;
"""
_WIDE = "CREATE TABLE a (b);" + "INSERT INTO a VALUES (zeroblob(900000));" * 200


def _noise(path: Path) -> None:
    with path.open("wb") as file:
        file.write(b"SQLite format 3\0")
        for _ in range(200):
            file.write(os.urandom(1024) * 1024)


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


def _failures(*parts: Part) -> Callable[[], object]:
    return laid("f.jsonl", *parts)


def _header(**fields: object) -> bytes:
    head = {"format": "kvsync-failures", "version": 1, "owner": "o", "home": ""}
    place = {"zone": "zone-1", "namespace": "ns", "endpoint": _ENDPOINT}
    return json.dumps({**head, **place, **fields}).encode() + b"\n"


_INDEX = b'{"format":"kvsync-index","version":1,"endpoint":"e","zone":"z","namespace":"n"}\n'


def _index(*parts: Part) -> Callable[[], object]:
    def made() -> None:
        os.mkdir("t")
        Path("t/a").write_text("v")
        lay("t/.kvsync-index", _INDEX, *parts, b'{"complete":true}\n')

    return made


def _index_keys() -> None:
    os.mkdir("t")
    with open("t/.kvsync-index", "wb") as file:
        file.write(_INDEX)
        file.writelines(
            b'{"key":"a%d","file":"a%d"}\n' % (number, number) for number in range(300_000)
        )
        file.write(b'{"complete":true}\n')


def _index_pipe() -> None:
    os.mkdir("t")
    os.mkfifo("t/.kvsync-index")


_PLAN = ("plan", "t")
_RETRY = ("plan", "f.jsonl")
OWN = {
    "state, 200 MiB of noise": Case(_state(_noise), _PLAN, 4),
    "state, 1 TiB of nothing": Case(_state(_sparse), _PLAN, 4),
    "state, a FIFO": Case(_state(os.mkfifo), _PLAN, 4, "no regular file"),
    "state, a link to a device": Case(_state(lambda path: path.symlink_to("/dev/zero")), _PLAN, 4),
    "state, views without end": Case(_schema(_ENDLESS_VIEW), _PLAN, 4),
    "state, views without end, listed": Case(
        _schema(_ENDLESS_VIEW), ("state", "list", "t"), 4, target=False
    ),
    "state, other tables": Case(_schema(_WIDE), _PLAN, 4),
    "failures, a header of 100 MB": Case(
        _failures(b'{"format":"kvsync-failures","owner":"', Times(b"x", 100 * _MIB)), _RETRY, 2
    ),
    "failures, depth": Case(_failures(_header(), Times(b"[", 10_000_000)), _RETRY, 2),
    "failures, a line of 100 MB": Case(
        _failures(_header(), b'{"key":"k","action":"delete","value":"', Times(b"x", 100 * _MIB)),
        _RETRY,
        2,
    ),
    "failures, a line of 100 MB, guessed": Case(
        _failures(
            _header(),
            b'{"key":"k","value":"v"}\n',
            b'{"key":"k2","action":"',
            Times(b"x", 100 * _MIB),
            b'"}\n',
        ),
        _RETRY,
        2,
    ),
    "failures, a home in a device": Case(
        _failures(_header(home="/dev", state="/dev/zero"), b'{"key":"k","value":"v"}\n'), _RETRY, 2
    ),
    "failures, names that a terminal obeys": Case(
        _failures(_header(owner="\x1b[2J", home="/\x1b[2J"), b'{"key":"k","value":"v"}\n'),
        _RETRY,
        0,
    ),
    "index, a line of 100 MB": Case(_index(b'{"key":"', Times(b"x", 100 * _MIB)), _PLAN, 2),
    "index, a way out": Case(
        _index(b'{"key":"a","file":"../../../etc/passwd"}\n'), _PLAN, 2, "not a line that"
    ),
    "index, one key a million times": Case(
        _index(Times(b'{"key":"a","file":"a"}\n', 1_000_000)), _PLAN, 0
    ),
    "index, 300,000 keys": Case(_index_keys, _PLAN, 2, "the index names it"),
    "index, depth": Case(_index(b'{"key":', b"[" * 60_000, b"\n"), _PLAN, 2),
    "index, a FIFO": Case(_index_pipe, _PLAN, 2),
}
