"""The fields of one pair, where the formats agree."""

import binascii
import re
from collections.abc import Collection, Mapping
from difflib import get_close_matches

import msgspec

from kvsync.formats.decoder import DEEP, Json
from kvsync.model.text import printable
from kvsync.model.values import NEVER, Expiry

NOT_UNICODE = "not valid Unicode (half of a surrogate pair): change it"

_OTHERS_SAY = {
    "name": ("key",),
    "item": ("key",),
    "content": ("value",),
    "data": ("value",),
    "body": ("value",),
    "expires": ("expiration",),
    "expires_at": ("expiration",),
    "ttl": ("expiration_ttl", "time_to_live_sec"),
    "expiration_ttl": ("time_to_live_sec",),
    "time_to_live_sec": ("expiration_ttl",),
    "retentionseconds": ("expiration_ttl", "time_to_live_sec"),
}
"""Names that others have for a field, in lower case."""

_MAX_SECONDS = 10**12
_DIGITS = re.compile(r"[0-9]{1,12}")
_MAX_DEPTH = 64
_SECONDS = "must be a positive whole number of seconds, or be left out"

_encode = msgspec.json.Encoder().encode


class WrongError(Exception):
    """An error in one pair, in words that repeat no value; the next pair may be right.

    ``column`` is where in its line, from 1, if that is known.
    """

    def __init__(self, message: str, column: int = 1) -> None:
        self.column = column
        super().__init__(message)


def members_of(value: Json, fault: str, example: str) -> dict[str, Json]:
    """Return the fields of a pair, if it is an object and nothing else was found to be wrong."""
    if fault:
        raise WrongError(fault)
    if not isinstance(value, dict):
        raise WrongError(f"not an object: write {example}")
    return value


def check_names(fields: Mapping[str, Json], known: Collection[str]) -> None:
    """Raise `WrongError` for a field that is not among these."""
    for number, name in enumerate(fields, 1):
        if name not in known:
            raise WrongError(unknown_field(name, number, known))


def unknown_field(name: str, number: int, known: Collection[str]) -> str:
    """Return the words for the field in this place of a pair, with the nearest known name."""
    plain = name[:100].lower()
    near = [field for field in _OTHERS_SAY.get(plain, ()) if field in known]
    near = near or get_close_matches(plain, known, 1)
    # A secret may stand where a field's name was meant: only a slip of the pen is repeated.
    if near:
        return f"unknown field {printable(name)}: did you mean {near[0]}?"
    return f"unknown field in place {number} (known: {', '.join(known)})"


def key_of(fields: Mapping[str, Json]) -> str:
    """Return the ``key``."""
    if "key" not in fields:
        raise WrongError("no key: add it")
    key = fields["key"]
    if not isinstance(key, str):
        raise WrongError("key must be a string: write it in double quotes")
    text_bytes(key, "key")
    return key


def text_bytes(text: str, name: str) -> bytes:
    """Return the text in UTF-8; ``name`` says what it is."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise WrongError(f"{name} is {NOT_UNICODE}") from None


def value_of(fields: Mapping[str, Json]) -> bytes:
    """Return the ``value``; with ``base64: true`` it is in base64."""
    if flag_of(fields, "base64"):
        return wrapped_value_of(fields)
    return text_bytes(_value_text(fields), "value")


def wrapped_value_of(fields: Mapping[str, Json]) -> bytes:
    """Return the ``value``, in base64."""
    return decode_base64(_value_text(fields), "value")


def _value_text(fields: Mapping[str, Json]) -> str:
    if "value" not in fields:
        raise WrongError("no value: add it")
    value = fields["value"]
    if not isinstance(value, str):
        raise WrongError("value is not a string: write it as a string")
    return value


def decode_base64(text: str, name: str) -> bytes:
    """Return the bytes; line breaks, as ``base64`` makes them, are passed over."""
    try:
        if "\n" in text:
            text = text.replace("\r", "").replace("\n", "")
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        raise WrongError(f"{name} is not valid base64: encode it again (RFC 4648)") from None


def expiry_of(fields: Mapping[str, Json]) -> Expiry:
    """From ``expiration_ttl`` (seconds), which wins, and ``expiration`` (Unix seconds)."""
    ttl = seconds_of(fields, "expiration_ttl")
    at = seconds_of(fields, "expiration")
    if ttl:
        return Expiry(ttl=ttl)
    return Expiry(at=at) if at else NEVER


def seconds_of(fields: Mapping[str, Json], name: str) -> int:
    """Return a positive whole number; 0 if there is none."""
    value = fields.get(name)
    if value is None:
        return 0
    if isinstance(value, msgspec.Raw):
        # Some tools write 1577836800.0.
        number = float(bytes(value))
        value = int(number) if number.is_integer() else None
    # A bool is an int.
    if type(value) is not int or not 0 < value < _MAX_SECONDS:
        raise WrongError(f"{name} {_SECONDS}")
    return value


def whole_seconds(digits: str, name: str) -> int:
    """Return a positive whole number, from text; ``name`` says what it is."""
    if not _DIGITS.fullmatch(digits) or not int(digits):
        raise WrongError(f"{name} {_SECONDS}")
    return int(digits)


def flag_of(fields: Mapping[str, Json], name: str) -> bool:
    """Return a ``true`` or ``false``; false if there is none."""
    value = fields.get(name)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise WrongError(f"{name} must be true or false")
    return value


def json_text(value: Json) -> str:
    """Return the value as compact JSON, empty for null. Numbers stay as they were written."""
    if value is None:
        return ""
    if _deeper(value, _MAX_DEPTH):
        raise WrongError(f"metadata is {DEEP}")
    try:
        return _encode(value).decode()
    except UnicodeEncodeError:
        raise WrongError(f"metadata is {NOT_UNICODE}") from None


def _deeper(value: Json, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return not levels or any(_deeper(each, levels - 1) for each in inner)
