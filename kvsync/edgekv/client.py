"""The client of EdgeKV: an account at an endpoint, its namespaces and their pairs."""

from collections import Counter
from types import TracebackType
from typing import Any

import msgspec

from kvsync.edgekv.calls import Caller, Traffic
from kvsync.edgekv.clock import ServiceClock
from kvsync.edgekv.credentials import CredentialProvider
from kvsync.edgekv.dialogue import RequestIds
from kvsync.edgekv.endpoint import INTL, parse_endpoint
from kvsync.edgekv.namespace import Namespace
from kvsync.edgekv.options import DEFAULTS, ClientOptions
from kvsync.edgekv.shapes import DoneAnswer, NamespaceInfo, NamespacesAnswer
from kvsync.edgekv.throttle import Throttle
from kvsync.edgekv.translate import Scene, bad_answer
from kvsync.edgekv.wire import Request, Wire
from kvsync.model.api import (
    API_RATE,
    CREATE_NAMESPACE,
    DELETE_NAMESPACE,
    DESCRIBE_NAMESPACES,
    MODIFY_NAMESPACE,
    NAMESPACES_PER_PAGE,
)
from kvsync.model.errors import ServiceError
from kvsync.model.values import Ack

_MOST_NAMESPACES = 100_000
"""No zone has so many: a list of more has no end."""


class EdgeKVClient:
    """EdgeKV as one account sees it at one endpoint.

        async with EdgeKVClient(default_credentials()) as client:
            await client.namespace("zone-…", "ns-011").put("hello", b"world", NEVER)

    ``throttle`` paces the requests; clients that sign as the same sub-account share one (20 per
    second and action by default: what it may, with the console and the vendor's CLI). Methods raise
    `ServiceError` or `Interrupted`; the constructor raises `UsageError` for an endpoint that makes
    no sense, ``async with`` for a CA file or a proxy that
    cannot be used.
    """

    def __init__(
        self,
        credentials: CredentialProvider,
        endpoint: str = INTL,
        *,
        throttle: Throttle | None = None,
        options: ClientOptions = DEFAULTS,
    ) -> None:
        self.endpoint = parse_endpoint(endpoint)
        self._credentials = credentials
        self._throttle = throttle or Throttle(API_RATE)
        self._options = options
        self._traffic = Traffic()
        self._clock = ServiceClock()
        self._request_ids = RequestIds()
        self._wire: Wire | None = None

    async def __aenter__(self) -> "EdgeKVClient":
        self._wire = Wire(
            self._credentials, self.endpoint, self._throttle, self._clock, self._options
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._wire:
            await self._wire.close()
        self._wire = None

    @property
    def requests(self) -> Counter[str]:
        """Every attempt of the client's own methods, by action; a `Namespace` counts its own."""
        return self._traffic.requests

    @property
    def clock_offset(self) -> float:
        """Seconds by which the service's clock is ahead of this machine's, as last seen.

        0.0 if the difference is not notable (5 s or less) or unknown. It outlives the connections.
        """
        return self._clock.offset

    def namespace(self, zone: str, name: str) -> Namespace:
        """Return the pairs of a namespace; asks nothing yet."""
        return Namespace(self._caller(Traffic()), Scene(self.endpoint, zone, name))

    async def namespaces(
        self, zone: str, name: str = "", *, retries: int | None = None
    ) -> list[NamespaceInfo]:
        """Return the namespaces of a zone, or the one of this name, if there is one.

        ``retries`` counts the attempts after the first, None as for all other requests.
        """
        fields: dict[str, Any] = {"ZoneId": zone, "Limit": NAMESPACES_PER_PAGE}
        if name:
            fields["Filters"] = [{"Name": "namespace", "Values": [name], "Fuzzy": False}]
        found: list[NamespaceInfo] = []
        caller = self._caller(self._traffic, retries)
        while True:
            request = self._request(DESCRIBE_NAMESPACES, fields | {"Offset": len(found)})
            answer = (await caller.call(request, NamespacesAnswer)).answer
            found += answer.namespaces or []
            if not answer.namespaces or len(found) >= answer.total_count:
                return found
            if len(found) >= _MOST_NAMESPACES:
                raise bad_answer("the list of namespaces does not end: check --endpoint")

    async def create_namespace(self, zone: str, name: str, remark: str = "") -> Ack:
        """Create a namespace: 1 to 50 of ``a-z A-Z 0-9 -``; the remark up to 256 characters."""
        asked = self._clock.now()
        try:
            return await self._manage(CREATE_NAMESPACE, zone, name, Remark=remark)
        except ServiceError as error:
            # Refused because an attempt whose answer was lost had created it already.
            if not error.in_doubt or not await self._exists(zone, name, remark):
                raise
            return Ack(error.request_id, asked, error.attempts, sure=False)

    async def modify_namespace(self, zone: str, name: str, remark: str) -> Ack:
        """Change a namespace's remark."""
        return await self._manage(MODIFY_NAMESPACE, zone, name, Remark=remark)

    async def delete_namespace(self, zone: str, name: str) -> Ack:
        """Delete a namespace and all that it holds, for good."""
        return await self._manage(DELETE_NAMESPACE, zone, name)

    async def _exists(self, zone: str, name: str, remark: str) -> bool:
        found = await self.namespaces(zone, name)
        return any(info.name == name and info.remark == remark for info in found)

    async def _manage(self, action: str, zone: str, name: str, **fields: str) -> Ack:
        request = self._request(action, {"ZoneId": zone, "Namespace": name, **fields})
        return (await self._caller(self._traffic).call(request, DoneAnswer)).ack

    def _request(self, action: str, fields: dict[str, Any]) -> Request:
        scene = Scene(self.endpoint, fields["ZoneId"], fields.get("Namespace", ""))
        return Request(action, msgspec.json.encode(fields), scene)

    def _caller(self, traffic: Traffic, retries: int | None = None) -> Caller:
        retries = self._options.retries if retries is None else retries
        return Caller(self._open(), self._throttle, retries, traffic, self._request_ids)

    def _open(self) -> Wire:
        if self._wire is None:
            raise RuntimeError("open the client first: async with EdgeKVClient(...) as client")
        return self._wire
