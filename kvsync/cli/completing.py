"""Words that a shell may complete: what the state that is meant knows."""

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_MOST = 1000
"""Words that are offered at most."""


def from_state(
    field: str,
) -> "Callable[[click.Context, click.Parameter, str], list[CompletionItem]]":
    """Return a completion by what the state knows of: ``zone``, ``namespace``, ``owner`` or
    ``key``.
    """

    def complete(ctx: click.Context, _: click.Parameter, begun: str) -> "list[CompletionItem]":
        from click.shell_completion import CompletionItem

        words = {word for word in _known(ctx, field) if word.startswith(begun)}
        return [CompletionItem(word) for word in sorted(words)[:_MOST]]

    return complete


def _known(ctx: click.Context, field: str) -> Iterator[str]:
    from kvsync.cli.state_file import location_of
    from kvsync.model.errors import KvsyncError

    sources = ctx.params.get("sources") or [ctx.params.get("source") or "."]
    explicit = ctx.params.get("state") or os.environ.get("KVSYNC_STATE", "")
    for source in sources:
        # Completion tells nothing of what is wrong.
        try:
            with location_of(source, explicit).read() as state:
                for target in state.targets():
                    if field in target._fields:
                        yield str(getattr(target, field))
                    else:
                        for row in state.rows(target).values():
                            yield row.key if field == "key" else row.owner
        except (KvsyncError, OSError):
            continue
