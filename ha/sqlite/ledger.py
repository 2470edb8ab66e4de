"""The position of a database on its log, kept in the same file and moved in the same transaction as the rows.

Its table is ``ha_stats``, which other replicas read too; ``ha_origins`` beside it knows the last group of every process, so that
a message that was stored twice is applied once. All functions run inside the caller's transaction.
"""

from __future__ import annotations

import time
from functools import lru_cache

from ha.sqlite.connection import Connection


def read_position(connection: Connection, subject: str) -> int:
    """The sequence of the last log entry that this file holds; 0 for none."""
    with connection.guard.trusted():
        row = connection.execute("SELECT received_seq FROM main.ha_stats WHERE subject = ?", (subject,)).fetchone()
    return int(row[0]) if row is not None else 0


def write_position(connection: Connection, subject: str, sequence: int) -> None:
    """Move the position to `sequence`."""
    connection.execute(
        "INSERT INTO main.ha_stats (subject, received_seq, updated_at) VALUES (?1, ?2, ?3)"
        " ON CONFLICT (subject) DO UPDATE SET received_seq = ?2, updated_at = ?3",
        (subject, sequence, _written_out(int(time.time()))),
    )


@lru_cache(maxsize=1)
def _written_out(second: int) -> str:
    """A moment as SQLite's DATETIME; asked for thousands of times in the same second."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(second))


def origin_of(connection: Connection, node: str, process_id: int, group: int) -> bool:
    """Note that `group` of that process is applied. False: it was before, and must not be again.

    :param group: 0 in a message that is not of this program: nothing is noted of it.
    """
    if group == 0:
        return True
    connection.execute(
        "INSERT INTO main.ha_origins (node, process_id, last_group) VALUES (?1, ?2, ?3)"
        " ON CONFLICT (node, process_id) DO UPDATE SET last_group = ?3 WHERE last_group < ?3",
        (node, process_id, group),
    )
    return connection.changes() > 0


class Origins:
    """:func:`origin_of` for many messages of one transaction: the file is asked and told of each process once or twice."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._last: dict[tuple[str, int], int] = {}
        #: Processes of whose groups the file does not hold the last yet.
        self._behind: set[tuple[str, int]] = set()

    def note(self, node: str, process_id: int, group: int) -> bool:
        """See :func:`origin_of`. It may not be in the file before :meth:`write`."""
        if group == 0:
            return True
        process = node, process_id
        last = self._last.get(process)
        if last is None:
            fresh = origin_of(self._connection, node, process_id, group)
            self._last[process] = group if fresh else last_group(self._connection, node, process_id)
            return fresh
        if group <= last:
            return False
        self._last[process] = group
        self._behind.add(process)
        return True

    def write(self) -> None:
        """Put into the file what was noted."""
        for process in self._behind:
            origin_of(self._connection, *process, self._last[process])


def last_group(connection: Connection, node: str, process_id: int) -> int:
    """The last group of that process that is in this file by way of the log; 0 for none."""
    last = connection.execute(
        "SELECT last_group FROM main.ha_origins WHERE node = ? AND process_id = ?", (node, process_id)
    ).get
    return 0 if last is None else int(last)
