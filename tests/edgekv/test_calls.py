"""A call is tried until it is settled, and tells what became of it."""

import asyncio
import logging
import time
from email.utils import formatdate
from typing import Any

import aiohttp
import pytest

from kvsync.edgekv import Throttle
from kvsync.model.errors import (
    ClockError,
    Interrupted,
    RejectedError,
    ThrottledError,
)
from kvsync.model.values import NEVER
from tests.edgekv.clock import now, on_fake_clock
from tests.edgekv.conftest import FakeService
from tests.edgekv.opened import SECRET, failure, pairs
from tests.edgekv.raw import until


@on_fake_clock
async def test_what_may_pass_is_tried_again(service: FakeService) -> None:
    """Passing failures of every kind are tried again, and each attempt is counted."""
    service.refuses("InternalError")
    service.answers(status=502, body="<html>", content_type="text/html")
    service.answers(exception=aiohttp.SocketTimeoutError())
    service.answers(body='{"Response": {"Requ')
    service.answers({}, content_type="text/plain; charset=utf-8")
    async with pairs() as namespace:
        ack = await namespace.put("k", b"v", NEVER)
        assert ack.attempts == 5
        assert namespace.requests == {"EdgeKVPut": 5}
        assert namespace.retries == 4


@on_fake_clock
async def test_retries_end(service: FakeService) -> None:
    """After the given number of retries the last failure is raised, with all attempts told."""
    for _ in range(3):
        service.refuses("InternalError")
    async with pairs(retries=2) as namespace:
        error = await failure(namespace)
    assert (error.code, error.attempts, error.in_doubt) == ("InternalError", 3, True)


async def test_without_retries_there_is_one_attempt(service: FakeService) -> None:
    """With 0 retries the first failure is raised."""
    service.refuses("InternalError")
    async with pairs(retries=0) as namespace:
        assert (await failure(namespace)).attempts == 1


@pytest.mark.parametrize("code", ["InvalidParameter", "AuthFailure.SignatureFailure"])
async def test_a_definite_refusal_is_not_tried_again(service: FakeService, code: str) -> None:
    """What cannot succeed is asked once."""
    service.refuses(code)
    async with pairs() as namespace:
        error = await failure(namespace)
    assert (error.code, error.attempts, error.in_doubt) == (code, 1, False)


@on_fake_clock
async def test_doubt_outlives_a_later_refusal(service: FakeService) -> None:
    """A refusal settles only its own attempt: an earlier one may have been carried out."""
    service.answers(exception=aiohttp.ServerDisconnectedError())
    service.refuses("InvalidParameter")
    async with pairs() as namespace:
        error = await failure(namespace)
    assert (type(error), error.attempts, error.in_doubt) == (RejectedError, 2, True)


