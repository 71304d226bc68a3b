"""Each list of choices is written once: command line, schema and checks have the same."""

from typing import Any

import click
import pytest

from kvsync.cli.commands import convert, export, sync
from kvsync.formats import FILES, FORMATS, MANIFEST, WRITTEN
from kvsync.formats.policies import POLICIES
from kvsync.formats.record import ERROR, KEEP, SKIP, Loss
from kvsync.model.choices import CHOICES
from kvsync.model.errors import UsageError
from kvsync.sources import SourceOptions
from kvsync.sources.manifest.schema import WAY_FIELDS, manifest_schema
from kvsync.sources.options import DumpOptions, rules_of, tree_from_options

_PARTS = manifest_schema()["$defs"]


def _choices(command: Any, name: str) -> tuple[str, ...]:
    (option,) = (each for each in command.command.params if f"--{name}" in each.opts)
    assert isinstance(option.type, click.Choice)
    return tuple(option.type.choices)


def _enum(part: str, name: str) -> set[str]:
    return set(_PARTS[part]["properties"][name]["enum"])


@pytest.mark.parametrize("name", CHOICES)
def test_settings_of_a_directory(name):
    """The option, the field of a manifest, and the check of who calls without a command line."""
    wanted = CHOICES[name]
    assert _choices(sync, name) == wanted
    assert _enum("ManifestFields" if name == "charset" else "TreeFields", name) == set(wanted)
    with pytest.raises(UsageError, match=f"--{name} must be {' or '.join(wanted)}"):
        tree_from_options(".", SourceOptions(**{name: "neither"}))


@pytest.mark.parametrize("kind", Loss)
def test_what_becomes_of_a_loss(kind):
    """The option, the field of a dump in a manifest, and the check."""
    wanted = tuple(POLICIES[kind].ways)
    assert _choices(sync, kind) == wanted
    assert {ERROR, SKIP} <= {*wanted}
    assert (KEEP in wanted) == (kind is Loss.SHORT_TTL)
    if kind in WAY_FIELDS:
        assert _enum("FileFields", WAY_FIELDS[kind].replace("_", "-")) == set(wanted)
    with pytest.raises(UsageError, match=f"--{kind} must be {' or '.join(wanted)}"):
        rules_of(DumpOptions(ways={kind: "neither"}), "strict", "", None)


def test_formats():
    """What is read, and what is written."""
    assert _choices(sync, "format") == _choices(convert, "from") == (MANIFEST, *FORMATS)
    assert _enum("FileFields", "format") == set(FILES)
    assert _choices(convert, "to") == WRITTEN
    assert _choices(export, "format") == ("dir", *WRITTEN)


def test_a_directory_leaves_out_what_a_dump_does():
    """Of an empty or a large value both say the same."""
    assert CHOICES["empty"] == tuple(POLICIES[Loss.EMPTY].ways)
    assert CHOICES["large"] == tuple(POLICIES[Loss.LARGE].ways)


def test_an_entry_is_stored_as_a_directory_without_auto():
    """A single file is what its manifest says."""
    assert _enum("KeyFields", "encoding") == {*CHOICES["encoding"]} - {"auto"}
