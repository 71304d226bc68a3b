"""EdgeKV's API: the client, its signature, credentials, pace and errors.

    async with EdgeKVClient(default_credentials()) as client:
        await client.namespace("zone-…", "ns-011").put("hello", b"world", NEVER)

Nothing is imported before it is asked for: a run that sends nothing must not pay for aiohttp.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kvsync.edgekv.client import EdgeKVClient
    from kvsync.edgekv.credentials import (
        CredentialProvider,
        Credentials,
        StaticCredentials,
        default_credentials,
    )
    from kvsync.edgekv.endpoint import INTL, MAINLAND, parse_endpoint
    from kvsync.edgekv.namespace import Namespace
    from kvsync.edgekv.options import ClientOptions
    from kvsync.edgekv.places import Credential
    from kvsync.edgekv.shapes import NamespaceInfo
    from kvsync.edgekv.throttle import Throttle
    from kvsync.model.values import Pair

__all__ = [
    "INTL",
    "MAINLAND",
    "ClientOptions",
    "Credential",
    "CredentialProvider",
    "Credentials",
    "EdgeKVClient",
    "Namespace",
    "NamespaceInfo",
    "Pair",
    "StaticCredentials",
    "Throttle",
    "default_credentials",
    "parse_endpoint",
]

_HOMES = {
    "ClientOptions": "options",
    "EdgeKVClient": "client",
    "Namespace": "namespace",
    "NamespaceInfo": "shapes",
    "Pair": "namespace",
    "Credential": "places",
    "CredentialProvider": "credentials",
    "Credentials": "credentials",
    "StaticCredentials": "credentials",
    "default_credentials": "credentials",
    "INTL": "endpoint",
    "MAINLAND": "endpoint",
    "parse_endpoint": "endpoint",
    "Throttle": "throttle",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
