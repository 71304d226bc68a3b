"""Whether a message repeats a value: in whole or in part, as it is or as JSON writes it."""

import json
import re
from collections.abc import Collection

_TELLING = 8
"""Characters of a value that tell something of it."""
_SHORT = 4
"""A value with fewer stands in many words; it counts only where it stands for itself."""
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


def repeats(message: str, value: str) -> bool:
    """Whether a part of the value that tells something of it stands in the message.

    The message should be short: each place in it is looked for in the whole value.
    """
    if not value:
        return False
    readings = {message, _unescaped(message)}
    if len(value) < _SHORT:
        token = re.compile(rf"(?<!\w){re.escape(value)}(?!\w)")
        return any(token.search(reading) for reading in readings)
    width = min(_TELLING, len(value))
    windows = {r[at : at + width] for r in readings for at in range(len(r) - width + 1)}
    return any(window in form for form in _forms(value, message) for window in windows)


def _forms(value: str, message: str) -> Collection[str]:
    if "\\" not in message:
        return {value}
    # A part that begins within an escape is read wrongly: it is found as it is.
    return {value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}


def _unescaped(message: str) -> str:
    plain = _ESCAPE.sub(_character, message)
    # JSON writes a character beyond U+FFFF as two, which become one here.
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _character(escape: re.Match[str]) -> str:
    code, char = escape.groups()
    return chr(int(code, 16)) if code else _CONTROLS.get(char, char)
