"""Closing a server of streams together with its connections, as Python 3.13 can."""

import asyncio
from collections.abc import Iterable
from typing import Any


async def close_server(server: asyncio.Server, serving: Iterable[Any] | None = None) -> None:
    """Take no more connections, and cancel what serves them: these tasks, else all other ones.

    What has just been accepted is begun first: cancelled before, it would leave its stream open.
    """
    server.close()
    for _ in range(5):
        await asyncio.sleep(0)
    others = asyncio.all_tasks() - {asyncio.current_task()} if serving is None else set(serving)
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
