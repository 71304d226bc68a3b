"""For people: a comparison, a symbol and a key a line; what an export or a conversion did."""

from collections.abc import Iterator, Sequence

from kvsync.model.errors import ServiceError
from kvsync.model.text import count_text, duration_text, printable, size_text
from kvsync.report.comparison import Comparison, Difference, Exported
from kvsync.report.result import RunReport
from kvsync.report.text import name_of

_SYMBOLS = {"same": "=", "differs": "*", "missing": "-", "unmanaged": "+"}
_LONGEST_VALUE = 500
"""Characters of a value on a line; ``--json`` has all of it."""
_LISTED = 20


def comparison_lines(run: RunReport, *, verbose: bool) -> Iterator[str]:
    """Yield what differs, and how many keys have which status; with ``verbose`` all keys."""
    found = run.comparison
    if not found:
        return
    for key in found.same if verbose else ():
        yield f"{_SYMBOLS['same']} {printable(key)}"
    for difference in found.differences:
        yield from _difference_lines(difference)
    # After a push, the line before it has told the requests and the time.
    if run.plan:
        yield f"{name_of(run)}: verified: {_counts(found)}."
        return
    requests = count_text(sum(run.requests.values()), "request")
    yield f"{name_of(run)}: {_counts(found)}; {requests}, {duration_text(run.elapsed)}."


def _difference_lines(difference: Difference) -> Iterator[str]:
    place = f"  ({printable(difference.origin)})" if difference.origin else ""
    yield f"{_SYMBOLS[difference.status]} {printable(difference.key)}{place}"
    for side, value in (("source", difference.expected), ("target", difference.actual)):
        if value is not None:
            yield f"    {side}: {_value_text(value)}"


def _value_text(value: bytes) -> str:
    text = value.decode()
    if len(text) <= _LONGEST_VALUE:
        return printable(text)
    return f"{printable(text[:_LONGEST_VALUE])}… ({size_text(len(value))})"


def _counts(found: Comparison) -> str:
    counts = {"same": len(found.same)}
    differing = found.count("differs")
    counts["differs" if differing == 1 else "differ"] = differing
    counts |= {name: found.count(name) for name in ("missing", "unmanaged")}
    counts["not read"] = len(found.failures)
    return ", ".join(f"{n:,} {name}" for name, n in counts.items() if n or name == "same")


def unread_lines(failures: Sequence[tuple[str, ServiceError]]) -> Iterator[str]:
    """Yield what could not be read, and why."""
    for key, error in failures[:_LISTED]:
        yield f"not read: {printable(key)}: {error}"
    if len(failures) > _LISTED:
        rest = count_text(len(failures) - _LISTED, "more key")
        yield f"and {rest}; run with --json to have them all listed"


def export_line(run: RunReport, out: str) -> str:
    """Return what an export did."""
    found = run.exported or Exported()
    parts = [count_text(found.read, "key") + " read"]
    for count, words in (
        (found.read - found.written, "of them unchanged"),
        (found.kept, "there from before"),
        (found.removed, "removed"),
        (len(found.failures), "not read"),
    ):
        if count:
            parts.append(f"{count:,} {words}")
    requests = count_text(sum(run.requests.values()), "request")
    took = duration_text(run.elapsed)
    told = f"{', '.join(parts)}; {size_text(found.size)}, {requests}, {took}."
    return f"{printable(run.source)} → {_place(out)}: {told}"


def conversion_lines(run: RunReport) -> Iterator[str]:
    """Yield what a conversion did, if it did."""
    found = run.converted
    if found and found.complete:
        gone = f", {found.expired:,} expired" if found.expired else ""
        told = f"{count_text(found.written, 'key')} written{gone}; {size_text(found.size)}"
        yield f"{printable(run.source)} → {_place(found.out)} ({found.form}): {told}."


def _place(out: str) -> str:
    return "stdout" if out == "-" else printable(out)
