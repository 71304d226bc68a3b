"""A kvsync manifest, pair by pair: no document is ever in memory as a whole."""

from typing import Any

import yaml
from yaml import events as ev

from kvsync.formats import MANIFEST
from kvsync.formats.format import Decoded, Format
from kvsync.model.limits import MAX_MANIFEST_KEYS, MAX_MANIFEST_SIZE
from kvsync.model.values import NEVER, Destination, Expiry

_UNLIMITED = 2**31 - 1
_LONG_KEY = b"  ? "
_MAX_EVENTS = 13
"""Of a pair with an expiry; deep nesting ends here, too."""

_EXPIRIES = {"expires": "at", "ttl": "ttl"}

_C = yaml.__with_libyaml__
_Loader: Any = yaml.CSafeLoader if _C else yaml.SafeLoader
_Dumper: Any = yaml.CSafeDumper if _C else yaml.SafeDumper


class Manifest:
    """Under ``keys:``, a line for each pair; a long key has one of its own
    (`kvsync.formats.format.Codec`). A zone or namespace that is empty has no line.
    """

    between = b""
    foot = b""
    starts: tuple[bytes, ...] = (b'  "', _LONG_KEY)
    max_size = MAX_MANIFEST_SIZE
    max_pairs = MAX_MANIFEST_KEYS

    def __init__(self, destination: Destination) -> None:
        # In these two fields, and nowhere else, a manifest has variables.
        place = {"zone": destination.zone, "namespace": destination.namespace}
        named = [
            event
            for name, text in place.items()
            if text
            for event in (_plain(name), _quoted(text.replace("$", "$$")))
        ]
        self.head = _emit(
            *(_plain("version"), _plain("1")),
            *named,
            *(_plain("charset"), _plain("utf-8")),
            *(_plain("keys"), _plain("")),
        )

    def encode(self, key: str, value: bytes, expiry: Expiry) -> bytes:
        """Return the pair's lines, two spaces in front of each."""
        text = _quoted(value.decode())
        fields = [text]
        if expiry.at or expiry.ttl:
            start = ev.MappingStartEvent(None, None, True, flow_style=True)
            name, number = ("ttl", expiry.ttl) if expiry.ttl else ("expires", expiry.at)
            when = _plain(name), _plain(str(number))
            fields = [start, _plain("value"), text, *when, ev.MappingEndEvent()]
        lines = _emit(_quoted(key), *fields).splitlines(keepends=True)
        return b"".join(b"  " + line for line in lines)

    def ends(self, line: bytes, *, within: bool) -> bool:
        """Return whether it is no long key, which has its value in the next line."""
        return within or not line.startswith(_LONG_KEY)

    def decode(self, record: bytes) -> Decoded:
        """Return the lines' pair. Raises `ValueError`."""
        match _scalars(record) if record.startswith(self.starts) else []:
            case [key, value] if key.style == value.style == '"':
                return Decoded(key.value, value.value.encode(), NEVER)
            case [key, name, value, other, when] if key.style == value.style == '"':
                if name.value == "value" and other.value in _EXPIRIES:
                    expiry = Expiry(**{_EXPIRIES[other.value]: int(when.value)})
                    return Decoded(key.value, value.value.encode(), expiry)
        raise ValueError("not a pair in YAML")


def _plain(text: str) -> ev.Event:
    return ev.ScalarEvent(None, None, (True, True), text, style="")


def _quoted(text: str) -> ev.Event:
    return ev.ScalarEvent(None, None, (True, True), text, style='"')


def _emit(*pairs: ev.Event) -> bytes:
    """Return a mapping of these keys and values as a document of its own."""
    start = [ev.StreamStartEvent(), ev.DocumentStartEvent(explicit=False)]
    mapping = [ev.MappingStartEvent(None, None, True, flow_style=False), *pairs]
    end = [ev.MappingEndEvent(), ev.DocumentEndEvent(explicit=False), ev.StreamEndEvent()]
    events = [*start, *mapping, *end]
    text: str = yaml.emit(events, Dumper=_Dumper, width=_UNLIMITED, allow_unicode=True)
    return text.encode()


def _scalars(record: bytes) -> list[Any]:
    """Return the scalars of a mapping; none if there is anything else than a pair can have."""
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


FORMAT = Format(MANIFEST, write=Manifest)
