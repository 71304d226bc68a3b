"""Losses of pairs on their way into EdgeKV, and files that are left out, as text."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from kvsync.formats.policies import POLICIES
from kvsync.formats.record import KEEP, Loss, LostPair
from kvsync.model.api import MAX_VALUE_TEXT
from kvsync.model.errors import InputError
from kvsync.model.tally import BASE64, TEXT, Why
from kvsync.model.text import count_text, printable
from kvsync.report.result import RunReport

_WORDS = {
    Why.NAME: "left out by name; a line such as !.env in .kvsyncignore takes one in",
    Why.EMPTY: "left out, being empty",
    Why.LARGE: f"left out, being over {MAX_VALUE_TEXT}",
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


_LISTED = 10
_SHOWN = 200
"""Characters of what a pair lost; the JSON document has it whole."""


def loss_lines(run: RunReport, *, verbose: bool) -> Iterator[tuple[str, str]]:
    """Yield what pairs lose, as messages: level and line.

    First each pair, ten of a kind unless ``verbose``, and then the totals. Where the source has
    mistakes they are what counts, and this says nothing.
    """
    totals = run.losses.totals
    if isinstance(run.error, InputError):
        return
    told: Counter[tuple[str, str]] = Counter()
    for pair in run.losses:
        names = pair.loss.kind, pair.loss.way
        told[names] += 1
        if verbose or told[names] <= _LISTED:
            yield "info", _line(pair)
    for (kind, way), count in totals.items():
        more = f"; the first {_LISTED} are listed, with -v all" if count > _LISTED else ""
        pairs = count_text(count, "pair")
        told_more = "" if verbose else more
        # What someone has asked for need not be warned of every night.
        level = "info" if kind is not Loss.SHORT_TTL or way != KEEP else "warning"
        done = "left out" if kind in run.losses.unasked else f"--{kind} {way}"
        yield level, f"{pairs} with {POLICIES[kind].what}: {done}{told_more}"


def _line(pair: LostPair) -> str:
    kind, way, detail = pair.loss
    shown = detail if len(detail) <= _SHOWN else f"{detail[:_SHOWN]}…"
    lost = printable(shown) if shown.startswith(kind) else f"{kind} {printable(shown)}".rstrip()
    return f"{printable(pair.origin)}: {printable(pair.key)}: {lost} ({way})"


def loss_fields(run: RunReport) -> dict[str, Any]:
    """``losses``, pair by pair, and ``lost``, how many by kind; nothing where nothing is lost."""
    totals = run.losses.totals
    if not totals:
        return {}
    lost: Counter[str] = Counter()
    for (kind, _), count in totals.items():
        lost[kind] += count
    return {
        "lost": dict(lost),
        "losses": map(_fields, run.losses),
    }


def _fields(pair: LostPair) -> dict[str, Any]:
    kind, way, detail = pair.loss
    return {
        "key": pair.key,
        "origin": pair.origin,
        "kind": str(kind),
        "policy": way,
        "detail": detail,
    }
