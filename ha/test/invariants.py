"""The law of ``docs/replication.rst``, asked of every history when it has come to rest.

Each function is one sentence of it, and raises :class:`Broken` with what it found. They look at the files with SQLite alone,
not through the parts that they judge.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from ha.replication.change import Command, decode
from ha.replication.entry import Entry
from ha.sqlite import images
from ha.sqlite.connection import Connection
from ha.sqlite.fitting import put_what_fits
from ha.sqlite.tables import quoted
from ha.test.filenode import equal
from ha.test.workload import BY_ITSELF, CAREFUL, Outcome


class Broken(Exception):
    """An invariant does not hold; the text says which."""


def all_hold_the_same(found: Mapping[str, Mapping[str, Any]]) -> None:
    """All nodes are equal: row for row, rowid for rowid, ``sqlite_sequence`` and schema included.

    :param found: node to its :func:`contents`; one that replays the log from its beginning is among them.
    """
    (first, known), *others = found.items()
    for name, held in others:
        equal(dict(known), dict(held), f"{first} and {name}")


def each_message_counts_once(known: Mapping[str, Any], connection: Connection, entries: Iterable[Entry]) -> None:
    """Nothing is applied twice: each message, taken only at its first place in the log, makes the same rows.

    :param connection: to a file at the log's beginning.
    """
    seen, position = set(), 0
    for entry in entries:
        if entry.message_id not in seen:
            seen.add(entry.message_id)
            message = decode(entry.body)
            with connection.guard.trusted():
                connection.execute("BEGIN IMMEDIATE")
                if message.snapshot_seq == position or any(isinstance(one, Command) for one in message.changes):
                    images.apply(connection, message)
                else:
                    put_what_fits(connection, message)
                connection.execute("COMMIT")
        position = entry.sequence
    once = contents(connection)
    for ledger in LEDGERS:
        once[ledger] = known[ledger]
    equal(dict(known), once, "the nodes and each message once")


def nothing_acknowledged_is_missing(connection: Connection, outcomes: Iterable[Outcome]) -> None:
    """Nor is anything there that was refused."""
    there = _tokens(connection, "SELECT token FROM journal")
    for outcome in outcomes:
        if outcome.state == "acknowledged" and outcome.token not in there:
            raise Broken(f"acknowledged and missing: {outcome}")
        if outcome.state == "refused" and outcome.token in there:
            raise Broken(f"refused and there: {outcome}")


def increments_add_up(connection: Connection, outcomes: Iterable[Outcome], *, queued: bool) -> None:
    """While connected: autocommit ones at every level, interactive ones under REPEATABLE READ and SERIALIZABLE.

    :param queued: some were written while the log was out of reach, where only the latter are promised: they are refused.
    """
    there = _tokens(connection, "SELECT token FROM journal")
    expected = Counter(outcome.counter for outcome in outcomes if outcome.token in there)
    for counter in (CAREFUL,) if queued else (BY_ITSELF, CAREFUL):
        n = connection.execute("SELECT n FROM counter WHERE id = ?", (counter,)).get
        if n != expected[counter]:
            raise Broken(f"counter {counter} is {n} after {expected[counter]} increments")


def no_insert_is_overwritten(connection: Connection, kept: str, outcomes: Iterable[Outcome], *, queued: bool) -> None:
    """Two concurrent plain INSERTs never overwrite one another; if one was queued, the loser's image is in ``ha_conflicts``.

    :param kept: all images there, of all nodes.
    """
    there = _tokens(connection, "SELECT token FROM item UNION SELECT token FROM serial")
    for outcome in outcomes:
        if outcome.inserted and outcome.state == "acknowledged" and outcome.token not in there:
            if not queued or f'"{outcome.token}"' not in kept:
                raise Broken(f"an INSERT was overwritten: {outcome}")


def file_is_intact(connection: Connection) -> None:
    """As SQLite sees it, indexes included."""
    line = connection.execute("PRAGMA integrity_check").get
    if line != "ok":
        raise Broken(f"integrity_check: {line}")


def _tokens(connection: Connection, sql: str) -> set[str]:
    return {token for (token,) in connection.execute(sql)}


#: What nodes know of the log's messages; it is not made by the messages' rows.
LEDGERS = ("ha_origins", "ha_stats")


def contents(connection: Connection) -> dict[str, Any]:
    """All that must be equal on every node."""
    with connection.guard.trusted():
        found: dict[str, Any] = {
            "schema": connection.execute(
                "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE tbl_name NOT LIKE 'ha\\_%' ESCAPE '\\' ORDER BY 1, 2"
            ).fetchall(),
            "sequences": connection.execute(
                "SELECT name, seq FROM sqlite_sequence WHERE name NOT LIKE 'ha\\_%' ESCAPE '\\' ORDER BY name"
            ).fetchall(),
            "ha_origins": sorted(connection.execute("SELECT * FROM ha_origins")),
            "ha_stats": sorted(connection.execute("SELECT subject, received_seq FROM ha_stats")),
        }
        for name, without_rowid in connection.execute(
            "SELECT name, wr FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite\\_%'"
            " ESCAPE '\\' AND name NOT LIKE 'ha\\_%' ESCAPE '\\'"
        ).fetchall():
            columns, order = ("*", "") if without_rowid else ("rowid, *", "ORDER BY rowid")
            # As text: 1 is not 1.0.
            found[name] = [repr(row) for row in connection.execute(f"SELECT {columns} FROM {quoted(name)} {order}")]
    return found
