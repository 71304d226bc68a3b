"""The paths in a manifest: variables filled in, relative to the manifest's directory."""

import os
from collections.abc import Mapping

from kvsync.sources.manifest.nodes import Scalar
from kvsync.sources.manifest.variables import expand
from kvsync.sources.mistakes import Mistakes


class Paths:
    """Resolves paths against ``home``, the absolute path of the manifest's directory."""

    def __init__(self, home: str, environ: Mapping[str, str], mistakes: Mistakes) -> None:
        self._home = home
        self._environ = environ
        self._mistakes = mistakes

    def resolve(self, node: Scalar) -> str:
        """The absolute path, or empty if it cannot be one, which is a mistake."""
        try:
            path = expand(node.text, self._environ)
        except ValueError as error:
            self._mistakes.at(node, str(error))
            return ""
        if not path or "\0" in path:
            self._mistakes.at(node, "not a path: it is empty, or has a character that none has")
            return ""
        return os.path.join(self._home, path)
