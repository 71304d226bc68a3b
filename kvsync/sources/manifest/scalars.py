"""Scalars without quotes as YAML reads them, and the JSON that a node stands for."""

import re
from collections.abc import Callable, Iterator
from json.encoder import encode_basestring
from typing import TypeGuard, cast

from yaml.resolver import Resolver

from kvsync.sources.manifest.nodes import Mapping, Node, Scalar, Sequence
from kvsync.sources.mistakes import Mistakes, quoted

_KINDS = {
    "bool": "a boolean",
    "float": "a number",
    "int": "a number",
    "null": "null",
    "timestamp": "a date or time",
}
_RESOLVERS = Resolver.yaml_implicit_resolvers
_JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?", re.ASCII)
_JSON_WORDS = frozenset({"true", "false", "null"})


def _never(_: str) -> bool:
    return False


def kind_of(text: str) -> str:
    """Return what YAML 1.1 or JSON reads in these characters when they stand without quotes.

    Empty for a string, otherwise words for a person: ``a number``, ``a boolean``.
    """
    resolvers = _RESOLVERS.get(text[:1])
    if resolvers is None:
        # So begin most strings, and no number.
        return ""
    for tag, pattern in resolvers:
        if pattern.match(text):
            return _KINDS.get(tag.rpartition(":")[2], "a special character")
    return "a number" if _JSON_NUMBER.fullmatch(text) else ""


def is_string(node: Node) -> TypeGuard[Scalar]:
    """Return whether the node is a scalar that stands for exactly its characters."""
    return isinstance(node, Scalar) and (not node.plain or not kind_of(node.text))


def flatten(
    mapping: Mapping, mistakes: Mistakes, nameable: Callable[[str], bool] = _never
) -> list[tuple[Scalar, Node]]:
    """Return the pairs of a mapping with merge keys resolved: what is written out wins, then the
    first.

    Keys that are no strings and keys given twice become mistakes; ``nameable`` says which keys a
    message may show.
    """
    found: list[tuple[Scalar, Node]] = []
    seen: dict[str, Scalar] = {}
    merges = False
    for pair in mapping.pairs:
        key = pair[0]
        if not is_string(key):
            merges = _is_merge(key) or merges
            _refuse_unless_merge(key, mistakes)
        elif seen.setdefault(key.text, key) is key:
            # The same tuple: of a hundred thousand a copy takes 5 MiB.
            found.append(cast("tuple[Scalar, Node]", pair))
        else:
            what = f"the key {quoted(key.text)}" if nameable(key.text) else "a key"
            line = seen[key.text].line
            mistakes.at(key, f"{what} is given twice: it stands in line {line} already")
    return list(_merged(mapping.pairs, seen, mistakes)) if merges else found


def _merged(
    pairs: list[tuple[Node, Node]], seen: dict[str, Scalar], mistakes: Mistakes
) -> Iterator[tuple[Scalar, Node]]:
    taken = set(seen)
    for key, node in pairs:
        if _is_merge(key):
            for merged in _merge_sources(node, mistakes):
                for inner, value in flatten(merged, mistakes):
                    if inner.text not in taken:
                        taken.add(inner.text)
                        yield inner, value
        elif isinstance(key, Scalar) and seen.get(key.text) is key:
            yield key, node


def _merge_sources(node: Node, mistakes: Mistakes) -> list[Mapping]:
    nodes = node.items if isinstance(node, Sequence) else [node]
    sources = [item for item in nodes if isinstance(item, Mapping)]
    if len(sources) < len(nodes):
        mistakes.at(node, "<< takes a mapping or a list of mappings")
    return sources


def _is_merge(key: Node) -> bool:
    return isinstance(key, Scalar) and key.plain and key.text == "<<"


def _refuse_unless_merge(key: Node, mistakes: Mistakes) -> None:
    if not isinstance(key, Scalar):
        mistakes.at(key, "a key must be a string")
    elif not _is_merge(key):
        mistakes.at(
            key,
            f"a key without quotes that YAML reads as {kind_of(key.text)}: put it in quotes ('…')",
        )


def render_json(node: Node, mistakes: Mistakes) -> str:
    """Compact JSON, numbers as they were written, keys in the given order."""
    parts: list[str] = []
    _render(node, parts, mistakes)
    return "".join(parts)


def _render(node: Node, parts: list[str], mistakes: Mistakes) -> None:
    if isinstance(node, Scalar):
        parts.append(_render_scalar(node, mistakes))
        return
    if isinstance(node, Sequence):
        separator = "["
        for item in node.items:
            parts.append(separator)
            _render(item, parts, mistakes)
            separator = ","
        parts.append("]" if node.items else "[]")
        return
    separator = "{"
    for key, value in flatten(node, mistakes):
        parts.append(f"{separator}{encode_basestring(key.text)}:")
        _render(value, parts, mistakes)
        separator = ","
    parts.append("{}" if separator == "{" else "}")


def _render_scalar(node: Scalar, mistakes: Mistakes) -> str:
    text = node.text
    if not node.plain:
        return encode_basestring(text)
    kind = kind_of(text)
    if not kind:
        return encode_basestring(text)
    if text in _JSON_WORDS or (_JSON_NUMBER.fullmatch(text) and _yaml_agrees(text)):
        return text
    mistakes.at(
        node,
        f"a value without quotes that can be read as {kind}, but is not written as JSON writes it: "
        "put a string in quotes ('…'); otherwise write true, false, null or a number like 12.5",
    )
    return "null"


def _yaml_agrees(text: str) -> bool:
    return any(pattern.match(text) for _, pattern in _RESOLVERS.get(text[:1], ()))
