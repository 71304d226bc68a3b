"""The reader of a live Redis, against a real server."""

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.client import Pipeline

from kvsync.formats.record import Record
from kvsync.formats.redis import RedisDump
from kvsync.model.errors import InputError, KvsyncError, UsageError
from kvsync.model.values import NEVER, Expiry
from tests.real.redisserver import serving_redis
from tests.real.tools import tool

pytestmark = pytest.mark.slow

# PEXPIRETIME came with Redis 7.
_OLD = ("--rename-command", "PEXPIRETIME", "")


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, redis.Redis]]:
    """A server that a module's tests share."""
    with serving_redis("--databases", "2") as served:
        yield served


@pytest.fixture
def store(server: tuple[str, redis.Redis]) -> tuple[str, redis.Redis]:
    """The shared server, empty."""
    server[1].flushall()
    return server


def _read(url: str, match: str = "*") -> dict[str, Record]:
    """All records by key; every key must come once, and there must be no faults."""
    with RedisDump(url, {}) as dump:
        items = list(dump.records(match))
    records = {item.key: item for item in items if isinstance(item, Record)}
    assert len(records) == len(items)
    return records


def _between(
    monkeypatch: pytest.MonkeyPatch,
    before: Callable[[str], object] = lambda _: None,
    after: Callable[[str, list[Any]], list[Any]] = lambda _, answers: answers,
) -> None:
    """Put something between the reader and the server; both are given the first command's word."""
    execute = Pipeline.execute

    def watched(pipeline: Any, raise_on_error: bool = True) -> list[Any]:
        word = pipeline.command_stack[0][0][0] if pipeline.command_stack else ""
        before(word)
        return after(word, execute(pipeline, raise_on_error))

    monkeypatch.setattr(Pipeline, "execute", watched)


def _failure(url: str, environ: dict[str, str] | None = None) -> KvsyncError:
    with RedisDump(url, environ or {}) as dump, pytest.raises(KvsyncError) as failed:
        list(dump.records())
    return failed.value


def test_strings_come_with_their_exact_bytes(store: tuple[str, redis.Redis]) -> None:
    """Text, binary, empty and numeric values are the bytes that the server holds."""
    url, client = store
    values = {
        "text": "ünïcode 🎉".encode(),
        "ключ 🎉": b"x",
        "binary": bytes(range(256)),
        "empty": b"",
        "large": b"x" * (1 << 20),
    }
    client.mset(values)
    client.incr("counter")
    expected = {**values, "counter": b"1"}
    assert _read(url) == {key: Record(key, value, 0) for key, value in expected.items()}


def test_ten_thousand_keys_come_once_each(store: tuple[str, redis.Redis]) -> None:
    """All of many keys come, each of them once, with its own value."""
    url, client = store
    values = {f"key-{number}": str(number).encode() for number in range(10_000)}
    client.mset(values)
    assert {key: record.value for key, record in _read(url).items()} == values


