"""Everything that kvsync raises on purpose, in one tree.

    KvsyncError
    ├── UsageError            the call makes no sense as it stands
    ├── InputError            a source has mistakes; all of them are in ``mistakes``
    ├── StateError            the state cannot be read or written, is not ours, or is newer
    │   └── DamagedError      what is in the file is no state (any more)
    ├── LockedError           another run holds the state
    ├── RefusedError          refused for safety
    ├── HeldBackError         another source of the call went wrong first
    ├── StoppedError          a bound that the caller has set ended the call before its end
    │   ├── MaxDurationError  it took too long
    │   └── MaxErrorsError    too many keys failed or were rejected
    ├── MachineError          this machine does not give the process what it needs
    ├── OutputError           the results cannot be written: to stdout, or to an export's place
    ├── Interrupted           a request was not sent because the run is stopping
    └── ServiceError          the service refused, or its answer never came
        ├── FatalError        no request of this run can succeed
        │   ├── ClockError    the signature's time is off; may heal once the clock is corrected
        │   └── GaveUpError   so many keys in a row were refused alike that the run gave up
        ├── RejectedError     this request will never succeed, others may
        ├── ThrottledError    slow down, then try again
        └── PassingError      try again

Each class says which exit code it ends a run with (`design: Command line`) and, for the service's
errors, whether another try may help: no caller needs a table of codes.
"""

from collections.abc import Sequence
from typing import NamedTuple

_STOPPED = (10, 130, 143)
"""The exit codes of runs in which nothing went wrong: someone, or a bound, ended them."""


class Mistake(NamedTuple):
    """One thing wrong in a source.

    ``origin`` is the file as the user named it; ``line`` and ``column`` count from 1, or are 0
    where a position makes no sense (a file of a tree). ``message`` never repeats a value. It stands
    for ``alike`` of them, of which no more is told.
    """

    message: str
    origin: str = ""
    line: int = 0
    column: int = 0
    alike: int = 1

    @property
    def place(self) -> str:
        """``file:line:column``, as far as it is known."""
        parts = [self.origin, *(str(number) for number in (self.line, self.column) if number)]
        return ":".join(parts)

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.origin else self.message


class KvsyncError(Exception):
    """The root: catching this catches all of kvsync's own errors."""

    kind = "error"
    exit_code = 1
    topic = ""
    """The topic of the guide that says more, if one does."""


class UsageError(KvsyncError):
    """The command line or the arguments of a call make no sense as they stand."""

    kind = "usage"
    exit_code = 2


class InputError(KvsyncError):
    """A source cannot be used; ``mistakes`` has everything that is wrong with it, in order.

    Where they are very many, ``more`` is how many there are besides. ``outcome`` is what became of
    the call, in a few words. With all of ``cures`` (options, and what they would say) none of them
    would be one; ``go_on`` is the command line that says so.
    """

    kind = "input"
    exit_code = 2
    outcome = "nothing was sent"
    go_on = ""

    def __init__(
        self,
        mistakes: Sequence[Mistake],
        more: int = 0,
        cures: Sequence[tuple[str, str]] = (),
    ) -> None:
        self.mistakes = tuple(mistakes)
        self.more = more
        self.cures = tuple(cures)
        rest = [f"and {more:,} more"] if more else []
        super().__init__("\n".join([*map(str, self.mistakes), *rest]))

    @property
    def total(self) -> int:
        """How many mistakes there are."""
        return sum(mistake.alike for mistake in self.mistakes) + self.more


class StateError(KvsyncError):
    """The state file cannot be read or written, belongs to another program, or is newer."""

    kind = "state"
    exit_code = 4


class DamagedError(StateError):
    """The state file is damaged or another program's: `kvsync state rebuild` makes it anew.

    ``what`` was found in it, in a few words.
    """

    def __init__(self, message: str, what: str) -> None:
        self.what = what
        super().__init__(message)


class LockedError(KvsyncError):
    """Another run holds the state file."""

    kind = "locked"
    topic = "scheduling"
    exit_code = 12


