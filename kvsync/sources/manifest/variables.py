"""``${NAME}``, ``${NAME:-default}`` and ``$$`` in zone, namespace and paths, and those paths."""

import os
import re
from collections.abc import Mapping

from kvsync.sources.manifest.nodes import Scalar
from kvsync.sources.mistakes import Mistakes

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_USUAL = re.compile(r"[A-Z_][A-Z0-9_]*", re.ASCII)
_DOLLAR = re.compile(r"\$(?:(\$)|\{([A-Za-z_][A-Za-z0-9_]*)(?:(:-)([^${}]*))?\})?", re.ASCII)


def is_name(text: str) -> bool:
    """Return whether the text can be the name of an environment variable."""
    return _NAME.fullmatch(text) is not None


def called(name: str) -> str:
    """Return the variable in words for a message.

    A secret may stand where its name was meant: only what looks like a name is repeated.
    """
    known = _USUAL.fullmatch(name)
    return f"the environment variable {name}" if known else "the environment variable named here"


def expand(text: str, environ: Mapping[str, str]) -> str:
    """Return the text with its variables filled in; a default also stands in for an empty one.

    Spaces and line ends around a variable's value, which files of Windows leave, are no part of it.

    Raises `ValueError` with words for a person.
    """
    if "$" not in text:
        return text
    return _DOLLAR.sub(lambda match: _replace(match, environ), text)


def _replace(match: re.Match[str], environ: Mapping[str, str]) -> str:
    dollar, name, has_default, default = match.groups()
    if dollar:
        return "$"
    if name is None:
        raise ValueError("a lone $: write $$ for the sign, ${NAME} or ${NAME:-default} otherwise")
    value = environ.get(name)
    if has_default:
        return (value or "").strip() or default
    if value is None:
        raise ValueError(f"{called(name)} is not set: set it, or give a default")
    return value.strip()


class Paths:
    """Resolves paths against ``home``, the absolute path of the manifest's directory."""

    def __init__(self, home: str, environ: Mapping[str, str], mistakes: Mistakes) -> None:
        self._home = home
        self._environ = environ
        self._mistakes = mistakes

    def resolve(self, node: Scalar) -> str:
        """Return the absolute path, or empty if it cannot be one, which is a mistake."""
        try:
            path = expand(node.text, self._environ)
        except ValueError as error:
            self._mistakes.at(node, str(error))
            return ""
        if not path or "\0" in path:
            self._mistakes.at(node, "not a path: it is empty, or has a character that none has")
            return ""
        return os.path.join(self._home, path)
