"""Acknowledgements that say more than yes.

What is read by names alone takes no notice of an error that is spelled otherwise, stands somewhere
else, or comes first of two; a write that failed would count as done.
"""

import json
import re
from typing import Any

_PLAIN = re.compile(rb'\s*\{\s*"Response"\s*:\s*\{\s*"RequestId"\s*:\s*"[^"\\]*"\s*\}\s*\}\s*')
"""As the service says it today, which is nearly always."""
_LARGEST = 1 << 16
"""Bytes. Nobody needs as many to say yes or no."""
_FAILURE = re.compile("err|fault|fail|exception|den(y|ied)|reject|refus|invalid|abort|unsuccess")
_HOW = {"code", "message", "msg", "reason"}
"""What an error has within; of itself it would be one of another spelling."""
_YES = {"success", "successful", "succeeded", "ok", "done"}
_STATE = {"status", "state", "result", "outcome"}
_OTHERS = {"data", "keys", "cursor", "kvnamespaces", "totalcount"}
"""What answers to reads have."""


class _TwiceError(ValueError):
    pass


def contradicts(body: bytes | bytearray, *, refusal: bool) -> bool:
    """Whether the answer to a write, JSON of the API's form, says anything else besides.

    That is a member that speaks of a failure, but for the Error of a ``refusal``, or one that comes
    twice. Others may be new.
    """
    if _PLAIN.fullmatch(body):
        return False
    if len(body) > _LARGEST:
        return True
    try:
        envelope = json.loads(body, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return True
    response = dict(envelope["Response"])
    if refusal:
        del response["Error"]
    return len(envelope) > 1 or _speaks_of_failure(response)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({_plain(name) for name, _ in pairs}) < len(pairs):
        raise _TwiceError
    return dict(pairs)


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name)).casefold()


def _speaks_of_failure(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_is_failure(_plain(name), part) for name, part in value.items())
    return isinstance(value, list) and any(map(_speaks_of_failure, value))


def _is_failure(name: str, value: Any) -> bool:
    if name in _OTHERS or (name in _YES and value is False):
        return True
    if value and (name in _HOW or _FAILURE.search(name)):
        return True
    if name in _STATE and isinstance(value, str) and _FAILURE.search(value.casefold()):
        return True
    return _speaks_of_failure(value)
