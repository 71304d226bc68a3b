"""Where the data of ``--local`` lie that a command without a source means, and which of them."""

import os
import shlex
from collections.abc import Iterator
from dataclasses import replace

from kvsync.emulator.store import stored_namespaces, stored_uuid
from kvsync.engine.call import Choice, Settings
from kvsync.engine.target import LOCAL_NAMESPACE, LOCAL_ZONE, emulator_data
from kvsync.model.errors import UsageError
from kvsync.model.text import printable
from kvsync.state import StateLocation, locate

_DEPTH = 3
_MOST_FOLDERS = 1000
"""Below the working directory: a look is no search."""
_SAID_BY = "--local"


def found_state(settings: Settings) -> StateLocation:
    """Return the state file that is meant: with ``--local``, the one beside which there are data.

    They lie where what was synced does. Raises `UsageError` if there are several.
    """
    usual = locate(".", settings.state)
    if not settings.local or settings.state or stored_uuid(emulator_data(usual)):
        return usual
    below = list(_below("."))
    if len(below) > 1:
        raise UsageError(f"--local has data in {len(below)} places here: give {_ways(below)}")
    return below[0] if below else usual


def refuse_missing(location: StateLocation, settings: Settings) -> None:
    """Raise `UsageError` if ``--local`` has no data beside this state file."""
    if not settings.local or stored_uuid(emulator_data(location)):
        return
    below = [] if settings.state else list(_below("."))
    way = _ways(below) if below else '--state "$(kvsync state path SOURCE)" with what was synced'
    raise UsageError(
        f"there is nothing of --local at {printable(emulator_data(location))}: give {way}"
    )


def narrowed(settings: Settings, location: StateLocation, *, zone_only: bool = False) -> Settings:
    """Return the settings with the zone and namespace that there are, if none are said, and one is
    there.

    Raises `UsageError` if several are.
    """
    zone, namespace = settings.zone.value, "" if zone_only else settings.namespace.value
    if not settings.local or (zone and (namespace or zone_only)):
        return settings
    there = {
        (stored.zone, "" if zone_only else stored.name)
        for stored in stored_namespaces(emulator_data(location))
        if stored.used and zone in ("", stored.zone) and namespace in ("", stored.name)
    }
    usual = (zone or LOCAL_ZONE, "" if zone_only else namespace or LOCAL_NAMESPACE)
    if not there or usual in there:
        return settings
    if len(there) > 1:
        ways = " or ".join(_options(*place) for place in sorted(there))
        raise UsageError(f"--local has pairs in {len(there)} of these: give {printable(ways)}")
    ((zone, name),) = there
    return replace(
        settings,
        zone=settings.zone if settings.zone.value else Choice(zone, _SAID_BY),
        namespace=settings.namespace if zone_only or namespace else Choice(name, _SAID_BY),
    )


def _options(zone: str, namespace: str) -> str:
    return f"--zone {zone}" + (f" --namespace {namespace}" if namespace else "")


def _ways(states: list[StateLocation]) -> str:
    shown = [f"--state {shlex.quote(state.option)}" for state in states[:5]]
    return printable(" or ".join(shown)) + (" or another" if len(states) > len(shown) else "")


def _below(top: str) -> Iterator[StateLocation]:
    """Yield the state files in the folders below that have data beside them, in the order of
    names.
    """
    level = [top]
    seen = 0
    for _ in range(_DEPTH):
        folders = []
        for folder in level:
            seen += 1
            if seen > _MOST_FOLDERS:
                return
            folders += _folders(folder)
        for folder in folders:
            state = locate(folder)
            if stored_uuid(emulator_data(state)):
                yield state
        level = folders


def _folders(path: str) -> list[str]:
    try:
        with os.scandir(path) as entries:
            return sorted(
                os.path.join(path, entry.name)
                for entry in entries
                if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)
            )
    except OSError:
        return []
