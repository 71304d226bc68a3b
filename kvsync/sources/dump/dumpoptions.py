"""How a dump is read, as the command line or a manifest says it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from kvsync.formats.policies import POLICIES, Rules
from kvsync.formats.record import Layout, Loss
from kvsync.model.errors import UsageError
from kvsync.model.keys import check_key
from kvsync.model.values import Expiry

_NO_LAYOUT = Layout()


@dataclass(frozen=True, slots=True)
class DumpOptions:
    """What is said of a dump; empty where nothing is.

    ``form`` is its format; ``ways`` has, by kind of loss, what to do; ``separator`` stands between
    a group and its key. ``flag`` is what the command calls the format; ``typed`` are the flags
    that were given, for whom they make no sense.
    """

    form: str = ""
    layout: Layout = _NO_LAYOUT
    ways: Mapping[Loss, str] = field(default_factory=dict)
    separator: str = "_"
    flag: str = "--format"
    typed: tuple[str, ...] = ()


NOTHING_SAID = DumpOptions()


def check_ways(ways: Mapping[Loss, str]) -> None:
    """Raises `UsageError` for a way that a kind of loss does not know."""
    for kind, way in ways.items():
        known = POLICIES[kind].ways
        if way not in known:
            raise UsageError(f"--{kind} must be {' or '.join(known)}")


def rules_of(dump: DumpOptions, charset: str, prefix: str, expiry: Expiry) -> Rules:
    """The rules by which records become pairs. Raises `UsageError`."""
    check_ways(dump.ways)
    fault = check_key(prefix, charset) if prefix else ""
    if fault:
        raise UsageError(f"--prefix {fault}")
    return Rules(dump.ways, charset, prefix, dump.separator, expiry)
