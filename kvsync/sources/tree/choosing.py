"""What a tree's patterns say of a path."""

from kvsync.sources.options import Tree
from kvsync.sources.tree.directories import Directory
from kvsync.sources.tree.leftout import plain_name
from kvsync.sources.tree.patterns import Rules, decide, matching


def is_ignored(tree: Tree, directory: Directory, path: str, is_directory: bool) -> bool:
    """Whether the path is excluded, or an ignore file names it; the nearest one decides."""
    if tree.exclude and decide(tree.exclude, path, is_directory):
        return True
    for start, rules in directory.levels:
        said = decide(rules, path[start:], is_directory)
        if said is not None:
            return said
    return False


def is_included(tree: Tree, directory: Directory, path: str, is_directory: bool) -> bool:
    """Whether ``include`` names the path, or else a directory that it is in."""
    said = decide(tree.include, path, is_directory)
    return directory.included if said is None else said


def is_named(tree: Tree, directory: Directory, path: str, is_directory: bool) -> bool:
    """Whether ``include`` or a ``!`` names what is left out of a tree unless it is named.

    ``*`` and ``*.json`` do not: they were written for the files beside which ``._a.json`` lies.
    """
    plain = "/".join(map(plain_name, path.split("/")))

    def names(rules: Rules, start: int, *, matches: bool) -> bool:
        below = path[start:]
        others = plain.split("/", path.count("/", 0, start))[-1]
        chosen = [rule for rule in rules if rule.matches is matches]
        return any(
            not matching(rule, others, is_directory)
            for rule in chosen
            if matching(rule, below, is_directory)
        )

    return (
        names(tree.include, 0, matches=True)
        or names(tree.exclude, 0, matches=False)
        or any(names(rules, start, matches=False) for start, rules in directory.levels)
    )
