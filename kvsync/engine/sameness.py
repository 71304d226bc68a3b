"""What makes one call the same as another: every field of it, but for what has a reason not to."""

from collections.abc import Iterator, Mapping, Set
from dataclasses import fields, is_dataclass
from typing import Any

from kvsync.engine.call import Call

LONG_WAY = {
    "Call.only": "it is not for all of the source",
    "Call.refresh": "it reads the target, whatever the state says",
    "Call.create_namespace": "it asks whether the namespace is there",
    "Call.verifying": "it reads the target afterwards",
    "Call.failures": "it writes a file, whatever is to be done",
    "SourceOptions.checksum": "it reads every file",
}
"""Fields of a call that always ask for something, once they are not as they are by default."""

NO_MATTER = {
    "Call.clock": "it tells the time: what that changes is due at a known moment",
    "Call.environ": "of the variables those count that the source was seen to ask for",
    "Call.deadline": "it ends what is sent, and nothing is",
    "Call.max_errors": "it ends what is sent, and nothing is",
    "Settings.grace": "it is for requests in flight, and there are none",
    "Settings.lock_timeout": "nobody is waited for",
    "Settings.identities": "answers of this run; the target that they lead to is compared",
}
"""Fields of a call that make no difference to whether there is something to do, and why. All that
is not named here counts: a call that differs in it from the last one goes its whole way."""


def is_plain(call: Call) -> bool:
    """Whether nothing is asked for but to send what has changed, as the state knows it."""
    return not any(name in LONG_WAY and value for name, value in _fields(call))


def what_counts(call: Call) -> list[tuple[str, Any]]:
    """All by which the call may differ from another one, in words that are always the same."""
    return [(name, _plainly(value)) for name, value in _fields(call) if name not in NO_MATTER]


def _fields(values: Any) -> Iterator[tuple[str, Any]]:
    """The fields of a dataclass, as ``Class.field``, and in place of one within it that one's."""
    for one in fields(values):
        value = getattr(values, one.name)
        if is_dataclass(value):
            yield from _fields(value)
        else:
            yield f"{type(values).__name__}.{one.name}", value


def _plainly(value: Any) -> Any:
    """The value, written the same way whatever order it was put together in."""
    if isinstance(value, Mapping):
        return sorted(value.items())
    return sorted(value) if isinstance(value, Set) else value
