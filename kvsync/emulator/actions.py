"""The eight actions: from checked parameters to an answer, over the store."""

import base64
import binascii
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias

from kvsync.emulator.limits import Refusal
from kvsync.emulator.parameters import LAST_SECOND, Filter
from kvsync.emulator.store import Namespace, Store

Answer: TypeAlias = dict[str, Any]
Parameters: TypeAlias = Mapping[str, Any]
Action: TypeAlias = Callable[[Store, Parameters, float], Answer]


def find_namespace(store: Store, zone: str, name: str) -> Namespace:
    """Return a namespace that exists. Raises `Refusal` if it does not."""
    namespace = store.namespace(zone, name)
    if namespace is None:
        raise Refusal(
            "ResourceUnavailable.NamespaceNotFound", "The KV namespace does not exist in this zone."
        )
    return namespace


def _namespace(store: Store, parameters: Parameters) -> Namespace:
    return find_namespace(store, parameters["ZoneId"], parameters["Namespace"])


def _put(store: Store, parameters: Parameters, now: float) -> Answer:
    namespace = _namespace(store, parameters)
    expires = _expires(parameters, int(now))
    if not store.put(namespace, parameters["Key"], parameters["Value"], expires):
        raise Refusal("LimitExceeded", "The namespace has no capacity left for this pair.")
    return {}


def _expires(parameters: Parameters, now: int) -> int:
    """Return when a pair runs out, in Unix seconds, 0 for never. A time to live wins over a
    time.
    """
    code = "InvalidParameterValue.NotWithinRange"
    ttl, at = parameters.get("ExpirationTTL"), parameters.get("Expiration")
    if ttl is not None:
        if now + ttl > LAST_SECOND:
            raise Refusal(code, "The parameter ExpirationTTL must end before the year 10000.")
        return now + int(ttl)
    if at is not None and at < now:
        raise Refusal(code, "The parameter Expiration must not be earlier than now.")
    return at or 0


def _get(store: Store, parameters: Parameters, _now: float) -> Answer:
    keys = parameters["Keys"]
    pairs = store.get(_namespace(store, parameters), keys)
    data = [
        {"Key": key.decode(), "Value": value.decode(), "Expiration": _iso(expires)}
        for key, (value, expires) in zip(keys, pairs, strict=True)
    ]
    return {"Data": data}


def _list(store: Store, parameters: Parameters, _now: float) -> Answer:
    limit = parameters.get("Limit", 20)
    after = _key_of(parameters.get("Cursor", ""))
    # One more than asked for tells whether there is a next page.
    found = store.keys(
        _namespace(store, parameters), parameters.get("Prefix", b""), after, limit + 1
    )
    keys = found[:limit]
    cursor = _cursor_of(keys[-1]) if len(found) > limit else ""
    return {"Keys": [key.decode() for key in keys], "Cursor": cursor}


def _cursor_of(key: bytes) -> str:
    """Return the cursor after a key: it names the key, so that inserts and deletes cannot shift a
    page.
    """
    return base64.urlsafe_b64encode(b"k" + key).decode()


def _key_of(cursor: str) -> bytes:
    if not cursor:
        return b""
    try:
        key = base64.b64decode(cursor, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key.startswith(b"k"):
        raise Refusal(
            "InvalidParameterValue.FormatMismatch",
            "The parameter Cursor must be one that EdgeKVList answered.",
        )
    return key[1:]


def _delete(store: Store, parameters: Parameters, _now: float) -> Answer:
    store.delete(_namespace(store, parameters), parameters["Keys"])
    return {}


def _describe(store: Store, parameters: Parameters, _now: float) -> Answer:
    filters = parameters.get("Filters", [])
    found = [
        namespace
        for namespace in store.namespaces(parameters["ZoneId"])
        if all(_matches(namespace, one) for one in filters)
    ]
    by_change = parameters.get("SortBy") == "updated-on"
    found.sort(
        key=lambda one: (one.modified if by_change else one.created, one.id),
        reverse=parameters.get("SortOrder", "desc") == "desc",
    )
    offset = parameters.get("Offset", 0)
    page = found[offset : offset + parameters.get("Limit", 20)]
    return {"TotalCount": len(found), "KVNamespaces": [_described(one) for one in page]}


def _matches(namespace: Namespace, condition: Filter) -> bool:
    text = namespace.name if condition.Name == "namespace" else namespace.remark
    if condition.Fuzzy:
        return any(value in text for value in condition.Values)
    return text in condition.Values


def _described(namespace: Namespace) -> Answer:
    return {
        "Namespace": namespace.name,
        "Remark": namespace.remark,
        "Capacity": namespace.capacity,
        "CapacityUsed": namespace.used,
        "References": [],
        "CreatedOn": _iso(namespace.created),
        "ModifiedOn": _iso(namespace.modified),
    }


def _create(store: Store, parameters: Parameters, now: float) -> Answer:
    zone, name = parameters["ZoneId"], parameters["Namespace"]
    if not store.create_namespace(zone, name, parameters.get("Remark", ""), now):
        raise Refusal(
            "OperationDenied.NamespaceAlreadyExists",
            "A KV namespace of this name already exists in this zone.",
        )
    return {}


def _modify(store: Store, parameters: Parameters, now: float) -> Answer:
    namespace = _namespace(store, parameters)
    store.modify_namespace(namespace, parameters.get("Remark", namespace.remark), now)
    return {}


def _delete_namespace(store: Store, parameters: Parameters, _now: float) -> Answer:
    store.delete_namespace(_namespace(store, parameters))
    return {}


def _iso(seconds: int) -> str:
    """Unix seconds as the service writes a time; 0 is never, and empty."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if seconds else ""


ACTIONS: Mapping[str, Action] = {
    "EdgeKVPut": _put,
    "EdgeKVGet": _get,
    "EdgeKVList": _list,
    "EdgeKVDelete": _delete,
    "DescribeEdgeKVNamespaces": _describe,
    "CreateEdgeKVNamespace": _create,
    "ModifyEdgeKVNamespace": _modify,
    "DeleteEdgeKVNamespace": _delete_namespace,
}
