"""The lag: what is written is stored at once, and read some time later."""

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from kvsync.emulator.faults import Faults
from kvsync.emulator.options import EmulatorOptions
from tests.emulator.raw import ZONE, Clock, call, error_of
from tests.servers import ServedEmulator

Serve: TypeAlias = Callable[..., ServedEmulator]

LAG = 10


@pytest.fixture
def monotonic() -> Clock:
    """What the lag is counted on."""
    return Clock(0)


@pytest.fixture
def server(serve_emulator: Serve, monotonic: Clock) -> ServedEmulator:
    """An emulator that lags by ten seconds of a clock that stands still."""
    return serve_emulator(lag=LAG, monotonic=monotonic)


def _put(server: ServedEmulator, key: str, value: str, **more: Any) -> None:
    assert error_of(call(server, "EdgeKVPut", Key=key, Value=value, **more)) == ""


def _delete(server: ServedEmulator, *keys: str) -> None:
    assert error_of(call(server, "EdgeKVDelete", Keys=keys)) == ""


def _get(server: ServedEmulator, key: str) -> str:
    return str(call(server, "EdgeKVGet", Keys=[key])["Data"][0]["Value"])


def _list(server: ServedEmulator) -> list[str]:
    return list(call(server, "EdgeKVList")["Keys"])


def test_a_new_key_is_readable_once_the_lag_has_passed(
    server: ServedEmulator, monotonic: Clock
) -> None:
    """Until then neither Get nor List knows of it."""
    _put(server, "k", "v")
    monotonic.now = LAG - 0.001
    assert (_get(server, "k"), _list(server)) == ("", [])
    monotonic.now = LAG
    assert (_get(server, "k"), _list(server)) == ("v", ["k"])


def test_an_overwritten_pair_is_read_with_its_own_expiry(
    server: ServedEmulator, monotonic: Clock
) -> None:
    """The older value comes with the older expiry, the newer with the newer."""
    server.put(ZONE, "ns", "k", "old", 2_000_000_000)
    _put(server, "k", "new")
    pair = {"Key": "k", "Value": "old", "Expiration": "2033-05-18T03:33:20Z"}
    assert call(server, "EdgeKVGet", Keys=["k"])["Data"] == [pair]
    monotonic.now = LAG
    pair = {"Key": "k", "Value": "new", "Expiration": ""}
    assert call(server, "EdgeKVGet", Keys=["k"])["Data"] == [pair]


def test_a_deleted_pair_is_readable_until_the_lag_has_passed(
    server: ServedEmulator, monotonic: Clock
) -> None:
    """Get and List go on showing it, also when the delete named it twice."""
    server.put(ZONE, "ns", "k", "v")
    _delete(server, "k", "missing", "k")
    assert (_get(server, "k"), _list(server)) == ("v", ["k"])
    monotonic.now = LAG
    assert (_get(server, "k"), _list(server)) == ("", [])


def test_several_writes_of_a_key_become_readable_in_their_turn(
    server: ServedEmulator, monotonic: Clock
) -> None:
    """Each write, and the delete among them, is seen ten seconds after it was made."""
    for monotonic.now, value in ((0, "1"), (3, "2"), (6, ""), (9, "4")):
        if value:
            _put(server, "k", value)
        else:
            _delete(server, "k")
    read = []
    for monotonic.now in (9, 10, 12, 13, 15, 16, 18, 19):
        read.append(_get(server, "k"))
    assert read == ["", "1", "1", "2", "2", "", "", "4"]


def test_the_lag_does_not_lengthen_a_life(serve_emulator: Serve, monotonic: Clock) -> None:
    """What runs out is gone at once, although what replaced it cannot be read yet."""
    clock = Clock(2_000_000_000)
    server = serve_emulator(lag=LAG, clock=clock, monotonic=monotonic)

    def read() -> tuple[str, list[str]]:
        got = call(server, "EdgeKVGet", at=clock.now, Keys=["k"])["Data"][0]["Value"]
        return got, call(server, "EdgeKVList", at=clock.now)["Keys"]

    server.put(ZONE, "ns", "k", "old", int(clock.now) + 5)
    call(server, "EdgeKVPut", at=clock.now, Key="k", Value="new")
    clock.now += 4
    assert read() == ("old", ["k"])
    clock.now += 1
    assert read() == ("", [])
    monotonic.now = LAG
    assert read() == ("new", ["k"])


def test_a_pair_that_lives_shorter_than_the_lag_is_never_seen(
    serve_emulator: Serve, monotonic: Clock
) -> None:
    """The older pair is read until the lag has passed, then none."""
    clock = Clock(2_000_000_000)
    server = serve_emulator(lag=LAG, clock=clock, monotonic=monotonic)
    server.put(ZONE, "ns", "k", "old")
    call(server, "EdgeKVPut", at=clock.now, Key="k", Value="new", ExpirationTTL=5)
    read = []
    for monotonic.now in (4, 5, 9, 10):
        clock.now = 2_000_000_000 + monotonic.now
        read.append(call(server, "EdgeKVGet", at=clock.now, Keys=["k"])["Data"][0]["Value"])
    assert read == ["old", "old", "old", ""]


