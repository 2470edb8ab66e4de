"""One file of a random history, with its capture: what a node does to it, without the node.

:mod:`ha.test.histories` and :mod:`ha.test.cutoff` make nodes of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import apsw

from ha.errors import StatementError
from ha.replication.change import decode
from ha.sqlite import images, wholerow
from ha.sqlite import tables as schema
from ha.sqlite.capture import Capture
from ha.sqlite.connection import Connection, open_writer
from ha.sqlite.rowchange import Record, has_commands

#: A statement that takes more of SQLite's instructions is interrupted, as a node would: triggers can multiply rows without end.
INSTRUCTIONS_MAX = 5_000_000
INSTRUCTIONS_STEP = 10_000

SAVEPOINT = "<savepoint>"
ROLLBACK = "<rollback to savepoint>"


@dataclass(frozen=True, slots=True)
class Group:
    """What one node commits together: transactions, each a list of statements.

    :param undone: the writer then undoes it by its record and applies the message instead.
    :param batched: the follower applies it together with the next one.
    """

    writer: int
    transactions: tuple[tuple[str, ...], ...]
    undone: bool
    batched: bool


@dataclass(frozen=True, slots=True)
class Done:
    """What a group did.

    :param counts: how many of the changes each of its transactions made.
    :param record: None where it changed the schema.
    """

    changes: list[Any]
    counts: list[int]
    sequences: dict[str, Any]
    record: Record | None


BeforeCommit = Callable[[Done], None]


class Diverged(Exception):
    """Two nodes differ, or one is damaged; the text says where."""


class Damaged(Exception):
    """SQLite itself damaged the writer's file, before anything was replicated.

    Seen, with plain SQLite too (3.40 and 3.54): INSERT OR REPLACE into a table that a foreign key references, while the
    largest rowid is taken and SQLite therefore draws rowids at random, leaves rowids out of order. With 3.54 also: an UPDATE
    of such a table says that the file is damaged, and so does COMMIT after it; a node ends the whole transaction then.
    """


class Node:
    """One file, with its capture."""

    def __init__(self, path: str) -> None:
        self.connection: Connection = open_writer(path, synchronous="NORMAL")
        self.writer = self.connection
        self.capture = Capture(self.connection)
        self._steps = 0
        self.committed = True
        self.connection.set_progress_handler(self._is_too_long, INSTRUCTIONS_STEP)

    def unhurried(self) -> None:
        """What follows is no client's."""
        self._steps = -1_000_000_000

    def _is_too_long(self) -> bool:
        self._steps += 1
        return self._steps > INSTRUCTIONS_MAX // INSTRUCTIONS_STEP

    def close(self) -> None:
        """Close the file."""
        self.connection.close(True)

    def ours(self, sql: str) -> None:
        """Run a statement of the house's own."""
        self._steps = 0
        with self.connection.guard.trusted():
            self.connection.execute(sql)

    def execute(self, group: Group, log: list[str] | None = None, before_commit: BeforeCommit | None = None) -> Done:
        """Run a group and commit it.

        :param before_commit: it is queued, and done by this; then no transaction of it may change the schema.
        """
        culprits: set[int] = set()
        while True:
            result = self._attempt(group, culprits, log, before_commit)
            if result is not None:
                return result

    def _attempt(
        self, group: Group, culprits: set[int], log: list[str] | None, before_commit: BeforeCommit | None
    ) -> Done | None:
        self.ours("BEGIN IMMEDIATE")
        self.capture.begin()
        changes: list[Any] = []
        counts = []
        sequences: dict[str, Any] = {}
        for number, transaction in enumerate(group.transactions):
            if number in culprits:
                continue
            self.ours("SAVEPOINT tx")
            mark = self.capture.mark()
            try:
                self._run(transaction, log)
                self.capture.settle()
                if before_commit is not None and self.capture.changed_schema(mark):
                    raise StatementError("25006", "the schema cannot be changed")
            except (apsw.Error, StatementError, UnicodeDecodeError) as error:  # the last: RETURNING text that is none
                if log is not None:
                    log.append(f"    -- {error}")
                if not self.connection.in_transaction:
                    # It took its mates with it: they run again without it.
                    self.capture.discard()
                    culprits.add(number)
                    return None
                self.ours("ROLLBACK TO tx")
                self.ours("RELEASE tx")
                self.capture.cut(mark)
                continue
            self.ours("RELEASE tx")
            taken, moved = self.capture.take()
            changes += taken
            counts.append(len(taken))
            sequences.update(moved)
        record = None
        if not has_commands(changes):
            record = self.capture.record()
        done = Done(changes, counts, sequences, record)
        if before_commit is not None:
            with self.connection.guard.trusted():
                before_commit(done)
        self.committed = True
        try:
            self.ours("COMMIT")
        except apsw.ConstraintError:
            # Seen: the count of broken keys that settle() asks for says none, and COMMIT finds one, where a new row's key is
            # '0.0' and rows refer to 0. A node has published by now: the log brings it its own message like any other.
            self.committed = False
            self.ours("ROLLBACK")
        self.capture.discard()
        self._drop_temporary()
        return done

    def _drop_temporary(self) -> None:
        """A node keeps them on a connection of their session's own: whatever applies messages never meets one."""
        with self.connection.guard.trusted():
            for (name,) in list(self.connection.execute("SELECT name FROM temp.sqlite_schema WHERE type = 'table'")):
                self.connection.execute(f"DROP TABLE temp.{schema.quoted(name)}")

    def _run(self, transaction: tuple[str, ...], log: list[str] | None) -> None:
        marks = []
        for sql in transaction:
            if log is not None:
                log.append(f"    {sql}")
            if sql == SAVEPOINT:
                self.ours("SAVEPOINT inner")
                marks.append(self.capture.mark())
            elif sql == ROLLBACK:
                if marks:
                    self.ours("ROLLBACK TO inner")
                    self.capture.cut(marks[-1])
            else:
                self._steps = 0
                for _ in self.connection.execute(sql):
                    pass
                self.capture.after_statement(sql, may_change_schema=sql[:6] not in ("INSERT", "UPDATE", "DELETE"))

    def apply(self, bodies: list[bytes]) -> None:
        """Apply messages in one transaction."""
        self.ours("BEGIN IMMEDIATE")
        self.unhurried()
        with self.connection.guard.trusted():
            for body in bodies:
                images.apply(self.connection, decode(body))
        self.ours("COMMIT")

    def refuse_damage(self) -> None:
        """:raises Damaged: the file's own structure is broken."""
        with self.connection.guard.trusted():
            for (line,) in self.connection.execute("PRAGMA integrity_check"):
                if "out of order" in line:
                    raise Damaged(line)

    def undo(self, *records: bytes) -> None:
        """Take back what the records hold, in this order."""
        self.ours("BEGIN IMMEDIATE")
        self.unhurried()
        for record in records:
            images.undo(self.connection, Record.from_bytes(record))
        self.ours("COMMIT")

    def contents(self) -> dict[str, Any]:
        """All that must be equal on every node."""
        self.unhurried()
        connection, tables = self.connection, schema.of(self.connection)
        with connection.guard.trusted():
            tables.refresh()
            found: dict[str, Any] = {"schema": sorted(tables.schema().items())}
            for name in sorted(tables.names()):
                table = tables[name]
                if table.kind == "virtual":
                    continue
                rows = wholerow.read_all(connection, table)
                found[name] = sorted(map(repr, rows.items()))
            if tables.has_sequences:
                found["sequences"] = sorted(
                    connection.execute("SELECT name, seq FROM sqlite_sequence WHERE name NOT LIKE 'ha\\_%' ESCAPE '\\'")
                )
        return found

    def check(self) -> None:
        """Is the file intact, and are its virtual tables?"""
        self.unhurried()
        connection, tables = self.connection, schema.of(self.connection)
        with connection.guard.trusted():
            for (line,) in connection.execute("PRAGMA integrity_check"):
                if line != "ok" and not line.startswith(("CHECK constraint", "non-unique")):
                    raise Diverged(f"integrity_check: {line}")
            for (_, name), sql in list(tables.schema().items()):
                if not (sql or "").startswith("CREATE VIRTUAL"):
                    continue
                if re.search(r" using (fts5\(|fts[34]\((?!.*content=))", sql.lower()):
                    word = schema.quoted(name)
                    connection.execute(f"INSERT INTO {word}({word}) VALUES ('integrity-check')")
                if " rtree" in sql.lower():
                    line = connection.execute("SELECT rtreecheck(?)", (name,)).get
                    if line != "ok":
                        raise Diverged(f"rtreecheck of {name}: {line}")


def draws_rowids(change: Any) -> bool:
    """Did the row get a rowid that SQLite drew at random?"""
    rowid = getattr(change, "new_rowid", None)
    return rowid is not None and 1_000_000 < rowid < 2**63 - 2


def equal(first: dict[str, Any], second: dict[str, Any], where: str) -> None:
    """:raises Diverged: naming what differs."""
    if first == second:
        return
    for name in sorted(first.keys() | second.keys()):
        one, other = first.get(name), second.get(name)
        if one != other:
            only = [row for row in one or () if row not in (other or ())]
            more = [row for row in other or () if row not in (one or ())]
            raise Diverged(f"{where}: {name} differs: {only} against {more}")
