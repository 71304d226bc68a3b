"""A call: one request, tried until it is settled."""

import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from kvsync.edgekv.answers import Reply, limit_of, read_answer
from kvsync.edgekv.dialogue import Doubts, RequestIds
from kvsync.edgekv.shapes import Answer
from kvsync.edgekv.throttle import Throttle
from kvsync.edgekv.translate import bad_answer
from kvsync.edgekv.wire import Request, Wire
from kvsync.model.errors import ClockError, Interrupted, ServiceError, ThrottledError
from kvsync.model.values import Ack

_FIRST_WAIT = 0.25
_LONGEST_WAIT = 10.0

_log = logging.getLogger("kvsync.edgekv")

A = TypeVar("A", bound=Answer)


@dataclass(slots=True)
class Traffic:
    """Traffic over the wire: every attempt by action, and how many were not the first.

    ``last_failure`` is the code of the last attempt that failed; ``doubts`` hear of keys that an
    answer has settled which is not believed any more.
    """

    requests: Counter[str] = field(default_factory=Counter)
    retries: int = 0
    last_failure: str = ""
    doubts: Doubts = field(default_factory=Doubts)

    def count(self, action: str, *, again: bool, by: int = 1) -> None:
        """Count an attempt (``by`` -1: it was not sent after all)."""
        self.requests[action] += by
        if again:
            self.retries += by


class Settled(NamedTuple, Generic[A]):
    """An answer, and how it came."""

    answer: A
    at: float
    answered: float
    attempts: int

    @property
    def ack(self) -> Ack:
        """The service's word, without what else it said."""
        return Ack(self.answer.request_id, self.at, self.attempts, self.answered)


@dataclass(frozen=True, slots=True)
class Caller:
    """Makes calls over one wire, with so many retries each, and counts them in ``traffic``.

    ``request_ids`` are those of all answers that the wire has brought so far.
    """

    wire: Wire
    throttle: Throttle
    retries: int
    traffic: Traffic = field(default_factory=Traffic)
    request_ids: RequestIds = field(default_factory=RequestIds)

    async def call(self, request: Request, kind: type[A]) -> Settled[A]:
        """Return the answer to a request.

        Raises `ServiceError` or `Interrupted`, whose ``attempts`` and ``in_doubt`` speak of all
        attempts of the call.
        """
        call = _Call(self, request, kind)
        try:
            return await call.settle()
        except (ServiceError, Interrupted) as end:
            end.attempts = call.attempts
            end.in_doubt = call.in_doubt
            if isinstance(end, Interrupted):
                end.last = call.last
            raise


class _Call(Generic[A]):
    def __init__(self, caller: Caller, request: Request, kind: type[A]) -> None:
        self.attempts = 0
        self.in_doubt = False
        self.last: ServiceError | None = None
        self._caller = caller
        self._request = request
        self._kind = kind
        self._scene = request.scene
        self._signed_anew = False

    async def settle(self) -> Settled[A]:
        try:
            return await self._try()
        except ServiceError as error:
            if not error.passing or not self._caller.retries:
                raise
            return await self._retry(error)

    async def _retry(self, first: ServiceError) -> Settled[A]:
        # Most runs never need it.
        from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt
        from tenacity.wait import wait_random_exponential

        failed: ServiceError | None = first

        async def attempt() -> Settled[A]:
            # The attempt that failed already is the first that tenacity hears of.
            nonlocal failed
            if failed:
                error, failed = failed, None
                raise error
            return await self._try()

        retrying = AsyncRetrying(
            sleep=self._caller.throttle.pause,
            stop=stop_after_attempt(self._caller.retries + 1),
            wait=wait_random_exponential(multiplier=_FIRST_WAIT, max=_LONGEST_WAIT),
            retry=retry_if_exception(lambda e: isinstance(e, ServiceError) and e.passing),
            reraise=True,
        )
        return await retrying(attempt)

    async def _try(self) -> Settled[A]:
        try:
            return await self._attempt()
        except ClockError as error:
            if self._signed_anew or error.service_time is None:
                raise
            self._signed_anew = True
            self._caller.wire.clock.correct(error.service_time)
            return await self._attempt()

    async def _attempt(self) -> Settled[A]:
        try:
            settled = await self._answered()
        except ServiceError as error:
            # An error may be kept for long. What it came from, an answer of up to 120 MiB or a
            # request with its headers, must not be kept by its traceback.
            error.__context__ = None
            self.in_doubt |= error.in_doubt
            self.last = error
            self._caller.traffic.last_failure = error.code
            if isinstance(error, ThrottledError):
                self._caller.throttle.slow_down(self._request.action)
            self._log(error.code, error.request_id)
            raise error.with_traceback(None)  # noqa: B904 - it is the same error
        return settled

    async def _answered(self) -> Settled[A]:
        reply = await self._exchange()
        answer = self._read(reply)
        if _log.isEnabledFor(logging.DEBUG):
            self._log(f"OK in {(reply.arrived - reply.sent) * 1000:.0f} ms", answer.request_id)
        clock = self._caller.wire.clock
        return Settled(answer, clock.sent(reply), clock.arrived(reply), self.attempts)

    def _read(self, reply: Reply) -> A:
        try:
            answer = read_answer(reply, self._kind, self._scene)
        except ServiceError as error:
            # Without an id it is not the service that answered: its Date is another's.
            if error.request_id:
                self._believe(reply, error.request_id)
                error.in_doubt |= reply.early
                if not isinstance(error, ClockError):
                    self._caller.wire.clock.note(reply)
            raise
        self._believe(reply, answer.request_id)
        self._caller.wire.clock.note(reply)
        if reply.early:
            raise bad_answer(
                "an answer came before the request was sent: check any proxy in between",
                answer.request_id,
            )
        return answer

    def _believe(self, reply: Reply, request_id: str) -> None:
        """Believe an answer. Raises `PassingError` if the service answered another request.

        Its connection is then not used again: the answer to this one may still be on its way.
        """
        if not self._caller.request_ids.is_new(request_id):
            reply.doubted()
            raise bad_answer(
                "the answer is one to an earlier request: check any proxy in between", request_id
            ) from None
        if not reply.early:
            reply.believed(self._caller.traffic.doubts, self._request.writes)

    async def _exchange(self) -> Reply:
        wire, traffic, action = self._caller.wire, self._caller.traffic, self._request.action
        async with wire.turn(action):
            with self._caller.throttle.until_stopped():
                headers = await wire.sign(self._request)
            if token := headers.get("X-TC-Token", ""):
                self._scene = self._scene._replace(token=token)
            self.attempts += 1
            again = self.attempts > 1
            traffic.count(action, again=again)
            try:
                limit = limit_of(self._kind, self._request.keys)
                return await wire.exchange(self._request, headers, limit)
            except Interrupted:
                self.attempts -= 1
                traffic.count(action, again=again, by=-1)
                raise

    def _log(self, outcome: str, request_id: str) -> None:
        _log.debug(
            "%s %s: %s (RequestId %s, attempt %d)",
            self._request.action,
            self._request.subject,
            outcome,
            request_id or "none",
            self.attempts,
        )