def test_the_direct_ways_into_the_data_do_not_lag(server: ServedEmulator, monotonic: Clock) -> None:
    """`pairs` shows what is stored, and a direct `put` can be read at once, now and later."""
    _put(server, "k", "1")
    assert (server.pairs(ZONE, "ns"), _get(server, "k")) == ({"k": ("1", 0)}, "")
    server.put(ZONE, "ns", "k", "2")
    assert _get(server, "k") == "2"
    monotonic.now = 5
    _put(server, "k", "3")
    read = []
    for monotonic.now in (5, LAG, 14, 15):
        read.append(_get(server, "k"))
    assert read == ["2", "2", "2", "3"]


def test_capacity_and_namespaces_do_not_lag(server: ServedEmulator) -> None:
    """Bytes are counted as they are written, and a new namespace can be used at once."""
    _put(server, "key", "value")
    call(server, "CreateEdgeKVNamespace", Namespace="new")
    found = call(server, "DescribeEdgeKVNamespaces", SortOrder="asc")["KVNamespaces"]
    assert [(one["Namespace"], one["CapacityUsed"]) for one in found] == [("ns", 8), ("new", 0)]


def test_a_write_that_is_refused_does_not_lag(
    server: ServedEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pair that finds no room changes nothing, be it put by a request or directly."""
    monkeypatch.setattr("kvsync.emulator.store.CAPACITY", 5)
    _put(server, "k", "1")
    answer = call(server, "EdgeKVPut", Key="k", Value="too long")
    server.put(ZONE, "ns", "k", "too long")
    assert (error_of(answer), _get(server, "k")) == ("LimitExceeded", "")
    assert server.pairs(ZONE, "ns") == {"k": ("1", 0)}


def test_a_deleted_namespace_takes_along_what_lagged_in_it(
    server: ServedEmulator, monotonic: Clock
) -> None:
    """One of the same name starts empty, and what is written there lags anew."""
    server.put(ZONE, "ns", "k", "old")
    _put(server, "k", "new")
    call(server, "DeleteEdgeKVNamespace")
    call(server, "CreateEdgeKVNamespace")
    assert (_get(server, "k"), _list(server)) == ("", [])
    monotonic.now = 5
    _put(server, "k", "newer")
    monotonic.now = LAG
    assert (_get(server, "k"), _list(server)) == ("", [])
    monotonic.now = 15
    assert (_get(server, "k"), _list(server)) == ("newer", ["k"])


def test_after_a_restart_everything_is_readable(
    serve_emulator: Serve, tmp_path: Path, monotonic: Clock
) -> None:
    """The data file knows of no lag."""
    data = str(tmp_path / "emulator.db")
    options = EmulatorOptions(data=data, lag=LAG, namespaces=("ns",))
    with ServedEmulator(options, monotonic=monotonic) as first:
        _put(first, "k", "v")
        assert _get(first, "k") == ""
    assert _get(serve_emulator(data=data, lag=LAG, monotonic=monotonic), "k") == "v"


def test_a_write_whose_answer_was_lost_lags_as_any_other(
    serve_emulator: Serve, monotonic: Clock
) -> None:
    """A reset after the write makes it readable neither sooner nor later."""
    faults: dict[str, Any] = {"fault": 0.5, "faults": frozenset({"reset-after"})}

    def drawn(seed: int) -> list[str]:
        drawing = Faults(EmulatorOptions(seed=seed, **faults))
        return [drawing.draw() for _ in range(3)]

    seed = next(seed for seed in count() if drawn(seed) == ["reset-after", "", ""])
    server = serve_emulator(lag=LAG, monotonic=monotonic, seed=seed, **faults)
    with pytest.raises(ConnectionResetError):
        _put(server, "k", "v")
    assert _get(server, "k") == ""
    monotonic.now = LAG
    assert _get(server, "k") == "v"


def test_pages_hold_what_is_readable(server: ServedEmulator) -> None:
    """Deleted keys stay in their pages, new ones stay out, and the last page is known as such."""
    for key in ("a-1", "a-3", "a-5", "b"):
        server.put(ZONE, "ns", key, "v")
    for key in ("a-0", "a-2", "a-4", "a-6"):
        _put(server, key, "v")
    _delete(server, "a-3", "a-5")
    first = call(server, "EdgeKVList", Prefix="a-", Limit=2)
    assert first["Keys"] == ["a-1", "a-3"]
    second = call(server, "EdgeKVList", Prefix="a-", Limit=2, Cursor=first["Cursor"])
    assert (second["Keys"], second["Cursor"]) == (["a-5"], "")


def test_a_page_is_full_however_many_keys_are_not_readable_yet(server: ServedEmulator) -> None:
    """New keys in front of those that can be read take no room from them."""
    for key in ("y", "z"):
        server.put(ZONE, "ns", key, "v")
    for key in "abcdef":
        _put(server, key, "v")
    page = call(server, "EdgeKVList", Limit=1)
    assert page["Keys"] == ["y"]
    assert call(server, "EdgeKVList", Limit=1, Cursor=page["Cursor"])["Keys"] == ["z"]
