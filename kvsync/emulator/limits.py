"""What the service may be asked to keep: one revision takes what another one refuses.

Sources: the vendor's page for EdgeKVPut of 2026-04-13 (``page``), and its newer revision, which the
service follows since mid-2026 (``newer``).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from kvsync.emulator.options import NEWER, PAGE
from kvsync.emulator.refusal import Refusal

_SHORTEST_S = 60
_STRICT = re.compile(rb"[A-Za-z0-9_-]*")


def check_limits(parameters: Mapping[str, Any], limits: str, now: int) -> None:
    """Let in what the revision takes; ``now`` is in Unix seconds.

    Raises `Refusal`, which names the rule and the revision, and never repeats a key.
    """
    if limits == PAGE:
        for name, key in _keys(parameters):
            if not _STRICT.fullmatch(key):
                raise _refusal("FormatMismatch", name, "letters, digits, - and _ alone", limits)
    if limits == NEWER:
        ttl, at = parameters.get("ExpirationTTL"), parameters.get("Expiration")
        if ttl is not None and ttl < _SHORTEST_S:
            raise _refusal("NotWithinRange", "ExpirationTTL", f"{_SHORTEST_S} or more", limits)
        # A time to live wins over a time.
        if ttl is None and at is not None and at < now + _SHORTEST_S:
            raise _refusal("NotWithinRange", "Expiration", f"now + {_SHORTEST_S} or later", limits)


def _keys(parameters: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    for name in ("Key", "Prefix"):
        if name in parameters:
            yield name, parameters[name]
    for number, key in enumerate(parameters.get("Keys", ())):
        yield f"Keys.{number}", key


def _refusal(code: str, name: str, rule: str, limits: str) -> Refusal:
    revision = "documented page of 2026-04-13" if limits == PAGE else "newer revision"
    return Refusal(
        f"InvalidParameterValue.{code}",
        f"The parameter {name} must be {rule} (the rule of the {revision}: --limits {limits}).",
    )
