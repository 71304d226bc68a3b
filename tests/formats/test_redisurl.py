"""Addresses of Redis servers: no server is needed to take one apart."""

import pytest

from kvsync.formats.redisurl import Address, parse
from kvsync.model.errors import UsageError


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://cache.example", Address("cache.example", 6379, 0)),
        ("redis://", Address("localhost", 6379, 0)),
        ("redis://cache.example:7000/3", Address("cache.example", 7000, 3)),
        ("redis://[::1]:7000/", Address("::1", 7000, 0)),
        ("redis://reader%40x@cache", Address("cache", 6379, 0, user="reader@x")),
        ("rediss://cache/1", Address("cache", 6379, 1, tls=True)),
        ("unix:///run/redis%20a.sock", Address(path="/run/redis a.sock")),
        ("unix://reader@/run/r.sock?db=2", Address(path="/run/r.sock", db=2, user="reader")),
    ],
)
def test_an_address_is_read_as_redis_own_tools_read_it(url: str, address: Address) -> None:
    """Host, port, database, user and TLS are found where Redis's own tools expect them."""
    assert parse(url) == address


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://who@cache", "redis://cache:6379/0"),
        ("rediss://[::1]:7000/1", "rediss://[::1]:7000/1"),
        ("unix://who@/run/r.sock", "unix:///run/r.sock?db=0"),
    ],
)
def test_an_address_is_shown_without_its_user(url: str, shown: str) -> None:
    """The user is left out of messages: it may be a password in the wrong place."""
    assert str(parse(url)) == shown


@pytest.mark.parametrize(
    "url",
    [
        "redis://:s3cret@cache",
        "redis://me:s3cret@cache/0",
        "redis://me:@cache/0",
        "rediss://me:s3cret@cache",
        "unix://me:s3cret@/run/r.sock",
        "unix:///run/r.sock?db=0&password=s3cret",
        "redis://cache?password=s3cret",
        "redis://cache?password=",
    ],
)
def test_a_password_in_the_address_is_refused_and_not_repeated(url: str) -> None:
    """A password on the command line is refused with the variable that it belongs into."""
    with pytest.raises(UsageError, match="environment variable REDIS_PASSWORD") as refused:
        parse(url)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://cache",
        "cache:6379",
        "redis://:s3/cret@cache",
        "redis://cache:65536",
        "redis://[::1",
        "redis://cache/s3cret",
        "redis://cache/-1",
        "redis://cache/1/2",
        "redis://cache/²",
        "redis://cache?socket_timeout=1",
        "redis://cache/0?db=1",
        "redis://cache#s3cret",
        "unix://",
        "unix://host/run/r.sock",
        "unix:///run/r.sock?timeout=s3cret",
        "unix:///run/r.sock?db=",
    ],
)
def test_what_is_no_address_is_refused_with_the_form_and_not_repeated(url: str) -> None:
    """Nothing is passed over or guessed, and the message repeats nothing that may be a secret."""
    with pytest.raises(UsageError, match="expected redis://") as refused:
        parse(url)
    assert "s3" not in str(refused.value)
