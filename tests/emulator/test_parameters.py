"""What the service takes and what it refuses, and that it says so without repeating a value."""

import json
from typing import Any

import pytest

from tests.emulator.raw import ZONE, Clock, call, error_of, post, signed
from tests.servers import ServedEmulator

RANGE = "InvalidParameterValue.NotWithinRange"
FORMAT = "InvalidParameterValue.FormatMismatch"
SECRET = "hunter2"


@pytest.mark.parametrize(
    ("action", "parameters", "code"),
    [
        ("EdgeKVPut", {"Value": "v"}, "MissingParameter"),
        ("EdgeKVPut", {"Key": "k"}, "MissingParameter"),
        ("EdgeKVPut", {"Key": "k", "Value": None}, "MissingParameter"),
        ("EdgeKVPut", {"Key": "k", "Value": SECRET, "Ttl": 1}, "UnknownParameter"),
        ("EdgeKVPut", {"Key": "", "Value": SECRET}, RANGE),
        ("EdgeKVPut", {"Key": "é" * 513, "Value": SECRET}, RANGE),
        ("EdgeKVPut", {"Key": 1, "Value": SECRET}, FORMAT),
        ("EdgeKVPut", {"Key": "k", "Value": ["hunter2"]}, FORMAT),
        ("EdgeKVPut", {"Key": "k", "Value": ""}, RANGE),
        ("EdgeKVPut", {"Key": "k", "Value": "é" * (2**19) + "x"}, RANGE),
        ("EdgeKVPut", {"Key": "k", "Value": SECRET, "ExpirationTTL": 0}, RANGE),
        ("EdgeKVPut", {"Key": "k", "Value": SECRET, "ExpirationTTL": 253402300799}, RANGE),
        ("EdgeKVPut", {"Key": "k", "Value": SECRET, "ExpirationTTL": "60"}, FORMAT),
        ("EdgeKVPut", {"Key": "k", "Value": SECRET, "ExpirationTTL": True}, FORMAT),
        ("EdgeKVPut", {"Key": "k", "Value": SECRET, "Expiration": 1}, RANGE),
        ("EdgeKVGet", {"Keys": []}, RANGE),
        ("EdgeKVGet", {"Keys": ["k"] * 21}, RANGE),
        ("EdgeKVGet", {"Keys": "k"}, FORMAT),
        ("EdgeKVGet", {"Keys": ["k", 2]}, FORMAT),
        ("EdgeKVDelete", {"Keys": ["k"] * 21}, RANGE),
        ("EdgeKVList", {"Prefix": ""}, RANGE),
        ("EdgeKVList", {"Limit": 0}, RANGE),
        ("EdgeKVList", {"Limit": 1001}, RANGE),
        ("EdgeKVList", {"Cursor": "~"}, FORMAT),
        ("EdgeKVList", {"Cursor": "AAAA"}, FORMAT),
        ("EdgeKVList", {"ZoneId": ""}, RANGE),
        ("EdgeKVList", {"Namespace": "nowhere"}, "ResourceUnavailable.NamespaceNotFound"),
        ("DescribeEdgeKVNamespaces", {"Limit": 1001}, RANGE),
        ("DescribeEdgeKVNamespaces", {"Offset": -1}, RANGE),
        ("DescribeEdgeKVNamespaces", {"SortBy": "name"}, "InvalidParameterValue.NotInEnumeration"),
        ("DescribeEdgeKVNamespaces", {"Filters": [{"Name": "namespace"}]}, FORMAT),
        (
            "DescribeEdgeKVNamespaces",
            {"Filters": [{"Name": "colour", "Values": []}]},
            "InvalidParameter.InvalidFilterName",
        ),
        (
            "DescribeEdgeKVNamespaces",
            {"Filters": [{"Name": "remark", "Values": ["x"] * 21}]},
            "InvalidParameter.TooManyFilterValues",
        ),
        ("CreateEdgeKVNamespace", {"Namespace": "a--b"}, "InvalidParameter.BadNamespaceName"),
        ("CreateEdgeKVNamespace", {"Namespace": "a" * 51}, "InvalidParameter.BadNamespaceName"),
        ("CreateEdgeKVNamespace", {"Remark": "r" * 257}, "InvalidParameter.RemarkTooLong"),
        ("ModifyEdgeKVNamespace", {"Namespace": "b"}, "ResourceUnavailable.NamespaceNotFound"),
        ("DeleteEdgeKVNamespace", {"Namespace": "b"}, "ResourceUnavailable.NamespaceNotFound"),
    ],
)
def test_what_is_out_of_bounds_is_refused_and_no_value_repeated(
    emulator: ServedEmulator, action: str, parameters: dict[str, Any], code: str
) -> None:
    """Each mistake has the service's code for it; nothing is written, no value echoed."""
    answer = call(emulator, action, **parameters)
    assert error_of(answer) == code
    assert SECRET not in json.dumps(answer)
    assert emulator.pairs(ZONE, "ns") == {}


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"Key": "\xff"}', b'{"Key": "\\ud800"}'])
def test_a_body_that_is_no_json_object_is_refused(emulator: ServedEmulator, body: bytes) -> None:
    """What is not a JSON object of valid text is InvalidParameter, not a crash."""
    reply = post(emulator, body, signed(emulator, "EdgeKVPut", body))
    assert error_of(json.loads(reply.body)["Response"]) == "InvalidParameter"


