"""A look at a database file, and its adoption into a log.

Everything here blocks and uses a connection of its own: it is for a deferred thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ha.sqlite.connection import Connection, open_reader, open_writer
from ha.sqlite.folder import has_rows
from ha.sqlite.ledger import write_position
from ha.sqlite.schema import Membership, install, read_membership, read_positions, write_membership


@dataclass(frozen=True, slots=True)
class Visit:
    """What the file says of itself.

    :param rows: it holds rows that somebody would miss.
    :param origins: the last group applied of each (node, process).
    """

    rows: bool
    cluster_id: str | None
    epoch: int | None
    position: int
    origins: dict[tuple[str, int], int]


def visit(path: Path, subject: str) -> Visit:
    """Look at the file at `path`, which nobody serves yet; its ``ha_*`` tables are made if they are missing."""
    connection = open_writer(str(path), synchronous="FULL")
    try:
        install(connection)
        return look(connection, path, subject)
    finally:
        connection.close(True)


def glance(path: Path, subject: str) -> Visit:
    """Look at the file at `path` while it is open and served."""
    connection = open_reader(str(path))
    try:
        return look(connection, path, subject)
    finally:
        connection.close(True)


def look(connection: Connection, path: Path, subject: str) -> Visit:
    """Look through `connection`, which has no transaction open."""
    rows = has_rows(path)
    with connection.guard.trusted():
        # The position and the origins are of one moment, though somebody writes: they are compared with one message.
        connection.execute("BEGIN")
        try:
            membership = read_membership(connection)
            position = read_positions(connection).get(subject, 0)
            origins = {
                (node, process_id): group
                for node, process_id, group in connection.execute("SELECT * FROM main.ha_origins")
            }
        finally:
            connection.execute("COMMIT")
    return Visit(
        rows,
        membership.cluster_id if membership is not None else None,
        membership.epoch if membership is not None else None,
        position,
        origins,
    )


def adopt(path: Path, subject: str, membership: Membership, position: int) -> None:
    """From now on the file belongs to this log and is at `position`.

    What waited in its outbox is part of what the log begins with.
    """
    connection = open_writer(str(path), synchronous="FULL")
    try:
        install(connection)
        with connection.guard.trusted():
            connection.execute("BEGIN IMMEDIATE")
            write_membership(connection, membership)
            connection.execute("DELETE FROM main.ha_outbox")
            connection.execute("DELETE FROM main.ha_stats WHERE subject = ?", (subject,))
            write_position(connection, subject, position)
            connection.execute("COMMIT")
    finally:
        connection.close(True)
