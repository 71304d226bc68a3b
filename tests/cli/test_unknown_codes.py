"""A code that nobody knows, after the write or instead of it."""

import pytest

from tests.middlebox import Exchange, middlebox, refusal


def refusing(code: str):
    """Lets every write through, and tells the client that it was refused."""

    def tamper(exchange: Exchange) -> list[tuple[float, bytes]]:
        return [(0.0, refusal(code, f"id-{exchange.number}"))]

    return tamper


@pytest.mark.slow
@pytest.mark.parametrize("code", ["ResourceUnavailable", "ResourceInUse.Zone", "Brand.New", ""])
def test_a_value_that_an_unknown_code_came_after(kvsync, edge, manifest, code) -> None:
    """B was written although nobody knows what its answer means: back at A, A is sent again."""
    manifest("keys: {a: A}\n")
    kvsync("sync", "m.yaml")
    with middlebox(edge.url) as box:
        manifest("keys: {a: B}\n")
        box.tamper = refusing(code)
        result = kvsync("sync", "m.yaml", "--endpoint", box.url, "--json")
    assert result.code == 6
    (failure,) = result.json["runs"][0]["failures"]
    assert (failure["outcome"], failure["code"]) == ("rejected", code)
    assert edge.pairs("zone-1", "ns")["a"][0] == "B"
    manifest("keys: {a: A}\n")
    result = kvsync("sync", "m.yaml", "--json")
    (change,) = result.json["runs"][0]["changes"]
    assert (change["action"], change["reason"]) == ("update", "last outcome unknown")
    assert edge.pairs("zone-1", "ns")["a"][0] == "A"


@pytest.mark.slow
def test_a_code_that_is_known_leaves_no_doubt(kvsync, edge, manifest) -> None:
    """A definite refusal of B says that A is still there: back at A, nothing is sent."""
    manifest("keys: {a: A}\n")
    kvsync("sync", "m.yaml")
    with middlebox(edge.url, refusing("InvalidParameter")) as box:
        manifest("keys: {a: B}\n")
        assert kvsync("sync", "m.yaml", "--endpoint", box.url).code == 6
    manifest("keys: {a: A}\n")
    assert "nothing to do" in kvsync("sync", "m.yaml").out


@pytest.mark.slow
def test_deletes_that_an_unknown_code_came_after(kvsync, edge, manifest) -> None:
    """Keys that may be deleted are sent again when they are wanted again."""
    manifest("keys: {a: A, b: B, c: C}\n")
    kvsync("sync", "m.yaml")
    with middlebox(edge.url, refusing("ResourceUnavailable.Whatever")) as box:
        manifest("keys: {a: A}\n")
        assert kvsync("sync", "m.yaml", "--delete", "--endpoint", box.url).code == 6
    manifest("keys: {a: A, b: B, c: C}\n")
    plan = kvsync("plan", "m.yaml", "--json").json["runs"][0]
    assert [change["key"] for change in plan["changes"]] == ["b", "c"]
