"""Talking to a node with asyncpg, in an event loop of its own: this process's reactor has no part in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from ha.test.integration.nodes import Node

#: How long a conversation may take (seconds).
LIMIT_S = 60


def converse(conversation: Coroutine[Any, Any, None]) -> None:
    """Have it, to its end."""
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        runner.run(asyncio.wait_for(conversation, LIMIT_S))


@asynccontextmanager
async def connected(node: Node) -> AsyncIterator[Any]:
    """A connection, and its end."""
    connection = await asyncpg.connect(node.dsn())
    try:
        yield connection
    finally:
        await connection.close()
