"""Reports: exit codes, text, and what must not reach a terminal."""

import json

import pytest

from kvsync.model.errors import (
    FatalError,
    InputError,
    Mistake,
    PassingError,
    RefusedError,
    StateError,
    UsageError,
)
from kvsync.model.values import Outcome, OutcomeKind, Plan, Target
from kvsync.report import (
    Report,
    RunReport,
    document,
    error_lines,
    failure_lines,
    json_pieces,
    mistake_lines,
    plan_lines,
    result_lines,
)
from kvsync.report.result import exit_code_of
from tests.values import change, entry, row


def run_of(*outcomes: Outcome, **fields: object) -> RunReport:
    """A run that pushed, with these outcomes and two more changes that were not taken up."""
    changes = [outcome.change for outcome in outcomes] + [change("x"), change("y")]
    plan = Plan(changes, 7, [], [row("o")], [entry("e")], [], [])
    target = Target("https://edge", "zone-1", "ns")
    return RunReport("m.yaml", target, plan=plan, outcomes=outcomes, **fields)


def ended(kind: OutcomeKind, key: str = "a", **fields: object) -> Outcome:
    """An outcome."""
    made = change(key)
    return Outcome(kind, made, made.entry, **fields)


DONE = ended(OutcomeKind.DONE)
FAILED = ended(OutcomeKind.FAILED, code="Timeout", message="silence", attempts=9, request_id="r")
REJECTED = ended(OutcomeKind.REJECTED, code="InvalidParameter", message="no")


@pytest.mark.parametrize(
    ("codes", "code"),
    [([], 0), ([0, 5], 5), ([5, 6], 6), ([6, 2], 2), ([2, 4], 4), ([4, 11], 11), ([11, 12], 12),
     ([12, 7], 7), ([7, 1], 1), ([1, 143], 143), ([143, 130], 130), ([3, 5], 5)],
)  # fmt: skip
def test_one_code_for_several(codes, code):
    """Of several runs' exit codes the gravest stands for all."""
    assert exit_code_of(codes) == code


@pytest.mark.parametrize(
    ("run", "code"),
    [
        (run_of(DONE), 0),
        (run_of(DONE, FAILED), 5),
        (run_of(FAILED, REJECTED), 6),
        (run_of(FAILED, error=FatalError("AuthFailure", "")), 7),
        (run_of(FAILED, error=PassingError("Timeout", "")), 5),
        (run_of(signal=15), 143),
        (run_of(signal=2, error=StateError("full")), 130),
    ],
)
def test_exit_code_of_a_run(run, code):
    """A run's exit code follows from its outcomes, its error and the signal that ended it."""
    assert run.exit_code == code


def test_exit_code_of_a_call():
    """A call's exit code counts its own error and those of its runs."""
    runs = [run_of(DONE), run_of(FAILED)]
    assert Report("sync", runs).exit_code == 5
    assert Report("sync", runs, RefusedError("no")).exit_code == 11
    assert Report("sync").exit_code == 0


def test_result_line():
    """A sync's line counts everything that became of its keys."""
    run = run_of(DONE, FAILED, REJECTED, requests={"EdgeKVPut": 12}, retries=9, elapsed=61.0)
    assert list(result_lines(run, verbose=False)) == [
        "m.yaml → zone-1/ns: 1 created, 1 failed, 1 rejected, 2 not sent, 1 expired,"
        " 7 unchanged, 1 orphan;"
        " 1 B, 12 requests (9 retries), 1m 1s."
    ]


def test_lines_of_a_run_without_a_plan():
    """A run that got no plan has no results to tell."""
    run = RunReport("m.yaml", error=UsageError("no zone"))
    assert (list(plan_lines(run)), list(result_lines(run, verbose=True))) == ([], [])
    fields = document(Report("sync", [run]))["runs"][0]
    assert (fields["target"], *fields["changes"], *fields["orphans"]) == (None,)