def test_the_largest_pair_is_taken(emulator: ServedEmulator) -> None:
    """512 characters of any UTF-8 as the key, 2**20 bytes as the value."""
    key, value = "😀" * 512, "é" * 2**19
    assert error_of(call(emulator, "EdgeKVPut", Key=key, Value=value)) == ""
    assert emulator.pairs(ZONE, "ns") == {key: (value, 0)}


def test_expiration_may_be_now_but_no_earlier(serve_emulator: Any) -> None:
    """A pair that runs out this very second is taken; one second earlier is refused."""
    clock = Clock(2_000_000_000.75)
    server = serve_emulator(clock=clock)

    def put(at: int) -> str:
        answer = call(
            server, "EdgeKVPut", at=clock.now, Key="k", Value="v", Expiration=int(clock.now) + at
        )
        return error_of(answer)

    assert [put(0), put(-1)] == ["", RANGE]


def test_keys_may_hold_any_character(emulator: ServedEmulator) -> None:
    """NUL, blanks, slashes and the last code point are keys like any other, and page in order."""
    keys = ["\0", " ", "a%b", "a/b", "\u00e9", "\uffff", "\U0010ffff"]
    for key in keys:
        emulator.put(ZONE, "ns", key, "v")
    listed: list[str] = []
    cursor = ""
    while True:
        page = call(emulator, "EdgeKVList", Limit=2, Cursor=cursor)
        listed += page["Keys"]
        cursor = page["Cursor"]
        if not cursor:
            break
    assert listed == keys


def test_a_prefix_ends_where_it_ends(emulator: ServedEmulator) -> None:
    """A prefix matches itself and what goes on from it, whatever the next character is."""
    for key in ("a", "ab", "ab\U0010ffff", "ab\0", "ac"):
        emulator.put(ZONE, "ns", key, "v")
    assert call(emulator, "EdgeKVList", Prefix="ab")["Keys"] == ["ab", "ab\0", "ab\U0010ffff"]


