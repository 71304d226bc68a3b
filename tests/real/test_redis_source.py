"""A live Redis as a source: from the command line to what the service holds."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from tests.real.redisserver import serving_redis

pytestmark = pytest.mark.slow

Run = Callable[..., Any]
Meanwhile = Callable[[Callable[[], object]], None]
LATER = int(time.time()) + 86400


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, redis.Redis]]:
    """A server that this module's tests share."""
    with serving_redis("--databases", "2") as served:
        yield served


@pytest.fixture
def url(server: tuple[str, redis.Redis]) -> str:
    """The address of the server, which is empty."""
    server[1].flushall()
    return server[0]


@pytest.fixture
def store(server: tuple[str, redis.Redis], url: str) -> redis.Redis:
    """A client of the empty server."""
    return server[1]


def _puts(edge: Any) -> int:
    return edge.stats()["requests"].get("EdgeKVPut", 0)


def test_a_database_is_pushed(kvsync: Run, edge: Any, url: str, store: redis.Redis) -> None:
    """Strings are stored with their bytes and expiries, what is none is told; again, nothing."""
    store.set("a", "one")
    store.set("b", 'ü"🎉\n', exat=LATER)
    store.set("c", b"\xff\x00")
    store.rpush("list", "x")
    store.hset("hash", "f", "v")
    call = ["sync", url, "--types", "skip", "--binary", "base64"]
    first = kvsync(*call, "--json")
    assert first.code == 0
    (run,) = first.json["runs"]
    assert edge.pairs("zone-1", "ns") == {
        "a": ("one", 0), "b": ('ü"🎉\n', LATER), "c": ("/wA=", 0),
    }  # fmt: skip
    assert run["lost"] == {"types": 2, "binary": 1}
    assert {(loss["key"], loss["detail"]) for loss in run["losses"]} == {
        ("list", "list"), ("hash", "hash"), ("c", ""),
    }  # fmt: skip
    assert run["source"] == f"{url}?db=0" or run["source"] == url
    again = kvsync(*call)
    assert "nothing to do; 3 keys unchanged" in again.out
    assert _puts(edge) == 3
    assert kvsync("verify", *call[1:], "--wait", "0").code == 0
    store.set("a", "new")
    store.delete("b")
    assert "1 updated, 1 deleted" in kvsync(*call, "--delete").out.replace(
        "1 deleted, 1 updated", "1 updated, 1 deleted"
    )


def test_nothing_is_lost_unasked(kvsync: Run, edge: Any, url: str, store: redis.Redis) -> None:
    """What is no string, binary or empty is an error that names key and option."""
    store.rpush("list", "x")
    store.set("binary", b"\xff")
    store.set("empty", "")
    store.set("a:b", "x")
    result = kvsync("plan", url)
    assert (result.code, edge.arrivals) == (2, [])
    for words in ('"list" has', "--types skip", "--binary base64", "--empty skip", "--keys escape"):
        assert words in result.err


def test_many_names(kvsync: Run, edge: Any, url: str, store: redis.Redis) -> None:
    """With --prefix and --keys escape each of many keys has its own value."""
    store.mset({f"app:{number}/ü": str(number) for number in range(300)})
    assert kvsync("sync", url, "--prefix", "p-", "--keys", "escape").code == 0
    assert edge.pairs("zone-1", "ns") == {
        f"p-app_3a{number}_2f_c3_bc": (str(number), 0) for number in range(300)
    }


def test_names_that_meet(kvsync: Run, edge: Any, url: str, store: redis.Redis) -> None:
    """Keys that would become one are an error."""
    store.mset({"a:b": "1", "a_b": "2"})
    result = kvsync("sync", url, "--keys", "join")
    assert (result.code, edge.arrivals) == (2, [])
    assert 'the key "a_b" is also that of' in result.err


def test_the_database_decides_of_the_owner(
    kvsync: Run, edge: Any, url: str, store: redis.Redis
) -> None:
    """Two databases are two sources, and what one has lost is not looked for in the other."""
    store.set("a", "one")
    kvsync("sync", url)
    store.move("a", 1)
    store.set("b", "two")
    assert kvsync("sync", f"{url}?db=1").code == 11
    assert kvsync("sync", url, f"{url}?db=1", "--delete").code == 0
    assert {key: value for key, (value, _) in edge.pairs("zone-1", "ns").items()} == {
        "a": "one", "b": "two",
    }  # fmt: skip


@pytest.mark.parametrize("command", ["sync", "plan", "validate", "convert"])
def test_a_password_in_the_address(kvsync: Run, edge: Any, url: str, command: str) -> None:
    """It is refused, with the variable that it belongs in, and never printed."""
    address = url.replace("unix://", "unix://:s3cret@")
    out = ["-o", "out.csv"] if command == "convert" else []
    for options in ([], ["--json"]):
        result = kvsync(command, address, *out, *options)
        assert (result.code, edge.arrivals) == (2, [])
        assert "REDIS_PASSWORD" in result.err
        assert "s3cret" not in result.out + result.err


