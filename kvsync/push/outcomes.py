"""Outcomes of changes, by answers or the lack of them, and when to give up."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kvsync.model.errors import (
    FatalError,
    GaveUpError,
    Interrupted,
    PassingError,
    RejectedError,
    ServiceError,
)
from kvsync.model.text import count_text
from kvsync.model.values import Ack, Change, Entry, Outcome, OutcomeKind

_FIRST_ALIKE = 20
_ROW_ALIKE = 50
"""So many outcomes alike, and nothing done in between: the fault is not with the keys."""


@dataclass
class Streak:
    """Outcomes in a row that failed alike."""

    total: int = 0
    length: int = 0
    code: str = ""

    def add(self, outcome: Outcome) -> bool:
        """Return whether going on makes no sense, now that this outcome is known."""
        if not outcome.attempts or outcome.kind is OutcomeKind.SKIPPED:
            return False
        self.total += 1
        if outcome.kind is OutcomeKind.DONE:
            self.length, self.code = 0, ""
            return False
        self.length = self.length + 1 if outcome.code == self.code else 1
        self.code = outcome.code
        return self.length == _ROW_ALIKE or self.length == self.total == _FIRST_ALIKE


class Retractions:
    """Keys whose outcome came from an answer that is not believed any more."""

    def __init__(self) -> None:
        self._keys: set[str] = set()
        self._news: set[str] = set()

    def add(self, keys: Iterable[str]) -> None:
        """Of these, too."""
        self._keys.update(keys)
        self._news.update(keys)

    def news(self, changes: Iterable[Change]) -> list[Change]:
        """Return those of the changes that were not told here before, to be marked in doubt
        again.
        """
        if not self._news:
            return []
        news, self._news = self._news, set()
        return [change for change in changes if change.entry.key in news]

    def weighed(self, outcomes: Sequence[Outcome]) -> Sequence[Outcome]:
        """Return the outcomes, as far as they can be believed."""
        if not self._keys:
            return outcomes
        return [_retracted(one) if one.entry.key in self._keys else one for one in outcomes]


def _retracted(outcome: Outcome) -> Outcome:
    if outcome.in_doubt or not outcome.attempts:
        return outcome
    return outcome._replace(
        kind=OutcomeKind.FAILED,
        code="BadAnswer",
        message="its connection brought more answers than it was asked: check any proxy in between",
        in_doubt=True,
        at=0.0,
        answered=0.0,
    )


def done(change: Change, entry: Entry, ack: Ack) -> Outcome:
    """Return what became of a change that was carried out.

    The answer to an earlier run's write of the same key acknowledges nothing.
    """
    known = change.row.request_id if change.row else ""
    if known and known.casefold() == ack.request_id.casefold():
        stale = "the answer is one to an earlier request: check any proxy in between"
        return Outcome(
            OutcomeKind.FAILED,
            change,
            entry,
            request_id=ack.request_id,
            attempts=ack.attempts,
            code="BadAnswer",
            message=stale,
            in_doubt=True,
        )
    return Outcome(
        OutcomeKind.DONE,
        change,
        entry,
        ack.at,
        ack.request_id,
        ack.attempts,
        answered=ack.answered,
    )


def unsuccessful(change: Change, entry: Entry, error: ServiceError | Interrupted) -> Outcome:
    """Return what became of a change whose request was refused, or never answered, or never sent.

    A refusal that ends the run says nothing of the key: it was skipped, like those after it. So was
    one whose next try the run's end kept back, unless an earlier try may have been carried out.
    """
    kind = OutcomeKind.FAILED
    if isinstance(error, RejectedError):
        kind = OutcomeKind.REJECTED
    elif not error.in_doubt and isinstance(error, FatalError | Interrupted):
        kind = OutcomeKind.SKIPPED
    told = error.last if isinstance(error, Interrupted) else error
    code, message, request_id = "Interrupted", "the run was stopped between two tries", ""
    if told:
        code, message, request_id = told.code, told.message, told.request_id
    return Outcome(
        kind,
        change,
        entry,
        request_id=request_id,
        attempts=error.attempts,
        code=code,
        message=message,
        in_doubt=error.in_doubt,
    )


def cut_off(change: Change, entry: Entry) -> Outcome:
    """Return what became of a change whose request was in flight when the run could wait no
    more.
    """
    return Outcome(
        OutcomeKind.FAILED,
        change,
        entry,
        attempts=1,
        code="Interrupted",
        message="cut off while its request was in flight",
        in_doubt=True,
    )


def hopeless(outcome: Outcome, length: int) -> ServiceError:
    """Return the error that ends a run after so many outcomes like this one."""
    refused = outcome.kind is OutcomeKind.REJECTED
    message = f"{outcome.message} ({count_text(length, 'key')} in a row; the rest was not tried)"
    return (GaveUpError if refused else PassingError)(outcome.code, message, outcome.request_id)
