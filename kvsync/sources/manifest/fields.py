"""From a mapping's nodes to a checked struct; what does not fit is a mistake with its place."""

import re
from difflib import get_close_matches
from typing import Any, TypeVar

import msgspec

from kvsync.sources.manifest.nodes import Mapping, Node, Scalar, Sequence
from kvsync.sources.manifest.scalars import flatten, kind_of
from kvsync.sources.manifest.schema import field_names
from kvsync.sources.mistakes import Mistakes, quoted

_Spec = TypeVar("_Spec", bound=msgspec.Struct)

_LITERAL = frozenset({"ttl", "expires"})
"""Fields whose text is read as it stands: YAML's own reading of dates and numbers is not asked."""

_BOOLEAN = frozenset({"value-json"})

WRITE_VERSION = "write version: 1"
"""Anything else there, or nothing: no other version is known."""

_WHERE = re.compile(r"at `\$\.([a-z-]+)(?:\[([0-9]+)\])?`$")
_NAMES: dict[type[msgspec.Struct], dict[str, str]] = {}


def is_nothing(node: Node) -> bool:
    """Return whether nothing was written where something could stand (``keys:`` and no more)."""
    return isinstance(node, Scalar) and node.plain and not node.text


def unquoted(node: Scalar) -> str:
    """Return what is wrong with a scalar that must be a string; empty if nothing is."""
    kind = node.plain and kind_of(node.text)
    if not kind:
        return ""
    if not node.text:
        return "nothing is given here: write the text, or take the field away"
    return f"a value without quotes that YAML reads as {kind}: put it in quotes ('…')"


def read_fields(
    node: Node, spec: type[msgspec.Struct], mistakes: Mistakes, what: str
) -> dict[str, Node]:
    """Return the fields of ``spec`` that the node gives. ``what`` names the node (``a tree``)."""
    if not isinstance(node, Mapping):
        mistakes.at(node, f"{what} must be a mapping (name: value)")
        return {}
    names = _names(spec)
    found = {}
    for key, value in flatten(node, mistakes, names.__contains__):
        if key.text in names:
            found[key.text] = value
        else:
            mistakes.at(key, _unknown(key.text, names))
    return found


def _names(spec: type[msgspec.Struct]) -> dict[str, str]:
    if spec not in _NAMES:
        _NAMES[spec] = field_names(spec)
    return _NAMES[spec]


def _unknown(name: str, known: dict[str, str]) -> str:
    near = get_close_matches(name, known, 1)
    # A secret may stand where a field's name was meant: only a slip of the pen is repeated.
    if near:
        return f"unknown field {quoted(name)}: did you mean {near[0]}?"
    return f"unknown field (known: {', '.join(known)})"


def convert(found: dict[str, Node], spec: type[_Spec], mistakes: Mistakes) -> _Spec:
    """Return the struct, without the fields that do not fit; all fields of ``spec`` are
    optional.
    """
    data: dict[str, object] = {}
    for name, node in found.items():
        if name == "version" and not (isinstance(node, Scalar) and node.plain and node.text == "1"):
            mistakes.at(node, f"{WRITE_VERSION} (this kvsync knows no other)")
            continue
        fault = isinstance(node, Scalar) and name not in _LITERAL and _scalar_fault(name, node)
        if fault:
            mistakes.at(node, fault)
        else:
            data[name] = _builtin(name, node)
    while True:
        try:
            return msgspec.convert(data, spec)
        except msgspec.ValidationError as error:
            name, place = _place(str(error), found)
            nested = name == "value" and not isinstance(place, Scalar)
            advice = " (of a list or mapping: write json: instead of value:)" if nested else ""
            mistakes.at(place, f"{name} must be {_names(spec)[name]}{advice}")
            del data[name]


def _scalar_fault(name: str, node: Scalar) -> str:
    if name in {"json", "version"}:
        return ""
    if name in _BOOLEAN and node.text in {"true", "false"}:
        return ""
    fault = unquoted(node)
    return f"{fault} or write json: instead of value:" if fault and name == "value" else fault


def _builtin(name: str, node: Node) -> object:
    if name == "json":
        return True
    if isinstance(node, Mapping):
        return {}
    if isinstance(node, Sequence):
        return [_item(item) for item in node.items]
    if name in _BOOLEAN and node.plain:
        return node.text == "true"
    return 1 if name == "version" else node.text


def _item(node: Node) -> object:
    # None is what no list of strings takes.
    return node.text if isinstance(node, Scalar) and not unquoted(node) else None


def _place(message: str, found: dict[str, Node]) -> tuple[str, Any]:
    """Return the field that msgspec names, and its node. The rest of its words may repeat a
    value.
    """
    match = _WHERE.search(message)
    if match is None:  # pragma: no cover - no struct has required fields
        raise AssertionError("msgspec names no field")
    name, index = match.groups()
    node = found[name]
    if index is not None and isinstance(node, Sequence):
        return name, node.items[int(index)]
    return name, node
