"""The JSON Schema says what the reader says."""

from kvsync.formats import FORMATS
from kvsync.formats.policies import POLICIES
from kvsync.formats.record import Loss
from kvsync.sources.manifest.schema import WAY_FIELDS, manifest_schema


def test_the_schema_has_every_field_and_what_must_be_there() -> None:
    """Fields, required ones, and that an entry has exactly one value."""
    schema = manifest_schema()
    parts = schema["$defs"]
    assert schema["$ref"] == "#/$defs/ManifestFields"
    assert parts["ManifestFields"]["required"] == ["version"]
    assert list(parts["ManifestFields"]["properties"]) == [
        "version", "name", "zone", "namespace", "charset", "defaults", "keys", "trees", "files",
    ]  # fmt: skip
    assert list(parts["KeyFields"]["properties"]) == [
        "value", "json", "file", "env", "encoding", "ttl", "expires",
    ]  # fmt: skip
    assert parts["KeyFields"]["oneOf"] == [
        {"required": [name]} for name in ("value", "json", "file", "env")
    ]
    assert parts["TreeFields"]["required"] == ["path"]
    assert parts["FileFields"]["required"] == ["path"]
    assert parts["TreeFields"]["properties"]["key"]["enum"] == ["escape", "join", "path"]
    assert not any(part["additionalProperties"] for part in parts.values())


def test_every_field_says_what_it_takes() -> None:
    """A description stands at every field: editors show it."""
    parts = manifest_schema()["$defs"]
    bare = [
        name
        for fields in ("KeyFields", "TreeFields", "FileFields", "DefaultFields")
        for name, field in parts[fields]["properties"].items()
        if not field["description"]
    ]
    assert bare == []


def test_files_have_every_format_and_every_way() -> None:
    """What a dump may be on the command line, it may be in a manifest, but for a live server."""
    fields = manifest_schema()["$defs"]["FileFields"]["properties"]
    assert set(fields["format"]["enum"]) == set(FORMATS) - {"redis"}
    assert set(WAY_FIELDS) == set(Loss) - {Loss.TYPES}
    for kind, name in WAY_FIELDS.items():
        assert set(fields[name.replace("_", "-")]["enum"]) == set(POLICIES[kind].ways), kind
