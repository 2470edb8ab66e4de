"""A copy of a running database: one consistent state, while everybody goes on reading and writing.

SQLite's online backup starts again whenever another connection writes. Here the source connection holds a read
transaction from first to last page, so in WAL mode the whole copy is the one state that transaction sees: writers do
not wait for the copy, and it never restarts. The price is that the write-ahead log cannot be reset
meanwhile and grows by what is written.

Everything here blocks: it is for a deferred thread, with a connection of its own.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import apsw

from ha.errors import StatementError
from ha.sqlite.connection import open_reader
from ha.sqlite.folder import sync_directory
from ha.sqlite.schema import Membership, is_settled, read_membership, read_positions

#: Pages copied between two looks at the cancellation: 4 MiB at 4 KiB pages, some milliseconds.
PAGES_PER_SLICE: Final = 1_000

#: Left free on the disk when a copy is done, for the write-ahead logs of the databases on it.
SPARE_BYTES: Final = 16 * 1024 * 1024


class Cancelled(Exception):
    """The copy was stopped by whoever asked for it; nothing is left of it."""


class Unsettled(Exception):
    """Something waits in the outbox: the file is not the state at its position."""


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy holds, found in the same transaction as its pages.

    :param positions: subject to position on its log, from ``ha_stats``.
    :param settled: nothing waited in the outbox.
    """

    path: Path
    size_bytes: int
    positions: dict[str, int]
    membership: Membership | None
    settled: bool


def _never() -> bool:
    return False


def _silent(done_pages: int, total_pages: int) -> None:
    pass


def copy(
    source: Path,
    target: Path,
    *,
    settled_only: bool = False,
    on_progress: Callable[[int, int], None] = _silent,
    cancelled: Callable[[], bool] = _never,
) -> Copied:
    """Copy the database file `source`, open or not, to the new file `target`. Runs in a thread.

    :param target: overwritten; removed again if the copy fails. It is on the disk when this returns.
    :param settled_only: refuse while something waits in the outbox (a snapshot for the cluster).
    :param on_progress: called in this thread after each slice with the pages done and all pages.
    :param cancelled: asked in this thread before each slice.
    :raises Cancelled: `cancelled` said so.
    :raises Unsettled: see `settled_only`.
    :raises StatementError: 53100, the disk has no room for it.
    :raises apsw.Error: SQLite's own.
    """
    connection = open_reader(str(source))
    try:
        with connection.guard.trusted():
            connection.execute("BEGIN")
            # The transaction begins with its first read: from here on it sees one state.
            size = connection.execute("PRAGMA main.page_count").get * connection.execute("PRAGMA main.page_size").get
            settled = is_settled(connection)
            if settled_only and not settled:
                raise Unsettled(f"{source}: transactions wait for the log")
            copied = Copied(target, size, read_positions(connection), read_membership(connection), settled)
        _check_room(target.parent, size)
        _remove(target)
        try:
            _copy_pages(connection, target, on_progress, cancelled)
            _sync(target)
        except BaseException as error:
            _remove(target)
            if isinstance(error, apsw.FullError):
                raise _no_room(target.parent) from error
            raise
        return copied
    finally:
        connection.close(True)


def _copy_pages(
    source: apsw.Connection, target: Path, on_progress: Callable[[int, int], None], cancelled: Callable[[], bool]
) -> None:
    copy = apsw.Connection(str(target), flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE)
    try:
        # Nobody reads it before it is complete: no journal, and one sync at the end instead of SQLite's.
        copy.execute("PRAGMA journal_mode = OFF")
        copy.execute("PRAGMA synchronous = OFF")
        with copy.backup("main", source, "main") as backup:
            while not backup.done:
                if cancelled():
                    raise Cancelled
                backup.step(PAGES_PER_SLICE)
                on_progress(backup.page_count - backup.remaining, backup.page_count)
    finally:
        copy.close(True)


def _sync(target: Path) -> None:
    descriptor = os.open(target, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    sync_directory(target.parent)


def _check_room(directory: Path, size: int) -> None:
    if shutil.disk_usage(directory).free < size + SPARE_BYTES:
        raise _no_room(directory)


def _no_room(directory: Path) -> StatementError:
    return StatementError("53100", f"no space left for a copy of the database in {directory}")


def _remove(target: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        Path(f"{target}{suffix}").unlink(missing_ok=True)