def test_a_password_in_the_environment(
    kvsync: Run, edge: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """REDISCLI_AUTH is taken, and printed as little as a wrong one is."""
    with serving_redis("--requirepass", "s3cret", password="s3cret") as (url, client):
        client.set("a", "one")
        missing = kvsync("sync", url, "-vv")
        assert (missing.code, "REDIS_PASSWORD" in missing.err) == (2, True)
        monkeypatch.setenv("REDISCLI_AUTH", "wr0ng")
        wrong = kvsync("sync", url, "-vv")
        assert (wrong.code, "REDISCLI_AUTH" in wrong.err) == (2, True)
        monkeypatch.setenv("REDISCLI_AUTH", "s3cret")
        right = kvsync("sync", url, "-vv")
        assert right.code == 0
        for result in (missing, wrong, right):
            assert "s3cret" not in result.out + result.err
            assert "wr0ng" not in result.out + result.err
    assert set(edge.pairs("zone-1", "ns")) == {"a"}


def test_values_that_change_meanwhile(
    kvsync: Run, edge: Any, url: str, store: redis.Redis, meanwhile: Meanwhile
) -> None:
    """What is sent is what is there then; what has gone, or became what cannot be sent, fails."""
    store.mset({"changes": "1", "goes": "2", "turns": "3", "empties": "4", "stays": "5"})

    def change() -> None:
        store.set("changes", "new")
        store.delete("goes")
        store.delete("turns")
        store.rpush("turns", "x")
        store.set("empties", "")

    meanwhile(change)
    result = kvsync("sync", url, "-i", "--json")
    (run,) = result.json["runs"]
    assert (result.code, run["summary"]["create"], run["summary"]["failed"]) == (5, 2, 3)
    assert {failure["key"] for failure in run["failures"]} == {"goes", "turns", "empties"}
    assert {failure["code"] for failure in run["failures"]} == {"SourceChanged"}
    assert {key: value for key, (value, _) in edge.pairs("zone-1", "ns").items()} == {
        "changes": "new", "stays": "5",
    }  # fmt: skip
    store.mset({"goes": "2", "empties": "4"})
    again = kvsync("sync", url, "--types", "skip")
    assert "2 created, 2 unchanged" in again.out


def test_a_server_that_goes_meanwhile(kvsync: Run, edge: Any, meanwhile: Meanwhile) -> None:
    """The run ends with the address; nothing is taken for sent."""
    with serving_redis() as (url, client):
        client.set("a", "one")
        stop = lambda: client.shutdown(nosave=True)  # noqa: E731
        meanwhile(stop)
        result = kvsync("sync", url, "-i")
        assert (result.code, edge.pairs("zone-1", "ns")) == (2, {})
        assert "is the server running" in result.err
        assert "bug" not in result.err
    with serving_redis() as (other, client):
        client.set("a", "one")
        assert "1 created" in kvsync("sync", other).out


def test_options_that_make_no_sense(kvsync: Run, edge: Any, url: str) -> None:
    """Flags of directories, tables and groups are a usage error."""
    for flags in ("--key escape", "--include *", "--key-column x", "--separator /"):
        result = kvsync("sync", url, *flags.split())
        assert (result.code, flags.split()[0] in result.err) == (2, True)


def test_a_snapshot(kvsync: Run, url: str, store: redis.Redis) -> None:
    """convert writes what the server holds to a file, which is a source in its turn."""
    store.set("a", "one", exat=LATER)
    assert kvsync("convert", url, "-o", "out.jsonl").code == 0
    assert kvsync("validate", "out.jsonl", "--format", "jsonl").out.startswith("out.jsonl: 1 key,")


_JAVA = {b"\xac\xed\x00\x05t\x00\x01a": b"\xac\xed\x00\x05t\x00\x01v", b"\xff": b"two"}


def test_keys_that_are_no_text(kvsync: Run, edge: Any, url: str, store: redis.Redis) -> None:
    """--keys decides what becomes of them, --binary of their values; to a file as to the cloud."""
    store.mset({**_JAVA, "plain": "x"})
    asked = kvsync("plan", url, "--binary", "base64")
    assert (asked.code, edge.arrivals) == (2, [])
    assert r'the key "\xac\xed\x00\x05t\x00\x01a" is not UTF-8: change it, or with' in asked.err
    call = (url, "--binary", "base64", "--keys")
    wanted = {"_ac_ed_00_05t_00_01a": "rO0ABXQAAXY=", "_ff": "two", "plain": "x"}
    assert kvsync("sync", *call, "escape").code == 0
    assert {key: value for key, (value, _) in edge.pairs("zone-1", "ns").items()} == wanted
    assert "nothing to do; 3 keys unchanged" in kvsync("sync", *call, "escape").out
    out = kvsync("convert", *call, "join", "--to", "jsonl", "-o", "-").out
    assert {json.loads(line)["key"] for line in out.splitlines()} == {"____t__a", "_", "plain"}


def test_keys_that_are_no_text_and_are_skipped(
    kvsync: Run, edge: Any, url: str, store: redis.Redis
) -> None:
    """They are told of, are no mistake, and what was sent of them stays."""
    store.mset(_JAVA)
    assert kvsync("sync", url, "--binary", "base64", "--keys", "escape").code == 0
    store.set("plain", "x")
    call = (url, "--keys", "skip", "--binary", "base64", "--json")
    run = kvsync("sync", *call, "--delete").json["runs"][0]
    assert (run["summary"]["create"], run["summary"]["delete"]) == (1, 0)
    assert {loss["key"] for loss in run["losses"] if loss["kind"] == "keys"} == {
        "\\xac\\xed\x00\x05t\x00\x01a",
        "\\xff",
    }
    assert len(edge.pairs("zone-1", "ns")) == 3


def test_a_key_that_is_left_out_lends_its_name_to_nobody(
    kvsync: Run, edge: Any, url: str, store: redis.Redis
) -> None:
    """The value of a key is that of its own, though another would have the same name."""
    store.mset({"a:b": b"\xff", "a_b": "right"})
    store.mset({f"{number}:b": b"\xff" for number in range(20)})
    store.mset({f"{number}_b": "right" for number in range(20)})
    assert kvsync("sync", url, "--keys", "join", "--binary", "skip").code == 0
    stored = edge.pairs("zone-1", "ns")
    assert (len(stored), {value for value, _ in stored.values()}) == (21, {"right"})
