"""The manifest's fields as types: what an entry is checked against, and the JSON Schema."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

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
Encoding = Annotated[Literal["text", "base64"], Meta(description="text (valid UTF-8) or base64")]
TreeEncoding = Annotated[
    Literal["text", "base64", "auto"],
    Meta(description="text (valid UTF-8), base64, or auto (text where a file is, else base64)"),
]
ErrorOrSkip = Annotated[Literal["error", "skip"], Meta(description="error or skip")]


class DefaultFields(Struct, forbid_unknown_fields=True):
    """``defaults``: for keys and trees alike."""

    ttl: Ttl | UnsetType = UNSET


class KeyFields(Struct, forbid_unknown_fields=True):
    """One entry under ``keys`` that is not just its value."""

    value: Name | UnsetType = UNSET
    json: Annotated[Any, Meta(description="anything that JSON can say")] = UNSET
    file: Path | UnsetType = UNSET
    env: Annotated[str, Meta(description="the name of an environment variable")] | UnsetType = UNSET
    encoding: Encoding | UnsetType = UNSET
    ttl: Ttl | UnsetType = UNSET
    expires: Expires | UnsetType = UNSET


class TreeFields(Struct, forbid_unknown_fields=True):
    """One entry under ``trees``."""

    path: Path | UnsetType = UNSET
    prefix: Text | UnsetType = UNSET
    key: (
        Annotated[Literal["join", "escape", "path"], Meta(description="join, escape or path")]
        | UnsetType
    ) = UNSET
    extension: Annotated[Literal["keep", "drop"], Meta(description="keep or drop")] | UnsetType = (
        UNSET
    )
    include: Patterns | UnsetType = UNSET
    exclude: Patterns | UnsetType = UNSET
    encoding: TreeEncoding | UnsetType = UNSET
    empty: ErrorOrSkip | UnsetType = UNSET
    large: ErrorOrSkip | UnsetType = UNSET
    ttl: Ttl | UnsetType = UNSET


Format = Annotated[
    Literal["jsonl", "csv", "tsv", "cloudflare", "fastly", "akamai", "consul", "dotenv"],
    Meta(description="jsonl, csv, tsv, cloudflare, fastly, akamai, consul or dotenv"),
]
Delimiter = Annotated[
    str,
    Meta(
        description="one character in quotes, or tab",
        pattern=r'^(?:[^"\r\n\x00]|tab|\\t)$',
    ),
]


class FileFields(Struct, forbid_unknown_fields=True, rename="kebab"):
    """One entry under ``files``: a dump of another store, and what becomes of its losses."""

    path: Path | UnsetType = UNSET
    format: Format | UnsetType = UNSET
    prefix: Text | UnsetType = UNSET
    ttl: Ttl | UnsetType = UNSET
    key_column: Name | UnsetType = UNSET
    value_column: Name | UnsetType = UNSET
    ttl_column: Name | UnsetType = UNSET
    delimiter: Delimiter | UnsetType = UNSET
    value_json: Annotated[bool, Meta(description="true or false")] | UnsetType = UNSET
    separator: Text | UnsetType = UNSET
    key: (
        Annotated[
            Literal["error", "skip", "escape", "join"],
            Meta(description="error, skip, escape or join"),
        ]
        | UnsetType
    ) = UNSET
    metadata: (
        Annotated[
            Literal["error", "skip", "drop", "envelope"],
            Meta(description="error, skip, drop or envelope"),
        ]
        | UnsetType
    ) = UNSET
    flags: (
        Annotated[Literal["error", "skip", "drop"], Meta(description="error, skip or drop")]
        | UnsetType
    ) = UNSET
    binary: (
        Annotated[Literal["error", "skip", "base64"], Meta(description="error, skip or base64")]
        | UnsetType
    ) = UNSET
    groups: (
        Annotated[
            Literal["error", "skip", "join", "drop"],
            Meta(description="error, skip, join or drop"),
        ]
        | UnsetType
    ) = UNSET
    short_ttl: (
        Annotated[
            Literal["keep", "error", "skip", "extend"],
            Meta(description="keep, error, skip or extend"),
        ]
        | UnsetType
    ) = UNSET
    empty: ErrorOrSkip | UnsetType = UNSET
    large: ErrorOrSkip | UnsetType = UNSET
    expired: ErrorOrSkip | UnsetType = UNSET
    missing: ErrorOrSkip | UnsetType = UNSET


class HeadFields(Struct, forbid_unknown_fields=True):
    """What a manifest says of itself."""

    version: (
        Annotated[Literal[1], Meta(description="1: this kvsync knows no other")] | UnsetType
    ) = UNSET
    name: Name | UnsetType = UNSET
    zone: Name | UnsetType = UNSET
    namespace: Name | UnsetType = UNSET
    charset: (
        Annotated[Literal["strict", "utf-8"], Meta(description="strict or utf-8")] | UnsetType
    ) = UNSET


class ManifestFields(HeadFields, forbid_unknown_fields=True):
    """A kvsync manifest, version 1."""

    defaults: DefaultFields | UnsetType = UNSET
    keys: dict[str, Name | KeyFields] | UnsetType | None = UNSET
    trees: list[TreeFields] | UnsetType | None = UNSET
    files: list[FileFields] | UnsetType | None = UNSET


def field_names(spec: type[Struct]) -> dict[str, str]:
    """The fields of a type, each with its description."""
    return {field.encode_name: _description(field.type) for field in msgspec.structs.fields(spec)}


def _description(kind: Any) -> str:
    info: Any = msgspec.inspect.type_info(kind)
    for part in getattr(info, "types", (info,)):
        described = (getattr(part, "extra_json_schema", None) or {}).get("description")
        if described:
            return str(described)
    return ""


def manifest_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a manifest."""
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
