"""What makes a call the same as the last one: all of it, but for what says why not."""

import types
import typing
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from kvsync.engine.call import Call, Deadline, Settings
from kvsync.engine.unchanged import LONG_WAY, NO_MATTER, identities, is_plain

PLAIN = (
    (bool, [True, False]), (int, [1, 2]), (float, [1.5, 2.5]), (str, ["x", "y"]),
    (type(None), [None]), (Deadline, [Deadline(1)]),
)  # fmt: skip
CONTAINERS = (
    (Callable, [lambda: 0.0]), (Mapping, [{"x": "y"}, {}]), (dict, [{"x": "y"}, {}]),
    (frozenset, [frozenset("x"), frozenset()]), (Collection, [("x",), ()]),
)  # fmt: skip


def others(hint: Any) -> list[Any]:
    """Values that a field of this type may have."""
    origin = typing.get_origin(hint)
    if origin in (types.UnionType, typing.Union):
        return [value for one in typing.get_args(hint) for value in others(one)]
    if hasattr(hint, "_fields"):
        return list(_varied(hint))
    known = [values for kind, values in (*PLAIN, *CONTAINERS) if kind in (hint, origin)]
    if not known and isinstance(origin, type) and issubclass(origin, Sequence):
        known = [[("x",), ()]]
    assert known, f"say here what values a field of {hint} may have"
    return known[0]


def _varied(kind: Any) -> Iterator[Any]:
    """A named tuple, and that with each of its fields changed."""
    hints = typing.get_type_hints(kind)
    first = kind(**{name: others(hint)[0] for name, hint in hints.items()})
    yield first
    for name, hint in hints.items():
        yield from (first._replace(**{name: value}) for value in others(hint))


def changed(values: Any) -> Iterator[tuple[str, Any]]:
    """Each field of a dataclass and of those within it, and all of it with that field changed."""
    hints = typing.get_type_hints(type(values))
    for one in fields(values):
        old = getattr(values, one.name)
        if is_dataclass(old):
            for name, new in changed(old):
                yield name, replace(values, **{one.name: new})
            continue
        name = f"{type(values).__name__}.{one.name}"
        for new in others(hints[one.name]):
            if repr(new) != repr(old):
                yield name, replace(values, **{one.name: new})


CALL = Call([], Settings())
FIELDS = sorted({name for name, _ in changed(replace(CALL, paths=["m.yaml"]))})
EXEMPT = LONG_WAY | NO_MATTER


def told(call: Call) -> Any:
    """What the short way knows the call by; nothing if it is closed to it."""
    return is_plain(call) and [one.digest for one in identities(call)]


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_counts(tmp_path: Path, field: str) -> None:
    """A call that differs in any field is another call, unless a list says why it is not."""
    call = replace(CALL, paths=[str(tmp_path / "m.yaml")])
    calls = [new for name, new in changed(call) if name == field]
    assert calls
    if field not in NO_MATTER:
        assert all(told(new) != told(call) for new in calls)


@pytest.mark.parametrize("field", EXEMPT)
def test_exceptions_have_a_reason(field: str) -> None:
    """Who is left out is a field, has a reason, and stands in one list."""
    assert field in FIELDS
    assert len(EXEMPT[field].split()) > 3
    assert (field in LONG_WAY) != (field in NO_MATTER)


def test_what_always_asks() -> None:
    """A call that always asks for something never takes the short way."""
    closed = {name for name, new in changed(CALL) if not is_plain(new)}
    assert closed == set(LONG_WAY)


@pytest.mark.parametrize(
    "name",
    [
        "kvsync.engine.unchanged.__version__",
        "kvsync.engine.unchanged._FORMAT",
        "kvsync.state.sqlite.location.VERSION",
    ],
)
def test_versions_count(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Another version of kvsync, or of its state, finds out for itself."""
    call = replace(CALL, paths=["m.yaml"])
    before = told(call)
    monkeypatch.setattr(name, "another")
    assert told(call) != before


def test_order_makes_no_difference() -> None:
    """The order in which options were given does not make another call."""
    said = CALL.source
    calls = [
        replace(CALL, paths=["m.yaml"], source=replace(said, from_environment=frozenset(names)))
        for names in (["ttl", "prefix", "name"], ["name", "ttl", "prefix"])
    ]
    assert told(calls[0]) == told(calls[1])
