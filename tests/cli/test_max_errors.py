"""``--max-errors``: a call in which too much goes wrong does not go on."""

from unittest.mock import patch

import pytest

from kvsync.edgekv.client import Namespace
from kvsync.model.errors import PassingError, RejectedError
from tests.cli.failing import broken_puts, manifest_of
from tests.cli.watching import asked, counted, held, long_ago

ONE_BY_ONE = ("--workers", "1", "--json", "--progress", "none")


@pytest.fixture
def refusing(monkeypatch):
    """Lets the service fail (``f``) or reject (``r``) puts of keys that begin so."""
    real = Namespace.put
    errors = {"f": PassingError, "r": RejectedError}

    async def put(namespace, key, *args):
        if error := errors.get(key[0]):
            raise error("InvalidParameter" if key[0] == "r" else "InternalError", "refused")
        return await real(namespace, key, *args)

    monkeypatch.setattr(Namespace, "put", put)


@pytest.fixture
def source(write):
    """Writes a manifest with these keys, given as one word."""

    def written(name: str, keys: str) -> str:
        named = ", ".join(f"{key}-{name}{n}: v" for n, key in enumerate(keys))
        write(f"{name}.yaml", f"version: 1\nkeys: {{{named}}}\n")
        return f"{name}.yaml"

    return written


def ends(result) -> list[tuple[int, str | None]]:
    """How each run ended: exit code, and kind of error."""
    runs = result.json["runs"]
    return [(run["exit_code"], (run["error"] or {"kind": None})["kind"]) for run in runs]


@pytest.mark.slow
def test_soft_stop(kvsync, edge, manifest):
    """After so many errors nothing more is sent, and it is said why; the next run does the rest."""
    manifest(manifest_of(*range(20)))
    with broken_puts(3):
        result = kvsync("sync", "m.yaml", "--max-errors", "3", *ONE_BY_ONE)
    assert (result.code, asked(edge)) == (5, {})
    assert result.json["error"] == result.json["runs"][0]["error"] == {
        "kind": "max-errors",
        "message": "stopped after 3 errors (--max-errors), and skipped the rest:"
        " 0 of 20 changes made",
        "details": [],
    }  # fmt: skip
    summary = result.json["runs"][0]["summary"]
    assert (summary["failed"], summary["skipped"]) == (3, 17)
    assert result.errors == [
        "kvsync: stopping after 3 errors (--max-errors): requests in flight get 10 s to finish",
        "kvsync: error: failed: k0, k1, k2: InternalError: broken",
        f"kvsync: error: {result.json['error']['message']}",
        "kvsync: m.yaml: run the same command again to go on",
    ]
    with counted(edge) as seen:
        assert kvsync("sync", "m.yaml", "--max-errors", "3").code == 0
    assert (len(held(edge)), seen["EdgeKVPut"]) == (20, 20)


@pytest.mark.parametrize(
    ("keys", "code", "created"), [("afaf", 5, 1), ("afar", 5, 1), ("araf", 6, 1), ("aara", 6, 2)]
)
def test_exit_code(kvsync, edge, source, refusing, keys, code, created):
    """The exit code is that of what went wrong: failed keys, or rejected ones."""
    path = source("x", f"{keys}a")
    result = kvsync("sync", path, "--max-errors", "1", *ONE_BY_ONE)
    assert ends(result) == [(code, "max-errors")]
    assert len(held(edge)) == created


def test_nobody_bounds_it(kvsync, edge, source, refusing):
    """Without the option every key is tried."""
    result = kvsync("sync", source("x", "fafara" * 5), *ONE_BY_ONE)
    assert (ends(result), len(held(edge))) == ([(6, None)], 15)


def test_nothing_left(kvsync, edge, source, refusing, monkeypatch):
    """Where the last error is that of the last key, nothing was stopped."""
    monkeypatch.setenv("KVSYNC_MAX_ERRORS", "2")
    result = kvsync("sync", source("x", "faf"), *ONE_BY_ONE)
    assert (ends(result), len(held(edge))) == ([(5, None)], 1)


@pytest.mark.parametrize(
    ("first", "second", "codes"),
    [("faf", "faaa", [5, 5, 5]), ("far", "faaa", [6, 5, 6]), ("faf", "raaa", [5, 6, 6])],
)
def test_several_sources(kvsync, edge, source, refusing, first, second, codes):
    """Errors of all sources count together, and sources that are left are not taken up."""
    paths = [source("x", first), source("y", second), source("z", "aa")]
    result = kvsync("sync", *paths, "--max-errors", "3", *ONE_BY_ONE)
    assert ends(result) == list(zip(codes, [None, "max-errors", "max-errors"], strict=True))
    assert [run["summary"]["skipped"] for run in result.json["runs"]] == [0, 3, 2]
    assert (result.code, list(held(edge))) == (max(codes), ["a-x1"])


@pytest.mark.slow
def test_deletes(kvsync, edge, source):
    """Deletes that fail count, too; a request of twenty may well be beyond the bound."""
    path = source("x", "a" * 61)
    kvsync("sync", path)
    long_ago()
    source("x", "a")

    async def delete(*_):
        raise PassingError("InternalError", "broken")

    with patch.object(Namespace, "delete", delete):
        options = ("--delete", "--force", "--max-errors", "3", *ONE_BY_ONE)
        result = kvsync("sync", path, *options)
    summary = result.json["runs"][0]["summary"]
    assert (ends(result), summary["failed"], summary["skipped"]) == ([(5, "max-errors")], 20, 40)


@pytest.mark.parametrize("number", ["0", "-1", "many"])
def test_no_number(kvsync, manifest, number):
    """A call that may have no error at all says so with 1; fewer make no sense."""
    manifest(manifest_of(1))
    assert kvsync("sync", "m.yaml", "--max-errors", number).code == 2
