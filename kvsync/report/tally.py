"""Files that are left out, and how those are stored that decide it themselves, in a line each."""

from collections.abc import Iterator, Sequence
from typing import Any

from kvsync.model.tally import BASE64, TEXT, Why
from kvsync.model.text import count_text, printable
from kvsync.report.result import RunReport

_WORDS = {
    Why.NAME: "left out by name; a line such as !.env in .kvsyncignore takes one in",
    Why.EMPTY: "left out, being empty",
    Why.LARGE: "left out, being over 1 MiB",
}


def tally_lines(run: RunReport) -> Iterator[str]:
    """One line for each kind of what is left out, and one for the encodings."""
    tally = run.tally
    for why, words in _WORDS.items():
        if count := tally.left_out.get(why, 0):
            yield f"{_named(run, count_text(count, 'file'), tally.examples[why], count)} {words}"
    if tally.encodings:
        texts, others = (tally.encodings.get(how, 0) for how in (TEXT, BASE64))
        told = f"{count_text(texts, 'file')} as text, {others:,} in base64"
        yield _named(run, told, tally.examples.get(BASE64, ()), others)


def _named(run: RunReport, words: str, names: Sequence[str], count: int) -> str:
    shown = ", ".join(names)
    more = f" and {count - len(names):,} more" if count > len(names) else ""
    return printable(f"{run.source}: {words}" + (f" ({shown}{more})" if shown else ""))


def tally_fields(run: RunReport) -> dict[str, Any]:
    """``left_out`` and ``encodings``, counts by why and how; nothing where nothing is counted."""
    fields = {"left_out": dict(run.tally.left_out), "encodings": dict(run.tally.encodings)}
    return {name: counts for name, counts in fields.items() if counts}
