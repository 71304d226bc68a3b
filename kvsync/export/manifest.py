"""A kvsync manifest, pair by pair: no document is ever in memory as a whole."""

from typing import Any

import yaml
from yaml import events as ev

from kvsync.exported import Origin
from kvsync.limits import MAX_MANIFEST_SIZE
from kvsync.model import Pair

__all__ = ["Manifest"]

_UNLIMITED = 2**31 - 1
_LONG_KEY = b"  ? "
_MAX_EVENTS = 13
"""Of a pair with an expiry; deep nesting ends here, too."""

_C = yaml.__with_libyaml__
_Loader: Any = yaml.CSafeLoader if _C else yaml.SafeLoader
_Dumper: Any = yaml.CSafeDumper if _C else yaml.SafeDumper


class Manifest:
    """Under ``keys:``, a line for each pair; a long key has one of its own
    (`kvsync.export.records.Codec`).
    """

    starts: tuple[bytes, ...] = (b'  "', _LONG_KEY)
    max_size = MAX_MANIFEST_SIZE

    def __init__(self, origin: Origin) -> None:
        # In these two fields, and nowhere else, a manifest has variables.
        zone, namespace = (text.replace("$", "$$") for text in (origin.zone, origin.namespace))
        self.head = _emit(
            *(_plain("version"), _plain("1")),
            *(_plain("zone"), _quoted(zone)),
            *(_plain("namespace"), _quoted(namespace)),
            *(_plain("charset"), _plain("utf-8")),
            *(_plain("keys"), _plain("")),
        )

    def encode(self, pair: Pair) -> bytes:
        """The pair's lines, two spaces in front of each."""
        value = _quoted((pair.value or b"").decode())
        fields = [value]
        if pair.expires:
            start = ev.MappingStartEvent(None, None, True, flow_style=True)
            expires = _plain("expires"), _plain(str(pair.expires))
            fields = [start, _plain("value"), value, *expires, ev.MappingEndEvent()]
        lines = _emit(_quoted(pair.key), *fields).splitlines(keepends=True)
        return b"".join(b"  " + line for line in lines)

    def is_whole(self, lines: bytes) -> bool:
        """Whether it is more than a long key without its value."""
        return not lines.startswith(_LONG_KEY) or lines.count(b"\n") > 1

    def decode(self, record: bytes) -> Pair:
        """The lines' pair. Raises `ValueError`."""
        match _scalars(record) if record.startswith(self.starts) else []:
            case [key, value] if key.style == value.style == '"':
                return Pair(key.value, value.value.encode())
            case [key, name, value, other, expires] if key.style == value.style == '"':
                if (name.value, other.value) == ("value", "expires"):
                    return Pair(key.value, value.value.encode(), int(expires.value))
        raise ValueError("not a pair in YAML")


def _plain(text: str) -> ev.Event:
    return ev.ScalarEvent(None, None, (True, True), text, style="")


def _quoted(text: str) -> ev.Event:
    return ev.ScalarEvent(None, None, (True, True), text, style='"')


def _emit(*pairs: ev.Event) -> bytes:
    """A mapping of these keys and values as a document of its own."""
    start = [ev.StreamStartEvent(), ev.DocumentStartEvent(explicit=False)]
    mapping = [ev.MappingStartEvent(None, None, True, flow_style=False), *pairs]
    end = [ev.MappingEndEvent(), ev.DocumentEndEvent(explicit=False), ev.StreamEndEvent()]
    events = [*start, *mapping, *end]
    text: str = yaml.emit(events, Dumper=_Dumper, width=_UNLIMITED, allow_unicode=True)
    return text.encode()


def _scalars(record: bytes) -> list[Any]:
    """The scalars of a mapping; none if there is anything else than a pair can have."""
    scalars: list[Any] = []
    try:
        for number, event in enumerate(yaml.parse(record, Loader=_Loader)):
            if number >= _MAX_EVENTS or isinstance(event, ev.SequenceStartEvent):
                return []
            if any(getattr(event, mark, None) for mark in ("anchor", "tag")):
                return []
            if isinstance(event, ev.ScalarEvent):
                scalars.append(event)
    except yaml.YAMLError:
        return []
    return scalars
