"""The manifest's fields as types: what an entry is checked against, and the JSON Schema."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, get_args

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from kvsync.formats import FILES
from kvsync.formats.policies import POLICIES
from kvsync.formats.record import Loss
from kvsync.model.choices import Charset, Encoding, ErrorOrSkip, Extension, KeyStyle, TreeEncoding

VALUE_FIELDS = ("value", "json", "file", "env")
"""An entry has exactly one of them."""

# Each description follows the words "… must be" in a message.
Text = Annotated[str, Meta(description="text")]
Name = Annotated[str, Meta(description="text, and not empty", min_length=1)]
Path = Annotated[str, Meta(description="a path; a relative one starts at the manifest")]
Ttl = Annotated[int | str, Meta(description="never, seconds, or 90s, 15m, 1h30m, 7d")]
Expires = Annotated[
    int | str, Meta(description="a time with a zone (2026-12-31T23:59:59Z) or Unix seconds")
]
Patterns = Annotated[list[str], Meta(description="a list of patterns as in .gitignore")]


def _words(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} or {last}"


def _one_of(names: Iterable[str]) -> Any:
    """Return the type of what is one of these."""
    return Annotated[Literal[tuple(names)], Meta(description=_words(names))]


_Encoding = Annotated[Encoding, Meta(description="text (valid UTF-8) or base64")]
_TreeEncoding = Annotated[
    TreeEncoding,
    Meta(description="text (valid UTF-8), base64, or auto (text where a file is, else base64)"),
]
_ErrorOrSkip = Annotated[ErrorOrSkip, Meta(description=_words(get_args(ErrorOrSkip)))]

# A type checker reads no lists that are made while the program runs: it is told something wider.
if TYPE_CHECKING:
    FormatName: TypeAlias = str
else:
    FormatName = _one_of(FILES)


class DefaultFields(Struct, forbid_unknown_fields=True):
    """``defaults``: for keys and trees alike."""

    ttl: Ttl | UnsetType = UNSET


class KeyFields(Struct, forbid_unknown_fields=True):
    """One entry under ``keys`` that is not just its value."""

    value: Name | UnsetType = UNSET
    json: Annotated[Any, Meta(description="anything that JSON can say")] = UNSET
    file: Path | UnsetType = UNSET
    env: Annotated[str, Meta(description="the name of an environment variable")] | UnsetType = UNSET
    encoding: _Encoding | UnsetType = UNSET
    ttl: Ttl | UnsetType = UNSET
    expires: Expires | UnsetType = UNSET


class TreeFields(Struct, forbid_unknown_fields=True):
    """One entry under ``trees``."""

    path: Path | UnsetType = UNSET
    prefix: Text | UnsetType = UNSET
    key: Annotated[KeyStyle, Meta(description=_words(get_args(KeyStyle)))] | UnsetType = UNSET
    extension: Annotated[Extension, Meta(description=_words(get_args(Extension)))] | UnsetType = (
        UNSET
    )
    include: Patterns | UnsetType = UNSET
    exclude: Patterns | UnsetType = UNSET
    encoding: _TreeEncoding | UnsetType = UNSET
    empty: _ErrorOrSkip | UnsetType = UNSET
    large: _ErrorOrSkip | UnsetType = UNSET
    ttl: Ttl | UnsetType = UNSET


Delimiter = Annotated[
    str,
    Meta(
        description="one character in quotes, or tab",
        pattern=r'^(?:[^"\r\n\x00]|tab|\\t)$',
    ),
]


class DumpFields(Struct, forbid_unknown_fields=True, rename="kebab"):
    """The fields of `FileFields` that say how a dump is read."""

    path: Path | UnsetType = UNSET
    format: FormatName | UnsetType = UNSET
    prefix: Text | UnsetType = UNSET
    ttl: Ttl | UnsetType = UNSET
    key_column: Name | UnsetType = UNSET
    value_column: Name | UnsetType = UNSET
    ttl_column: Name | UnsetType = UNSET
    delimiter: Delimiter | UnsetType = UNSET
    value_json: Annotated[bool, Meta(description="true or false")] | UnsetType = UNSET
    separator: Text | UnsetType = UNSET


WAY_FIELDS: Mapping[Loss, str] = {
    Loss.KEYS: "key",
    Loss.METADATA: "metadata",
    Loss.FLAGS: "flags",
    Loss.BINARY: "binary",
    Loss.GROUPS: "groups",
    Loss.SHORT_TTL: "short_ttl",
    Loss.EMPTY: "empty",
    Loss.LARGE: "large",
    Loss.EXPIRED: "expired",
    Loss.MISSING: "missing",
}
"""The fields of `FileFields` that say what becomes of a loss, as they are named in Python.

None is for `Loss.TYPES`: in a file every value is a string.
"""

if TYPE_CHECKING:
    FileFields = DumpFields
else:
    FileFields = msgspec.defstruct(
        "FileFields",
        [
            (name, _one_of(POLICIES[kind].ways) | UnsetType, UNSET)
            for kind, name in WAY_FIELDS.items()
        ],
        bases=(DumpFields,),
        namespace={
            "__doc__": "One entry under ``files``: a dump of another store, and what becomes of its"
            " losses."
        },
        module=__name__,
        forbid_unknown_fields=True,
        rename="kebab",
    )


class HeadFields(Struct, forbid_unknown_fields=True):
    """What a manifest says of itself."""

    version: (
        Annotated[Literal[1], Meta(description="1: this kvsync knows no other")] | UnsetType
    ) = UNSET
    name: Name | UnsetType = UNSET
    zone: Name | UnsetType = UNSET
    namespace: Name | UnsetType = UNSET
    charset: Annotated[Charset, Meta(description=_words(get_args(Charset)))] | UnsetType = UNSET


class ManifestFields(HeadFields, forbid_unknown_fields=True):
    """A kvsync manifest, version 1."""

    defaults: DefaultFields | UnsetType = UNSET
    keys: dict[str, Name | KeyFields] | UnsetType | None = UNSET
    trees: list[TreeFields] | UnsetType | None = UNSET
    files: list[FileFields] | UnsetType | None = UNSET


def field_names(spec: type[Struct]) -> dict[str, str]:
    """Return the fields of a type, each with its description."""
    return {field.encode_name: _description(field.type) for field in msgspec.structs.fields(spec)}


def _description(kind: Any) -> str:
    info: Any = msgspec.inspect.type_info(kind)
    for part in getattr(info, "types", (info,)):
        described = (getattr(part, "extra_json_schema", None) or {}).get("description")
        if described:
            return str(described)
    return ""


def manifest_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a manifest."""
    schema = msgspec.json.schema(ManifestFields)
    # For a mistake's sake every field may be missing in the types, and msgspec has no word for
    # "exactly one of these".
    schema["$defs"]["ManifestFields"]["required"] = ["version"]
    schema["$defs"]["TreeFields"]["required"] = ["path"]
    schema["$defs"]["FileFields"]["required"] = ["path"]
    schema["$defs"]["KeyFields"]["oneOf"] = [{"required": [name]} for name in VALUE_FIELDS]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "kvsync manifest",
        **schema,
    }
