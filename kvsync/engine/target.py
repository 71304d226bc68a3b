"""Which target a source goes to, and who said so."""

import os

from kvsync.edgekv.endpoint import identity, parse_endpoint
from kvsync.emulator.options import is_namespace_name
from kvsync.emulator.store import Store, stored_uuid
from kvsync.engine.call import Call, Choice, Settings
from kvsync.model.errors import StateError, UsageError
from kvsync.model.text import printable
from kvsync.model.values import Destination, Target
from kvsync.sources.interface import Source
from kvsync.state import StateLocation, locate

LOCAL_ZONE = "zone-local"
LOCAL_NAMESPACE = "default"


def emulator_data(location: StateLocation) -> str:
    """Return the path of the emulator's data under ``--local``: beside the state."""
    return os.path.join(location.folder, "emulator.db")


def local_endpoint(location: StateLocation, *, create: bool = False) -> str:
    """``local:UUID``: delete the emulator's data, and the state no longer speaks for it.

    With ``create`` the data is made if it is missing; without, the UUID may be empty.
    """
    path = emulator_data(location)
    uuid = stored_uuid(path)
    if not uuid and create:
        Store(path).close()
        uuid = stored_uuid(path)
    return f"local:{uuid}"


def named_target(source: Source | None, settings: Settings) -> tuple[str, str] | None:
    """Zone and namespace, as far as both are known without asking anybody."""
    zone, namespace = _named(source.destination if source else Destination(), settings)
    return (zone.value, namespace.value) if zone.value and namespace.value else None


def state_locations(call: Call) -> list[StateLocation]:
    """Return where the states of the call's sources lie, as far as their paths tell."""
    if call.settings.state:
        try:
            return [locate("", call.settings.state)]
        except StateError:
            # Opening it says why it cannot be there.
            return []
    # By way of a link, `..` may be meant in two ways.
    paths = {*call.paths, *map(os.path.abspath, call.paths)}
    folders = {path if os.path.isdir(path) else os.path.dirname(path) for path in paths}
    return sorted({locate(folder) for folder in folders})


def own_files(call: Call) -> tuple[str, ...]:
    """Return what this call writes on this machine, by absolute real path: it is part of no source.

    Where ``.kvsync`` is a link into a folder, its files would be.
    """
    failures = [call.failures, f"{call.failures}.part"] if call.failures else []
    files: list[str] = []
    for location in state_locations(call):
        data = emulator_data(location)
        files += [
            *location.files(),
            *(data + ending for ending in ("", "-journal", "-wal", "-shm")),
        ]
    return *files, *map(os.path.realpath, failures)


def resolve(
    destination: Destination, settings: Settings, location: StateLocation
) -> tuple[Target, str]:
    """Return the target, and a line that says where each part of it came from.

    For zone and namespace the command line wins, then the manifest, then the environment: a
    forgotten variable must not redirect a manifest that names its own. Raises `UsageError`.
    """
    zone, namespace = _named(destination, settings)
    if settings.local:
        if namespace.value and not is_namespace_name(namespace.value):
            raise UsageError(
                f"namespace {printable(namespace.value)} ({namespace.said_by}): a name has 1 to 50"
                " letters, digits and -, with no - at either end and no two in a row"
            )
        zone = zone if zone.value else Choice(LOCAL_ZONE, "--local")
        namespace = namespace if namespace.value else Choice(LOCAL_NAMESPACE, "--local")
    endpoint = endpoint_of(settings, location)
    for name, choice in (("zone", zone), ("namespace", namespace)):
        if not choice.value:
            raise UsageError(
                f"no {name}: give --{name}, or `{name}:` in the manifest, or KVSYNC_{name.upper()}"
            )
    said = {"zone": zone, "namespace": namespace, "endpoint": endpoint}
    told = ", ".join(f"{name}: {choice.said_by}" for name, choice in said.items())
    return Target(endpoint.value, zone.value, namespace.value), told


def endpoint_of(settings: Settings, location: StateLocation) -> Choice:
    """Return what the state knows the endpoint by. Raises `UsageError`."""
    if settings.local:
        return Choice(local_endpoint(location), "--local")
    url = parse_endpoint(settings.endpoint.value or "intl")
    known = settings.identities
    if url not in known:
        known[url] = identity(url, ca_file=settings.ca_file)
    return Choice(known[url], settings.endpoint.said_by or "default")


def refuse_elsewhere(destination: Destination, target: Target, settings: Settings) -> None:
    """Raise `UsageError` for a source that belongs to one target, if this is another one.

    The message says what to give.
    """
    wanted = Target(destination.endpoint, destination.zone, destination.namespace)
    if not wanted.endpoint:
        return
    advice = ""
    if destination.state and not settings.state:
        advice = f"its state is at {printable(destination.state)}: give that with --state"
    elif target.endpoint != wanted.endpoint:
        advice = _way_to(wanted.endpoint, settings)
    elif target != wanted:
        advice = "leave out --zone and --namespace"
    if advice:
        place = printable(f"{wanted.zone}/{wanted.namespace} at {wanted.endpoint}")
        raise UsageError(
            f"{destination.zone_from} has what did not get through to {place}, and is for no other"
            f" target: {advice}"
        )


def _way_to(endpoint: str, settings: Settings) -> str:
    kind, _, _ = endpoint.partition(":")
    if kind == "local":
        if settings.local:
            return "--local has other data now, so sync the source itself"
        return "give --local"
    if kind == "emulator":
        return (
            "give --endpoint with that emulator's address; if it was started anew, sync the source"
            " itself"
        )
    return f"give --endpoint {printable(endpoint)}"


def _named(destination: Destination, settings: Settings) -> tuple[Choice, Choice]:
    return (
        _pick(settings.zone, Choice(destination.zone, destination.zone_from)),
        _pick(settings.namespace, Choice(destination.namespace, destination.namespace_from)),
    )


def _pick(chosen: Choice, manifest: Choice) -> Choice:
    if chosen.value and chosen.on_command_line:
        return chosen
    return manifest if manifest.value else chosen
