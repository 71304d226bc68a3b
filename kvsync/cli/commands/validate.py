"""Report every mistake in the sources; no state, no network."""

from typing import Any

import click

from kvsync.cli.call import call_from
from kvsync.cli.console import Console
from kvsync.cli.dump_options import dump_options
from kvsync.cli.options import output_options, read_options, sources_argument
from kvsync.cli.output import write_result
from kvsync.cli.shell_expansion import PatternCommand
from kvsync.engine.validate import validate
from kvsync.model.text import count_text, printable, size_text


@click.command("validate", cls=PatternCommand, epilog="Example: kvsync validate manifests/*.yaml")
@sources_argument
@dump_options()
@read_options
@output_options
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> int:
    """Report every mistake in the sources. Looks at no state and no network."""
    report = validate(call_from(ctx))
    code = Console(options).show(report)
    if not options["quiet"] and not options["as_json"]:
        for run in report.runs:
            if not run.error:
                keys = count_text(run.keys, "key")
                write_result(f"{printable(run.source)}: {keys}, {size_text(run.size)}; no mistakes")
    return code
