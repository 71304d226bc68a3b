"""Which revision of the API the emulator plays."""

import pytest

from kvsync.emulator.options import EmulatorOptions
from kvsync.emulator.server import Emulator
from kvsync.model.errors import UsageError
from tests.emulator.raw import Clock, call, error_of

RANGE = "InvalidParameterValue.NotWithinRange"
FORMAT = "InvalidParameterValue.FormatMismatch"
NOW = 1_800_000_000.0
PUT = {"Key": "k", "Value": "v"}


@pytest.mark.parametrize(
    ("action", "parameters", "newer", "page"),
    [
        ("EdgeKVPut", PUT, "", ""),
        ("EdgeKVPut", PUT | {"ExpirationTTL": 1}, RANGE, ""),
        ("EdgeKVPut", PUT | {"ExpirationTTL": 59}, RANGE, ""),
        ("EdgeKVPut", PUT | {"ExpirationTTL": 60}, "", ""),
        ("EdgeKVPut", PUT | {"ExpirationTTL": 0}, RANGE, RANGE),
        ("EdgeKVPut", PUT | {"Expiration": int(NOW)}, RANGE, ""),
        ("EdgeKVPut", PUT | {"Expiration": int(NOW) + 59}, RANGE, ""),
        ("EdgeKVPut", PUT | {"Expiration": int(NOW) + 60}, "", ""),
        ("EdgeKVPut", PUT | {"Expiration": int(NOW) - 1}, RANGE, RANGE),
        ("EdgeKVPut", PUT | {"Expiration": int(NOW) + 1, "ExpirationTTL": 60}, "", ""),
        ("EdgeKVPut", PUT | {"Expiration": int(NOW) + 90, "ExpirationTTL": 59}, RANGE, ""),
        ("EdgeKVPut", PUT | {"Key": "a.b"}, "", FORMAT),
        ("EdgeKVPut", PUT | {"Key": "é"}, "", FORMAT),
        ("EdgeKVPut", PUT | {"Key": "k\n"}, "", FORMAT),
        ("EdgeKVPut", PUT | {"Key": "Az09-_"}, "", ""),
        ("EdgeKVPut", PUT | {"Key": "k" * 512}, "", ""),
        ("EdgeKVPut", PUT | {"Key": "k" * 513}, RANGE, RANGE),
        ("EdgeKVGet", {"Keys": ["a", "b/c"]}, "", FORMAT),
        ("EdgeKVDelete", {"Keys": ["a", "b c"]}, "", FORMAT),
        ("EdgeKVList", {"Prefix": "b/"}, "", FORMAT),
        ("EdgeKVList", {}, "", ""),
    ],
)
@pytest.mark.parametrize("limits", ["newer", "page", "any"])
def test_each_revision_refuses_what_it_refuses(
    serve_emulator, action, parameters, newer, page, limits
):
    """What both take is taken, what one refuses only where that one is played; ``any`` is wide."""
    server = serve_emulator(limits=limits, clock=Clock(NOW))
    answer = call(server, action, at=NOW, **parameters)
    expected = {"newer": newer, "page": page, "any": newer and page}[limits]
    assert error_of(answer) == expected
    if expected and not (newer and page):
        assert f"--limits {limits}" in answer["Error"]["Message"]


def test_a_refusal_names_the_rule(serve_emulator):
    """Which parameter, what it has to be, and which revision says so; the key is not repeated."""
    newer, page = serve_emulator(limits="newer"), serve_emulator(limits="page")
    told = call(newer, "EdgeKVPut", Key="hunter2", Value="v", ExpirationTTL=30)["Error"]["Message"]
    assert told == (
        "The parameter ExpirationTTL must be 60 or more (the rule of the newer revision:"
        " --limits newer)."
    )
    told = call(page, "EdgeKVGet", Keys=["k", "hunter/2"])["Error"]["Message"]
    assert told == (
        "The parameter Keys.1 must be letters, digits, - and _ alone (the rule of the documented"
        " page of 2026-04-13: --limits page)."
    )


async def test_the_default_is_what_the_service_is_today():
    """An emulator that nobody told anything is the newer revision; an unknown one is an error."""
    async with Emulator(EmulatorOptions()) as emulator:
        assert emulator.url
    assert EmulatorOptions().limits == "newer"
    with pytest.raises(UsageError, match="limits: give newer, page or any"):
        EmulatorOptions(limits="older")
