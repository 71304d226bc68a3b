"""One entry of ``trees:``: from its node to the settings of a tree."""

import os
from typing import NamedTuple

from msgspec import UNSET, UnsetType

from kvsync.formats.filenames import INDEX_NAME
from kvsync.model.keys import check_key, join_key
from kvsync.model.values import Expiry
from kvsync.sources.index_conflicts import TOLD_BY_INDEX, contradicting
from kvsync.sources.manifest.fields import convert, read_fields
from kvsync.sources.manifest.keys import Lifetimes
from kvsync.sources.manifest.nodes import Mapping, Node, Scalar, Sequence
from kvsync.sources.manifest.schema import TreeFields
from kvsync.sources.manifest.variables import Paths
from kvsync.sources.mistakes import Mistakes
from kvsync.sources.options import Tree, is_exported
from kvsync.sources.tree.patterns import Rules, parse_rules


class TreeContext(NamedTuple):
    """The part of a manifest that a tree needs. ``shown_home`` is the directory as the user wrote
    it.
    """

    mistakes: Mistakes
    paths: Paths
    lifetimes: Lifetimes
    default: Expiry
    charset: str
    shown_home: str
    home: str


def read_tree(node: Node, context: TreeContext) -> Tree | None:
    """Return the tree, or None if there is no directory to read."""
    mistakes = context.mistakes
    if not isinstance(node, Mapping):
        mistakes.at(node, "a tree must be a mapping (- path: …)")
        return None
    found = read_fields(node, TreeFields, mistakes, "a tree")
    fields = convert(found, TreeFields, mistakes)
    ttl = found.get("ttl")
    expiry = context.lifetimes.ttl(ttl) if ttl else context.default
    rules = {name: _rules(found.get(name), mistakes) for name in ("include", "exclude")}
    prefix = _prefix(found.get("prefix"), fields.prefix or "", context)
    root = _root(node, found.get("path"), fields.path, context)
    if not root:
        return None
    exported = is_exported(root)
    if exported:
        _refuse_told(root, found, fields, mistakes)
    return Tree(
        root=root,
        shown=shown_path(root, context),
        charset=context.charset,
        prefix=prefix,
        style=fields.key or ("join" if context.charset == "strict" else "path"),
        drop_extension=fields.extension == "drop",
        encoding=fields.encoding or "text",
        skip_empty=fields.empty == "skip",
        skip_large=fields.large == "skip",
        expiry=expiry,
        include=rules["include"],
        exclude=rules["exclude"],
        exported=exported,
    )


def _refuse_told(root: str, found: dict[str, Node], fields: TreeFields, mistakes: Mistakes) -> None:
    # An unset field did not fit, which is a mistake already.
    told = [name for name in TOLD_BY_INDEX if name in found and getattr(fields, name) is not UNSET]
    for name in contradicting(root, {name: str(getattr(fields, name)) for name in told}):
        mistakes.at(
            found[name],
            f"{name}: the index of this exported directory says it: take the field away, "
            f"or remove {INDEX_NAME} from there to read an ordinary folder",
        )


def _root(node: Node, given: Node | None, path: str | UnsetType, context: TreeContext) -> str:
    if given is None:
        context.mistakes.at(node, "a tree needs a path: write path: and the directory")
        return ""
    # An unset field was no text, which is a mistake already.
    root = "" if path is UNSET or not isinstance(given, Scalar) else context.paths.resolve(given)
    if root and not os.path.isdir(root):
        context.mistakes.at(
            given, "no such directory: check the path; it starts at the manifest's directory"
        )
        return ""
    return root


def shown_path(root: str, context: TreeContext) -> str:
    """Return an absolute path as the manifest's user would write it."""
    relative = root.removeprefix(os.path.join(context.home, ""))
    while relative.startswith("./"):
        relative = relative[2:].lstrip("/")
    return os.path.join(context.shown_home, relative.rstrip("/") or "/")


def _prefix(node: Node | None, prefix: str, context: TreeContext) -> str:
    fault = check_key(prefix, context.charset) if prefix else ""
    if not fault or node is None:
        return prefix
    context.mistakes.at(node, f"the prefix {fault}")
    # The keys are still looked at, without repeating this mistake for each.
    return join_key(prefix[:64], "strict")


def _rules(node: Node | None, mistakes: Mistakes) -> Rules:
    if not isinstance(node, Sequence):
        return ()
    lines = [item for item in node.items if isinstance(item, Scalar)]
    rules, faults = parse_rules(line.text for line in lines)
    for number, message in faults:
        mistakes.at(lines[number - 1], message)
    return rules
