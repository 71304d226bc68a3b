"""``kvsync state check`` and ``kvsync state rebuild``."""

import shlex
from collections.abc import Iterator
from typing import Any

import click

from kvsync.cli.dump_options import dump_options
from kvsync.cli.options import (
    adopt_option,
    lock_timeout_option,
    network_options,
    output_options,
    sources_argument,
    state_option,
    target_options,
)
from kvsync.cli.output import emit
from kvsync.cli.state_file import location_of, owner_line, source_argument
from kvsync.model.errors import StateError
from kvsync.model.text import count_text, printable
from kvsync.state import Diagnosis


@click.command("rebuild", epilog="Example: kvsync state rebuild ./bundle --zone zone-123")
@sources_argument
@dump_options()
@target_options
@adopt_option
@network_options
@lock_timeout_option
@output_options
@click.pass_context
def rebuild_command(ctx: click.Context, /, **options: Any) -> int:
    """Make the state anew from what the target holds. Sends and deletes nothing.

    A key that holds what its source says is known again; every other is sent by the next sync. A
    damaged state file is set aside, as state.db.damaged- and the time; a sound one is corrected.
    """
    from kvsync.cli.call import call_from
    from kvsync.cli.console import Console
    from kvsync.engine.rebuild import rebuild
    from kvsync.report import rebuilt_lines

    console = Console(options)
    report = rebuild(call_from(ctx), console)
    verbose = bool(options["verbose"])
    return console.show(
        report, [line for run in report.runs for line in rebuilt_lines(run, verbose=verbose)]
    )


@click.command("check", epilog="Example: kvsync state check ./bundle")
@source_argument
@state_option
@output_options
def check_command(source: str | None, state: str, **options: Any) -> int:
    """Look whether the state file is sound: exit 0, and 4 if it is not.

    It is read from end to end and left as it is. What is damaged is repaired by
    `kvsync state rebuild`.
    """
    location = location_of(source, state)
    path, found = location.name, location.examine()
    owners = [
        {
            **holding.target._asdict(),
            "owner": holding.owner,
            "keys": holding.keys,
            "bytes": holding.size,
            "in_doubt": holding.in_doubt,
        }
        for holding in found.holdings
    ]
    fields = {
        "path": path,
        "sound": not found.problems,
        "format": found.version or None,
        "problems": found.problems,
        "owners": owners,
        "in_doubt": sum(holding.in_doubt for holding in found.holdings),
        "unfinished_runs": found.unfinished,
        "leftovers": found.leftovers,
    }
    return emit("state check", options, _lines(path, found, owners), fields, _error(found, source))


def _lines(path: str, found: Diagnosis, owners: list[dict[str, Any]]) -> Iterator[str]:
    if not found.version and not found.problems:
        yield f"no state yet at {path}"
        return
    for problem in found.problems:
        yield f"damaged: {problem}"
    yield from map(owner_line, owners)
    doubts = sum(holding.in_doubt for holding in found.holdings)
    if doubts:
        yield f"{count_text(doubts, 'key')} in doubt: the next sync sends them again"
    if found.unfinished:
        yield f"{count_text(found.unfinished, 'run')} without an end: cut off, or still going"
    for name in found.leftovers:
        yield f"{name} was left by a program that was killed: the next sync takes it over"
    if not found.problems:
        yield f"{path} is sound (format {found.version})"


def _error(found: Diagnosis, source: str | None) -> StateError | None:
    if not found.problems:
        return None
    what = shlex.quote(printable(source)) if source else "SOURCE"
    problems = count_text(len(found.problems), "problem")
    return StateError(
        f"the state is damaged: {problems}. `kvsync state rebuild {what}` sets it aside, and makes"
        " it anew from what the target holds"
    )
