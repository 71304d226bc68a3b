"""The service without its transport: headers and body in, one JSON document out."""

import sqlite3
import uuid
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from kvsync.edgekv.signing import VERSION
from kvsync.emulator.actions import ACTIONS, find_namespace
from kvsync.emulator.authorization import check_authorization
from kvsync.emulator.limits import Refusal, check_limits
from kvsync.emulator.options import EmulatorOptions
from kvsync.emulator.parameters import read_parameters
from kvsync.emulator.store import Namespace, Store

MAX_BODY = 10 * 2**20
"""Bytes of a signed request's body, at most ("10 MB" in the vendor's words)."""


class Request(NamedTuple):
    """One POST. ``admitted``: within the pace; ``body`` is None if it is over `MAX_BODY`."""

    headers: Mapping[str, str]
    body: bytes | None
    admitted: bool = True


class Service:
    """Answers requests as the cloud does, over one store; ``clock`` gives Unix seconds."""

    def __init__(self, store: Store, options: EmulatorOptions, clock: Callable[[], float]) -> None:
        self._store = store
        self._options = options
        self._clock = clock
        self._zones: set[str] = set()

    def answer(self, request: Request) -> bytes:
        """Carry a request out, or refuse it: the answer's body either way."""
        try:
            return _document(self._carried_out(request))
        except Refusal as refusal:
            return refused(refusal.code, refusal.message)
        except sqlite3.Error as error:
            return refused("InternalError", f"The emulator's data cannot be used: {error}.")

    def namespace(self, zone: str, name: str) -> Namespace:
        """Return a namespace as a request would find it now. Raises `Refusal`."""
        self._enter(zone)
        self._store.sweep(self._clock())
        return find_namespace(self._store, zone, name)

    def _carried_out(self, request: Request) -> dict[str, Any]:
        now = self._clock()
        if request.body is None:
            raise Refusal("RequestSizeLimitExceeded", "The body is over 10 MB.")
        check_authorization(request.headers, request.body, now, self._options.credential)
        action = _action(request.headers)
        if not request.admitted:
            raise Refusal(
                "RequestLimitExceeded",
                f"{action} is limited to {self._options.rate:g} requests per second: slow down.",
            )
        parameters = read_parameters(action, request.body)
        check_limits(parameters, self._options.limits, int(now))
        self._enter(parameters["ZoneId"])
        self._store.sweep(now)
        return ACTIONS[action](self._store, parameters, now)

    def _enter(self, zone: str) -> None:
        """Let only the known zone in, and give each its namespaces when it is first used."""
        if self._options.zone and zone != self._options.zone:
            raise Refusal("InvalidParameter.ZoneNotFound", "The zone does not exist.")
        if zone not in self._zones:
            for name in self._options.namespaces:
                self._store.create_namespace(zone, name, "", self._clock())
            self._zones.add(zone)


def refused(code: str, message: str) -> bytes:
    """Return the body of an answer that says no."""
    return _document({"Error": {"Code": code, "Message": message}})


def _document(content: dict[str, Any]) -> bytes:
    return msgspec.json.encode({"Response": {**content, "RequestId": str(uuid.uuid4())}})


def _action(headers: Mapping[str, str]) -> str:
    action = headers.get("X-TC-Action", "")
    if action not in ACTIONS:
        raise Refusal("InvalidAction", "The header X-TC-Action does not name a known action.")
    if headers.get("X-TC-Version") != VERSION:
        raise Refusal("NoSuchVersion", f"The header X-TC-Version must be {VERSION}.")
    if headers["Content-Type"].partition(";")[0].strip().lower() != "application/json":
        raise Refusal("UnsupportedProtocol", "The Content-Type must be application/json.")
    return action
