"""The address of a server may hold a password by mistake: it is refused, and printed nowhere."""

import pytest

SECRET = "hunter2"
ADDRESSES = (
    f"redis://:{SECRET}@127.0.0.1/0",
    f"redis://user:{SECRET}@127.0.0.1/0",
    f"redis://:pa/{SECRET}/ss@127.0.0.1:6379",
    f"redis://:p@{SECRET}@127.0.0.1:6379",
    f"rediss://127.0.0.1/0?password={SECRET}",
    f"redis://127.0.0.1/0#{SECRET}",
    f"unix://:{SECRET}@/run/redis?db=0",
    f"unix:///run/redis?db=0&password={SECRET}",
)


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize(
    "call",
    [
        ["sync", "{}"],
        ["sync", "{}", "{}"],
        ["plan", "{}", "--key", "escape"],
        ["validate", "{}", "--key-column", "k", "--json"],
        ["verify", "{}", "--format", "redis", "-vv", "--log-format", "json"],
        ["convert", "{}", "-o", "out.csv", "--json"],
        ["convert", "{}", "-o", "out.csv", "--from", "redis", "-vv"],
    ],
)
def test_nothing_repeats_it(kvsync, edge, address, call):
    """Whatever else is wrong, neither text nor JSON has the password."""
    result = kvsync(*(word.format(address) for word in call))
    assert (result.code, edge.arrivals) == (2, [])
    assert SECRET not in result.out + result.err


def test_an_address_is_shown_without_it(kvsync, edge):
    """What is left says which server was meant."""
    told = kvsync("sync", ADDRESSES[0], "--json").json["runs"][0]
    assert told["source"] == "redis://127.0.0.1/0"
    assert "REDIS_PASSWORD" in told["error"]["message"]