class RefusedError(KvsyncError):
    """Refused for safety; the message has the numbers or names and the option that allows it."""

    kind = "refused"
    exit_code = 11
    topic = "deleting"


class OwnedError(RefusedError):
    """Keys belong to another source."""

    topic = "plans"


class HeldBackError(KvsyncError):
    """Something was not done for this source: another one went wrong, or was stopped, before.

    ``what`` was not done; the exit code is that of what held it back.
    """

    kind = "held-back"

    def __init__(self, source: str, exit_code: int, what: str = "sent") -> None:
        self.exit_code = exit_code
        why = "was stopped" if exit_code in _STOPPED else "went wrong"
        super().__init__(f"not {what}, because {source} {why}")


class StoppedError(KvsyncError):
    """A bound that the caller has set was reached while something was left to do.

    The message says what has been done and how to go on.
    """

    kind = "stopped"


class MaxDurationError(StoppedError):
    """The call has taken as long as it may."""

    kind = "max-duration"
    exit_code = 10


class MaxErrorsError(StoppedError):
    """As many keys as may have failed or were rejected; the exit code is that of these."""

    kind = "max-errors"

    def __init__(self, message: str, exit_code: int) -> None:
        self.exit_code = exit_code
        super().__init__(message)


class MachineError(KvsyncError):
    """This machine does not let the process have what it needs: files, a directory to work in."""

    kind = "machine"
    exit_code = 4


class OutputError(KvsyncError):
    """The results cannot be written, to stdout or to an export's place: a full disk, perhaps."""

    kind = "output"
    exit_code = 4


class Interrupted(KvsyncError):  # noqa: N818 - what happened is no error, and asyncio names it so
    """The run is stopping: this request was not sent (again).

    ``attempts`` counts the requests that went out before; ``in_doubt`` says that one of them may
    have been carried out; ``last`` is what the last of them ended with.
    """

    kind = "interrupted"
    exit_code = 130

    def __init__(self, *, attempts: int = 0, in_doubt: bool = False) -> None:
        self.attempts = attempts
        self.in_doubt = in_doubt
        self.last: ServiceError | None = None
        super().__init__("the run is stopping")


class ServiceError(KvsyncError):
    """The service refused a request, or the request ended without a readable answer.

    ``code`` is the service's code (``InternalError``) or, where it said nothing, one of ours:
    ``Timeout``, ``ConnectionError``, ``ProxyRefused``, ``CertificateError``, ``BadAnswer``,
    ``HTTP502``. ``attempts`` counts the requests sent for this call, and ``in_doubt`` says that at
    least one of them may have been carried out.
    """

    kind = "service"
    exit_code = 5
    passing = False

    def __init__(
        self, code: str, message: str, request_id: str = "", *, in_doubt: bool = False
    ) -> None:
        self.code = code
        self.message = message
        self.request_id = request_id
        self.in_doubt = in_doubt
        self.attempts = 1
        super().__init__(f"{code}: {message}" if message else code)


class FatalError(ServiceError):
    """No request of this run can succeed: credentials, zone, namespace."""

    kind = "fatal"
    exit_code = 7


class ClockError(FatalError):
    """The service found the signature's time too far from its own clock.

    ``service_time`` is the ``Date`` of the answer, in Unix seconds, or None if it had none.
    """

    def __init__(
        self, code: str, message: str, request_id: str = "", *, service_time: float | None
    ) -> None:
        super().__init__(code, message, request_id)
        self.service_time = service_time


class GaveUpError(FatalError):
    """So many keys in a row were refused alike that the run gave up; other runs may fare better."""


class RejectedError(ServiceError):
    """This request will never succeed; others may."""

    kind = "rejected"
    exit_code = 6


class ThrottledError(ServiceError):
    """Someone, perhaps another user, is above the pace of the sub-account; nothing was done."""

    kind = "throttled"
    passing = True


class PassingError(ServiceError):
    """Something went wrong that may go right the next time."""

    kind = "passing"
    passing = True
