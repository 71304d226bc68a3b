"""Print a script that lets a shell complete words: bash, zsh or fish."""

import click
from click.shell_completion import get_completion_class

from kvsync.cli.output import write_result

_HOW = {
    "bash": 'eval "$(kvsync completion bash)"',
    "zsh": 'eval "$(kvsync completion zsh)"',
    "fish": "kvsync completion fish | source",
}


@click.command("completion", epilog=f"Example, in ~/.bashrc: {_HOW['bash']}")
@click.argument("shell", type=click.Choice(list(_HOW)))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print a script that lets a shell complete commands, options, zones, namespaces and keys.

    Zones, namespaces, owners and keys are those that the state knows.
    """
    completion = get_completion_class(shell)
    assert completion  # noqa: S101 - click has all three
    root = ctx.find_root().command
    write_result(completion(root, {}, "kvsync", "_KVSYNC_COMPLETE").source().rstrip())
