"""``kvsync schema``."""

import json

import click

from kvsync.sources.schema import manifest_schema

__all__ = ["command"]


@click.command("schema", epilog="Example: kvsync schema > kvsync.schema.json")
def command() -> None:
    """Print the JSON Schema of the manifest, for editors that complete and check YAML."""
    click.echo(json.dumps(manifest_schema(), indent=2))