@on_fake_clock
async def test_waits_grow_with_jitter(
    service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Retries wait up to 0.25 s, then twice as long each time, and never longer than 10 s."""
    monkeypatch.setattr("random.uniform", lambda low, high: high)
    for _ in range(9):
        service.refuses("InternalError")
    started = now()
    async with pairs() as namespace:
        await failure(namespace)
    assert now() - started == pytest.approx(0.25 + 0.5 + 1 + 2 + 4 + 8 + 10 + 10, abs=0.01)


@on_fake_clock
async def test_a_throttled_request_slows_the_action_down(service: FakeService) -> None:
    """RequestLimitExceeded reaches the throttle that all workers share."""
    throttle = Throttle(20)
    service.refuses("RequestLimitExceeded.UinLimitExceeded")
    service.answers(status=429, body="slow down")
    service.answers({})
    async with pairs(throttle) as namespace:
        await namespace.put("k", b"v", NEVER)
    await throttle.permit("EdgeKVPut")
    started = now()
    await throttle.permit("EdgeKVPut")
    assert now() - started > 0.07


@on_fake_clock
async def test_an_attempt_that_is_signed_anew_slows_the_action_down_too(
    service: FakeService,
) -> None:
    """RequestLimitExceeded reaches the throttle also right after a correction of the clock."""
    throttle = Throttle(20)
    service.refuses("AuthFailure.SignatureExpire", headers=dated(3600))
    service.refuses("RequestLimitExceeded")
    async with pairs(throttle, retries=0) as namespace:
        error = await failure(namespace)
    assert (type(error), error.attempts) == (ThrottledError, 2)
    await throttle.permit("EdgeKVPut")
    started = now()
    await throttle.permit("EdgeKVPut")
    assert now() - started > 0.09


@on_fake_clock
async def test_a_stop_ends_the_wait_for_a_retry(service: FakeService) -> None:
    """A run that stops does not try again; what is in doubt is told."""
    throttle = Throttle(20)
    service.refuses("InternalError")
    async with pairs(throttle) as namespace:
        task = asyncio.create_task(namespace.put("k", b"v", NEVER))
        await until(lambda: bool(service.sent))
        throttle.stop()
        with pytest.raises(Interrupted) as caught:
            await task
        assert (caught.value.attempts, caught.value.in_doubt) == (1, True)
        with pytest.raises(Interrupted) as caught:
            await namespace.put("k", b"v", NEVER)
        assert (caught.value.attempts, caught.value.in_doubt) == (0, False)
        assert namespace.requests == {"EdgeKVPut": 1}


def dated(offset: float) -> dict[str, str]:
    """Headers of a service whose clock is so many seconds ahead of this machine's."""
    return {"Date": formatdate(time.time() + offset, usegmt=True)}


@pytest.mark.parametrize(("offset", "words"), [(3600, "behind"), (-7200, "ahead of")])
async def test_a_clock_that_is_off_is_corrected_with_a_warning(
    service: FakeService, caplog: pytest.LogCaptureFixture, offset: int, words: str
) -> None:
    """The offset is taken from the answer's Date, the request signed anew; one warning a client."""
    for _ in range(2):
        service.refuses("AuthFailure.SignatureExpire", headers=dated(offset))
        service.answers({}, headers=dated(offset))
    async with pairs() as namespace:
        ack = await namespace.put("k", b"v", NEVER)
        await namespace.put("k", b"v", NEVER)
    assert ack.attempts == 2
    assert ack.at == pytest.approx(time.time() + offset, abs=5)
    assert int(service.sent[1].headers["X-TC-Timestamp"]) == pytest.approx(
        time.time() + offset, abs=5
    )
    messages = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert len(messages) == 1
    assert f" s {words} the service's; corrected for this run" in messages[0]


@pytest.mark.parametrize("headers", [None, {"Date": "yesterday"}])
async def test_a_clock_that_cannot_be_corrected_is_fatal(
    service: FakeService, headers: dict[str, str] | None
) -> None:
    """Without a Date there is nothing to correct by."""
    service.refuses("AuthFailure.SignatureExpire", headers=headers)
    async with pairs() as namespace:
        error = await failure(namespace)
    assert (type(error), error.attempts) == (ClockError, 1)


async def test_the_clock_is_corrected_once_per_request(service: FakeService) -> None:
    """A second SignatureExpire is fatal, and a clock that agrees is no warning."""
    for _ in range(2):
        service.refuses("AuthFailure.SignatureExpire", headers=dated(0))
    async with pairs() as namespace:
        error = await failure(namespace)
    assert (type(error), error.attempts) == (ClockError, 2)
    assert "set this machine's clock" in error.message


@pytest.mark.parametrize(("offset", "taken"), [(-100, -100), (2, 0)])
async def test_an_acknowledgement_is_dated_by_the_service(
    service: FakeService, offset: int, taken: int
) -> None:
    """A Date that differs by more than 5 s wins over this machine's clock; a closer one not."""
    service.answers({}, headers=dated(offset))
    async with pairs() as namespace:
        ack = await namespace.put("k", b"v", NEVER)
    assert ack.at == pytest.approx(time.time() + taken, abs=1.5)


@on_fake_clock
async def test_neither_values_nor_secrets_are_logged(
    service: FakeService, caplog: pytest.LogCaptureFixture
) -> None:
    """The debug log tells each attempt with action, code and request id, and nothing private."""
    caplog.set_level(logging.DEBUG)
    service.refuses("InternalError", f"echo of {SECRET}")
    service.refuses("InvalidParameter", f"echo of {SECRET}")
    async with pairs() as namespace:
        error = await failure(namespace, key="the-key")
    lines = [record.message for record in caplog.records if record.name == "kvsync.edgekv"]
    assert len(lines) == 2
    assert "EdgeKVPut the-key: InternalError (RequestId r-1, attempt 1)" in lines[0]
    for text in (caplog.text, str(error), repr(error)):
        for secret in (SECRET, "secret-half", "session-token"):
            assert secret not in text


async def test_cancellation_passes_untouched(service: FakeService) -> None:
    """A cancelled call raises CancelledError, in a first attempt and in a retry."""
    asked = asyncio.Event()

    async def hang(*_: Any, **__: Any) -> None:
        asked.set()
        await asyncio.sleep(3600)

    async with pairs() as namespace:
        for before in (0, 1):
            for _ in range(before):
                service.refuses("InternalError")
            service.hangs(hang)
            asked.clear()
            task = asyncio.create_task(namespace.put("k", b"v", NEVER))
            await asked.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task


async def test_a_stopped_namespace_sends_nothing_more(service: FakeService) -> None:
    """After a stop a call raises Interrupted, and the service hears nothing."""
    async with pairs() as namespace:
        namespace.stop()
        with pytest.raises(Interrupted):
            await namespace.put("k", b"v", NEVER)
    assert service.sent == []