def test_plan_lines_align():
    """Keys of a plan are aligned up to a width, and the expired ones are counted."""
    run = run_of(ended(OutcomeKind.DONE, "a-longer-key"))
    lines = list(plan_lines(run))
    assert lines[1:] == [
        "  + a-longer-key        1 B  because  (m.yaml:a-longer-key)",
        "  + x                   1 B  because  (m.yaml:x)",
        "  + y                   1 B  because  (m.yaml:y)",
        "  ? o                   1 B  no longer in the source  (m.yaml:o)",
        "3 to create, 0 to update, 0 to renew; 7 unchanged, 1 orphan, 1 expired.",
        "3 EdgeKVPut requests, 3 B, about 0.1 s at 20 requests/s.",
    ]


def test_failures():
    """Failures are told with what helps to find them: alike ones in one line, up to twenty."""
    assert list(failure_lines([FAILED, REJECTED, FAILED])) == [
        "failed: a, a: Timeout: silence (RequestId r, 9 attempts)",
        "rejected: a (m.yaml:a): InvalidParameter: no",
    ]
    assert list(failure_lines([FAILED] * 1003)) == [
        "failed: a, a, a, and 1,000 more keys: Timeout: silence (RequestId r, 9 attempts)"
    ]
    different = [FAILED._replace(message=f"{n}") for n in range(23)]
    lines = list(failure_lines(different))
    assert (len(lines), lines[-1]) == (
        21, "and 3 more keys; run with --json to have them all listed",
    )  # fmt: skip


def test_mistakes():
    """A source's mistakes are told with their places, then counted."""
    error = InputError([Mistake("bad", "m.yaml", 3, 4), Mistake("worse", "a/b"), Mistake("worst")])
    assert list(mistake_lines(error)) == ["m.yaml:3:4: bad", "a/b: worse", "worst"]
    assert list(error_lines(error)) == ["3 mistakes; nothing was sent"]
    assert list(mistake_lines(UsageError("x"))) == []


def test_nothing_can_move_the_cursor():
    """Keys, origins and messages from elsewhere are escaped before they reach a terminal."""
    evil = "\x1b[2J\x07\u202e\n"
    made = change(evil)._replace(entry=entry(evil, origin=evil))
    outcome = Outcome(OutcomeKind.FAILED, made, made.entry, code="C", message=evil)
    run = run_of(outcome)
    run.plan.orphans.append(row(evil, origin=evil))
    run.source = evil
    error = InputError([Mistake(evil, evil)])
    lines = [
        *plan_lines(run), *result_lines(run, verbose=True), *failure_lines([outcome]),
        *mistake_lines(error), *error_lines(RefusedError(evil)),
    ]  # fmt: skip
    assert all(line.isprintable() for line in lines)


def test_the_deciding_error_is_on_top():
    """The document's error is the call's own, or that of the run which decided the exit code."""
    bad = RunReport("bad", error=InputError([Mistake("bad", "m.yaml", 1, 2)]))
    refused = RunReport("refused", error=RefusedError("no"))
    assert document(Report("plan", [bad, refused]))["error"]["kind"] == "refused"
    assert document(Report("plan", [bad]))["error"]["details"] == [
        {"message": "bad", "origin": "m.yaml", "line": 1, "column": 2}
    ]
    own = document(Report("plan", [bad], StateError("full")))["error"]
    assert own == {"kind": "state", "message": "full", "details": []}


def test_the_document_in_pieces():
    """Iterators become lists; otherwise every piece is as `json.dumps` has it."""
    value = {"a": [], "b": [1, {"c": None}, "ü\n"], "d": {}, "e": 0.1, 'f"': [{"g": [True]}]}
    assert "".join(json_pieces(value)) == json.dumps(value)
    lazy = {"a": iter([]), "b": map(str, (1, 2)), "c": [{"d": iter([{"e": [1]}])}]}
    whole = {"a": [], "b": ["1", "2"], "c": [{"d": [{"e": [1]}]}]}
    assert "".join(json_pieces(lazy)) == json.dumps(whole)
    assert next(json_pieces(iter([1]))) == "["
