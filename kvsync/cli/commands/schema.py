"""Print the JSON Schema of the manifest, for editors."""

import json

import click

from kvsync.cli.output import write_result
from kvsync.sources.manifest.schema import manifest_schema


@click.command("schema", epilog="Example: kvsync schema > kvsync.schema.json")
def command() -> None:
    """Print the JSON Schema of the manifest, for editors that complete and check YAML."""
    write_result(json.dumps(manifest_schema(), indent=2))
