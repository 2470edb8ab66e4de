"""The rows of an answer that come after its first batch.

Runs in the reactor's thread; the rows are fetched in a deferred one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ha.block import Block
from ha.errors import StatementError
from ha.sqlite.fetch import Cursor
from ha.values import Row

if TYPE_CHECKING:
    from ha.backend import Backend

#: Rows of a result's batch, where the client did not say.
BATCH_ROWS = 256


class Stream:
    """The rows after an answer's first batch, from a connection that is ours until the stream is closed."""

    def __init__(self, backend: Backend, cursor: Cursor, borrowed: bool, block: Block | None) -> None:
        self._backend = backend
        self._cursor = cursor
        self._borrowed = borrowed
        self._block = block
        self._running = False
        self.closed = False
        if block is not None:
            block.streams.add(self)

    async def next(self, rows_max: int) -> tuple[list[Row], bool]:
        """See :class:`ha.values.RowStream`."""
        if self.closed:
            raise StatementError("34000", "the rows of this result are gone: its transaction has ended")
        cursor, backend = self._cursor, self._backend
        self._running = True
        backend.stop_idling()
        try:
            rows = await backend.replica.database.lanes.long(
                cursor.connection,
                lambda connection: cursor.take(rows_max or BATCH_ROWS),
                deadline=backend.deadline(),
                cancellation=backend.fresh_cancellation(),
            )
        except BaseException:
            self._running = False
            self.close()
            raise
        finally:
            backend.idle()
        self._running = False
        if self.closed or cursor.finished:
            self._end()
        return rows, cursor.finished

    def close(self) -> None:
        """Give the connection back; when rows are being fetched, as soon as they are."""
        if not self.closed:
            self.closed = True
            self._backend.cancel()
            if not self._running:
                self._end()

    def _end(self) -> None:
        self.closed = True
        self._cursor.close()
        if self._block is not None:
            self._block.streams.discard(self)
        if self._borrowed:
            self._borrowed = False
            self._backend.replica.database.give_back(self._cursor.connection)