def test_describe_filters_sorts_and_pages(serve_emulator: Any) -> None:
    """Filters are joined by and, their values by or; Fuzzy looks inside; newest comes first."""
    clock = Clock()
    server = serve_emulator(clock=clock, namespaces=())
    for name in ("blue-1", "blue-2", "red-1"):
        clock.now += 1
        call(server, "CreateEdgeKVNamespace", Namespace=name, Remark=f"the {name}", at=clock.now)
    clock.now += 1
    call(server, "ModifyEdgeKVNamespace", Namespace="blue-1", Remark="changed", at=clock.now)

    def names(**parameters: Any) -> list[str]:
        found = call(server, "DescribeEdgeKVNamespaces", **parameters)
        return [one["Namespace"] for one in found["KVNamespaces"]]

    fuzzy = {"Name": "namespace", "Values": ["blue"], "Fuzzy": True}
    exact = {"Name": "remark", "Values": ["changed", "the red-1"]}
    assert names() == ["red-1", "blue-2", "blue-1"]
    assert names(SortOrder="asc") == ["blue-1", "blue-2", "red-1"]
    assert names(SortBy="updated-on") == ["blue-1", "red-1", "blue-2"]
    assert names(Filters=[fuzzy]) == ["blue-2", "blue-1"]
    assert names(Filters=[exact]) == ["red-1", "blue-1"]
    assert names(Filters=[fuzzy, exact]) == ["blue-1"]
    assert names(Offset=1, Limit=1) == ["blue-2"]
    assert call(server, "DescribeEdgeKVNamespaces", Limit=1)["TotalCount"] == 3


def test_modify_without_a_remark_keeps_it(emulator: ServedEmulator) -> None:
    """What is left out of a modify stays."""
    call(emulator, "ModifyEdgeKVNamespace", Remark="kept")
    call(emulator, "ModifyEdgeKVNamespace")
    (found,) = call(emulator, "DescribeEdgeKVNamespaces")["KVNamespaces"]
    assert found["Remark"] == "kept"


def test_only_the_named_zone_exists(serve_emulator: Any) -> None:
    """With a zone given, every other is not found, for each action."""
    server = serve_emulator(zone="zone-other")
    assert error_of(call(server, "EdgeKVList")) == "InvalidParameter.ZoneNotFound"
    assert error_of(call(server, "EdgeKVList", ZoneId="zone-other")) == ""


def test_zones_do_not_share_namespaces(emulator: ServedEmulator) -> None:
    """The same namespace in two zones holds different pairs."""
    call(emulator, "EdgeKVPut", Key="k", Value="v")
    assert call(emulator, "EdgeKVList", ZoneId="zone-b")["Keys"] == []


def test_capacity_counts_what_is_there_and_refuses_what_does_not_fit(
    serve_emulator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CapacityUsed is keys and values in bytes, without what was deleted, replaced or ran out."""
    monkeypatch.setattr("kvsync.emulator.store.CAPACITY", 10)
    clock = Clock()
    server = serve_emulator(clock=clock)

    def put(key: str, value: str, **more: int) -> str:
        return error_of(call(server, "EdgeKVPut", Key=key, Value=value, at=clock.now, **more))

    def used() -> int:
        (found,) = call(server, "DescribeEdgeKVNamespaces", at=clock.now)["KVNamespaces"]
        return int(found["CapacityUsed"])

    assert put("a", "1234") == ""
    assert put("b", "1234", ExpirationTTL=60) == ""
    assert used() == 10
    assert put("c", "1") == "LimitExceeded"
    assert put("a", "5678") == ""
    assert put("a", "56789") == "LimitExceeded"
    clock.now += 60
    assert used() == 5
    assert put("c", "1234") == ""
    call(server, "EdgeKVDelete", Keys=["a", "c", "c"], at=clock.now)
    assert used() == 0


def test_a_deleted_namespace_takes_its_pairs_along(emulator: ServedEmulator) -> None:
    """A namespace created again under the same name is empty, and the count starts at 0."""
    call(emulator, "EdgeKVPut", Key="k", Value="v")
    call(emulator, "DeleteEdgeKVNamespace")
    assert error_of(call(emulator, "EdgeKVGet", Keys=["k"])) == (
        "ResourceUnavailable.NamespaceNotFound"
    )
    call(emulator, "CreateEdgeKVNamespace")
    assert call(emulator, "EdgeKVList")["Keys"] == []
    (found,) = call(emulator, "DescribeEdgeKVNamespaces")["KVNamespaces"]
    assert found["CapacityUsed"] == 0
