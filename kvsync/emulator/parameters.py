"""The parameters of each action: names, types and bounds.

Source: the request classes of ``tencentcloud.teo.v20220901.models``. Where two revisions of the
service disagree, the wider one holds here: any key in UTF-8, any time to live above zero. What one
of them refuses is `kvsync.emulator.limits`.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

import msgspec

from kvsync.emulator.limits import Refusal
from kvsync.emulator.options import is_namespace_name

MAX_VALUE = 2**20
"""Bytes of UTF-8 in a value ("1 MB" in the vendor's words)."""
LAST_SECOND = 253402300799
"""9999-12-31T23:59:59Z, the last time that the service's format can tell."""

Check: TypeAlias = Callable[[str, object], Any]


class _Spec(NamedTuple):
    required: Mapping[str, Check]
    optional: Mapping[str, Check] = {}


def read_parameters(action: str, body: bytes) -> dict[str, Any]:
    """Return the parameters of a request, checked; those left out, or null, are missing.

    Keys, values and prefixes are in UTF-8. ``action`` must be a known one. Raises `Refusal`, with
    a message that never repeats a value.
    """
    given = _decoded(body)
    required, optional = _SPECS[action]
    for name in given:
        if name not in required and name not in optional:
            raise Refusal("UnknownParameter", f"The parameter {name} is not recognized.")
    for name in required:
        if given.get(name) is None:
            raise Refusal("MissingParameter", f"The request is missing the parameter {name}.")
    checks = {**required, **optional}
    return {name: checks[name](name, value) for name, value in given.items() if value is not None}


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refusal("InvalidParameter", "The body is not a JSON object in UTF-8.") from None


def _mismatch(name: str, expected: str) -> Refusal:
    code = "InvalidParameterValue.FormatMismatch"
    return Refusal(code, f"The parameter {name} must be {expected}.")


def _out_of_range(name: str, expected: str) -> Refusal:
    code = "InvalidParameterValue.NotWithinRange"
    return Refusal(code, f"The parameter {name} must have {expected}.")


def _string(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise _mismatch(name, "a string")
    return value


def _text(name: str, value: object) -> str:
    if not _string(name, value):
        raise _out_of_range(name, "at least one character")
    return str(value)


def _key(name: str, value: object) -> bytes:
    text = _string(name, value)
    if not 1 <= len(text) <= 512:
        raise _out_of_range(name, "1 to 512 characters")
    return text.encode()


def _keys(name: str, value: object) -> list[bytes]:
    if not isinstance(value, list):
        raise _mismatch(name, "a list of strings")
    if not 1 <= len(value) <= 20:
        raise _out_of_range(name, "1 to 20 keys")
    return [_key(f"{name}.{index}", key) for index, key in enumerate(value)]


def _value(name: str, value: object) -> bytes:
    encoded = _string(name, value).encode()
    if not 1 <= len(encoded) <= MAX_VALUE:
        raise _out_of_range(name, f"1 to {MAX_VALUE} bytes in UTF-8")
    return encoded


def _integer(low: int, high: int) -> Check:
    def check(name: str, value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise _mismatch(name, "an integer")
        if not low <= value <= high:
            raise _out_of_range(name, f"a value from {low} to {high}")
        return value

    return check


def _one_of(*choices: str) -> Check:
    def check(name: str, value: object) -> str:
        if _string(name, value) not in choices:
            raise Refusal(
                "InvalidParameterValue.NotInEnumeration",
                f"The parameter {name} must be one of {', '.join(choices)}.",
            )
        return str(value)

    return check


def _new_namespace(name: str, value: object) -> str:
    text = _string(name, value)
    if not is_namespace_name(text):
        raise Refusal(
            "InvalidParameter.BadNamespaceName",
            f"The parameter {name} must have 1 to 50 letters, digits and -, with no - at either "
            "end and no two in a row.",
        )
    return text


def _remark(name: str, value: object) -> str:
    text = _string(name, value)
    if len(text) > 256:
        raise Refusal(
            "InvalidParameter.RemarkTooLong", f"The parameter {name} is over 256 characters."
        )
    return text


class Filter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One condition on a namespace; several are joined by and, their values by or."""

    Name: str
    Values: list[str]
    Fuzzy: bool | None = None


def _filters(name: str, value: object) -> list[Filter]:
    try:
        filters = msgspec.convert(value, list[Filter])
    except msgspec.ValidationError:
        raise _mismatch(name, "a list of {Name, Values, Fuzzy}") from None
    for one in filters:
        if one.Name not in {"namespace", "remark"}:
            raise Refusal(
                "InvalidParameter.InvalidFilterName", f"{name}: Name must be namespace or remark."
            )
        if len(one.Values) > 20:
            raise Refusal(
                "InvalidParameter.TooManyFilterValues", f"{name}: 20 values at most are allowed."
            )
    return filters


_NAMESPACE: Mapping[str, Check] = {"ZoneId": _text, "Namespace": _text}
_REMARK: Mapping[str, Check] = {"Remark": _remark}
_SPECS = {
    "EdgeKVPut": _Spec(
        {**_NAMESPACE, "Key": _key, "Value": _value},
        {"Expiration": _integer(0, LAST_SECOND), "ExpirationTTL": _integer(1, LAST_SECOND)},
    ),
    "EdgeKVGet": _Spec({**_NAMESPACE, "Keys": _keys}),
    "EdgeKVList": _Spec(
        _NAMESPACE, {"Prefix": _key, "Cursor": _string, "Limit": _integer(1, 1000)}
    ),
    "EdgeKVDelete": _Spec({**_NAMESPACE, "Keys": _keys}),
    "DescribeEdgeKVNamespaces": _Spec(
        {"ZoneId": _text},
        {
            "Offset": _integer(0, 2**31),
            "Limit": _integer(1, 1000),
            "SortBy": _one_of("created-on", "updated-on"),
            "SortOrder": _one_of("asc", "desc"),
            "Filters": _filters,
        },
    ),
    "CreateEdgeKVNamespace": _Spec({"ZoneId": _text, "Namespace": _new_namespace}, _REMARK),
    "ModifyEdgeKVNamespace": _Spec(_NAMESPACE, _REMARK),
    "DeleteEdgeKVNamespace": _Spec(_NAMESPACE),
}
