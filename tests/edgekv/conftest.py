"""A service that is played by aioresponses: no network, and every request kept."""

import json
from collections.abc import Awaitable, Callable, Iterator
from itertools import count
from typing import Any, NamedTuple
from unittest.mock import Mock

import pytest
from aiohttp import ClientResponse
from aioresponses import aioresponses

from kvsync.edgekv.endpoint import INTL


@pytest.fixture(autouse=True)
def _no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """No permit grows too old on a busy machine, but where a test is about that."""
    monkeypatch.setattr("kvsync.edgekv.connector._LATE_S", 60.0)


class _Response(ClientResponse):
    """aioresponses 0.7.9 leaves out an argument that aiohttp 3.14 asks for (its issue #289)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, stream_writer=Mock(), **kwargs)


class Sent(NamedTuple):
    """A request as the service got it."""

    action: str
    fields: dict[str, Any]
    headers: dict[str, str]
    options: dict[str, Any]


class FakeService:
    """Gives the answers that it was told, in their order, and remembers what it was asked."""

    def __init__(self, mocked: aioresponses) -> None:
        self._mocked = mocked
        self.sent: list[Sent] = []
        self._numbers = count(1)

    def answers(self, response: Any = None, **options: Any) -> None:
        """The next answer: the content of ``Response``, or what aioresponses takes."""
        if response is not None:
            options["body"] = json.dumps(
                {"Response": {"RequestId": f"r-{next(self._numbers)}"} | response}
            )
        self._mocked.post(f"{INTL}/", response_class=_Response, callback=self._remember, **options)

    def refuses(self, code: str, message: str = "no", **options: Any) -> None:
        """The next answer: an error."""
        self.answers({"Error": {"Code": code, "Message": message}}, **options)

    def hangs(self, callback: Callable[..., Awaitable[None]]) -> None:
        """The next answer comes when the callback has returned."""
        self._mocked.post(f"{INTL}/", response_class=_Response, callback=callback)

    def _remember(self, _: Any, **kwargs: Any) -> None:
        headers = dict(kwargs["headers"])
        fields = json.loads(kwargs["data"].decode())
        self.sent.append(Sent(headers["X-TC-Action"], fields, headers, kwargs))


@pytest.fixture
def service() -> Iterator[FakeService]:
    """The service at the default endpoint."""
    with aioresponses() as mocked:
        yield FakeService(mocked)
