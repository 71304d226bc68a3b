"""The JSON Schema says what the reader says."""

from kvsync.sources.schema import manifest_schema


def test_the_schema_has_every_field_and_what_must_be_there() -> None:
    """Fields, required ones, and that an entry has exactly one value."""
    schema = manifest_schema()
    parts = schema["$defs"]
    assert schema["$ref"] == "#/$defs/ManifestFields"
    assert parts["ManifestFields"]["required"] == ["version"]
    assert list(parts["ManifestFields"]["properties"]) == [
        "version", "name", "zone", "namespace", "charset", "defaults", "keys", "trees",
    ]  # fmt: skip
    assert list(parts["KeyFields"]["properties"]) == [
        "value", "json", "file", "env", "encoding", "ttl", "expires",
    ]  # fmt: skip
    assert parts["KeyFields"]["oneOf"] == [
        {"required": [name]} for name in ("value", "json", "file", "env")
    ]
    assert parts["TreeFields"]["required"] == ["path"]
    assert parts["TreeFields"]["properties"]["key"]["enum"] == ["escape", "join", "path"]
    assert not any(part["additionalProperties"] for part in parts.values())


def test_every_field_says_what_it_takes() -> None:
    """A description stands at every field: editors show it."""
    parts = manifest_schema()["$defs"]
    bare = [
        name
        for fields in ("KeyFields", "TreeFields", "DefaultFields")
        for name, field in parts[fields]["properties"].items()
        if not field["description"]
    ]
    assert bare == []