def test_keys_come_once_though_the_server_names_them_twice(
    store: tuple[str, redis.Redis], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that SCAN returns again is left out, as it is while a server shrinks its table."""
    url, client = store
    client.mset({f"key-{number}": "v" for number in range(3000)})
    named: list[bytes] = []

    def again(word: str, answers: list[Any]) -> list[Any]:
        if word != "SCAN":
            return answers
        named.extend(answers[0][1] * 2)
        return [(answers[0][0], named)]

    _between(monkeypatch, after=again)
    assert len(_read(url)) == 3000
    assert len(named) == 6000


def test_a_pattern_limits_what_is_read(store: tuple[str, redis.Redis]) -> None:
    """Only keys that match the server's kind of pattern are read."""
    url, client = store
    client.mset({"app:1": "1", "app:2": "2", "web:1": "3", "é:1": "4"})
    assert set(_read(url, "app:*")) == {"app:1", "app:2"}
    assert set(_read(url, "é:?")) == {"é:1"}


def test_the_database_of_the_address_is_read(store: tuple[str, redis.Redis]) -> None:
    """The pairs come from the database that the URL names, and from no other."""
    url, client = store
    client.set("here", "1")
    client.move("here", 1)
    client.set("there", "1")
    assert set(_read(f"{url}?db=1")) == {"here"}


def test_other_types_come_without_a_value_and_with_their_kind(
    store: tuple[str, redis.Redis],
) -> None:
    """What is no string is a record that names its type."""
    url, client = store
    client.hset("h", "f", "v")
    client.rpush("l", "v")
    client.sadd("s", "v")
    client.zadd("z", {"v": 1})
    client.xadd("x", {"f": "v"})
    kinds = {"h": "hash", "l": "list", "s": "set", "z": "zset", "x": "stream"}
    assert _read(url) == {key: Record(key, None, 0, kind=kind) for key, kind in kinds.items()}


def test_keys_are_any_bytes(store: tuple[str, redis.Redis]) -> None:
    """They come as text that can be turned back, and their values are found by that."""
    url, client = store
    names = [b"\xac\xed\x00\x05t\x00\x01a", b"\xff", b"\xed\xb2\xac", "\ufffd".encode(), b"good"]
    client.mset({name: name * 2 for name in names})
    client.rpush(b"\xfelist", "v")
    read = _read(url)
    keys = [os.fsdecode(name) for name in names]
    assert read.pop("\udcfelist").kind == "list"
    assert {key: record.value for key, record in read.items()} == {
        key: name * 2 for key, name in zip(keys, names, strict=True)
    }
    with RedisDump(url, {}) as dump:
        assert [*dump.values(keys)] == [
            (key, name * 2) for key, name in zip(keys, names, strict=True)
        ]


@pytest.mark.parametrize("options", [(), _OLD], ids=["dates", "spans"])
def test_expiries_are_whole_seconds_that_do_not_change_from_run_to_run(
    options: tuple[str, ...],
) -> None:
    """Each run reads the same moment, rounded down, from servers old and new."""
    now = int(time.time())
    # Dates at the very edge of a second, where a clock read a millisecond late would show.
    dates = {f"key-{number}": (now + 3600) * 1000 + number for number in range(-500, 500)}
    with serving_redis(*options) as (url, client):
        pipeline = client.pipeline()
        for key, date in dates.items():
            pipeline.set(key, "v", pxat=date)
        pipeline.set("forever", "v")
        pipeline.execute()
        expected = {key: Expiry(at=date // 1000) for key, date in dates.items()}
        for _ in range(5):
            read = {key: record.expiry for key, record in _read(url).items()}
            assert read == {**expected, "forever": NEVER}


@pytest.mark.parametrize("change", ["delete", "retype"])
def test_a_key_that_goes_while_it_is_read_is_left_out(
    store: tuple[str, redis.Redis], monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """A key deleted or made another type after it was named is not read, and harms no other."""
    url, client = store
    client.mset({"goes": "1", "stays": "2"})

    def going(word: str) -> None:
        if word == "MGET":
            client.delete("goes")
        if word == "MGET" and change == "retype":
            client.rpush("goes", "v")

    _between(monkeypatch, before=going)
    assert set(_read(url)) == {"stays"}


def test_values_are_read_again_in_the_order_asked_for(store: tuple[str, redis.Redis]) -> None:
    """Given keys are read again in their order; a missing one, or one of another type, has none."""
    url, client = store
    values = {f"é-{number}": str(number).encode() for number in range(250)}
    client.mset(values)
    client.delete("é-7")
    client.delete("é-8")
    client.rpush("é-8", "v")
    expected = [(key, None if key in {"é-7", "é-8"} else value) for key, value in values.items()]
    with RedisDump(url, {}) as dump:
        assert list(dump.values(list(values))) == expected
        assert list(dump.values([])) == []


def test_large_values_are_not_read_all_at_once(
    store: tuple[str, redis.Redis], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No question is answered with more than 8 MiB, unless a single value is larger."""
    url, client = store
    client.mset({f"key-{number}": b"x" * (3 << 20) for number in range(5)})
    client.set("huge", b"x" * (9 << 20))
    answered: list[int] = []

    def watching(word: str, answers: list[Any]) -> list[Any]:
        if word == "MGET":
            answered.append(sum(map(len, answers[0])))
        return answers

    _between(monkeypatch, after=watching)
    assert len(_read(url)) == 6
    assert max(answered) == 9 << 20
    assert sum(answered) == 24 << 20
    assert [size for size in answered if size > 8 << 20] == [9 << 20]


def test_a_password_comes_from_the_environment() -> None:
    """Either variable gives it, ours before redis-cli's; a user's name may stand in the URL."""
    acl = ["--user", "reader", "on", ">other", "~*", "+@all", "--requirepass", "s3cret"]
    with serving_redis(*acl, password="s3cret") as (url, client):
        client.set("a", "1")
        for address, environ in [
            (url, {"REDISCLI_AUTH": "s3cret"}),
            (url, {"REDIS_PASSWORD": "s3cret", "REDISCLI_AUTH": "wrong"}),
            (url.replace("unix://", "unix://reader@"), {"REDIS_PASSWORD": "other"}),
        ]:
            with RedisDump(address, environ) as dump:
                assert list(dump.records()) == [Record("a", b"1", 0)]


def test_a_missing_or_wrong_password_is_said_and_never_repeated() -> None:
    """The message says which variable to set, or which one holds what the server refuses."""
    with serving_redis("--requirepass", "s3cret", password="s3cret") as (url, _):
        missing = _failure(url)
        wrong = _failure(url, {"REDISCLI_AUTH": "wr0ng"})
    assert isinstance(missing, UsageError)
    assert "environment variable REDIS_PASSWORD" in str(missing)
    assert isinstance(wrong, UsageError)
    assert "does not take the password in REDISCLI_AUTH" in str(wrong)
    assert "wr0ng" not in str(wrong)


def test_a_user_who_may_not_read_is_told_what_is_needed() -> None:
    """A refusal for want of rights names the commands that kvsync sends."""
    acl = ["--user", "reader", "on", "nopass", "~*", "+@all", "-type"]
    with serving_redis(*acl) as (url, client):
        client.set("a", "1")
        failure = _failure(url.replace("unix://", "unix://reader@"), {"REDIS_PASSWORD": "any"})
    assert isinstance(failure, UsageError)
    assert "'type'" in str(failure)
    assert "kvsync needs INFO, SCAN, TYPE" in str(failure)


def test_a_server_without_a_needed_command_is_an_error_of_usage() -> None:
    """A server whose owner took a command away is not read, and the message names the command."""
    with serving_redis("--rename-command", "INFO", "") as (url, _):
        failure = _failure(url)
    assert isinstance(failure, UsageError)
    assert str(failure).startswith(url)
    assert "unknown command 'INFO'" in str(failure)


def test_a_node_of_a_cluster_is_refused() -> None:
    """A server that holds only a part of the keys is not read as if it held all."""
    with serving_redis("--cluster-enabled", "yes") as (url, _):
        failure = _failure(url)
    assert isinstance(failure, UsageError)
    assert "belongs to a cluster" in str(failure)


def test_a_node_of_a_cluster_that_is_asked_for_values_is_refused() -> None:
    """A server that sends elsewhere for a key is not taken for one without that key."""
    with serving_redis("--cluster-enabled", "yes") as (url, _), RedisDump(url, {}) as dump:
        values = dump.values(["a"])
        with pytest.raises(UsageError, match="belongs to a cluster"):
            next(values)


def test_a_database_that_is_not_there_is_said(store: tuple[str, redis.Redis]) -> None:
    """A database beyond the server's last one is an error, not an empty source."""
    assert "out of range" in str(_failure(f"{store[0]}?db=2"))


def test_a_connection_that_the_server_closed_is_made_again(store: tuple[str, redis.Redis]) -> None:
    """A connection cut while nothing was asked for is no failure."""
    url, client = store
    client.set("a", "1")
    with RedisDump(url, {}) as dump:
        assert len(list(dump.records())) == 1
        client.client_kill_filter(_type="normal", skipme=True)
        assert list(dump.values(["a"])) == [("a", b"1")]


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The URL of a server that speaks TLS alone, and the certificate that vouches for it."""
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    make = [tool("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    make += ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*make, *files], check=True, capture_output=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    options = ["--tls-port", port, "--bind", "127.0.0.1", "--tls-auth-clients", "no"]
    options += ["--tls-cert-file", str(certificate), "--tls-key-file", str(key)]
    with serving_redis(*options) as (_, client):
        client.set("a", "1")
        yield f"rediss://127.0.0.1:{port}", certificate


def test_a_server_that_is_vouched_for_is_read_over_tls(
    certified: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its authority in SSL_CERT_FILE, a server is read at a rediss address."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certified[1]))
    assert set(_read(certified[0])) == {"a"}


def test_a_server_that_nobody_vouches_for_is_not_read(certified: tuple[str, Path]) -> None:
    """A certificate of no known authority is refused, and the message says how to name one."""
    failure = _failure(certified[0])
    assert isinstance(failure, InputError)
    assert "SSL_CERT_FILE" in str(failure)
