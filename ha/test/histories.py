"""Random histories on real SQLite files with a list as the log: do all nodes come out equal?

A history is made of groups. A group runs on one of two nodes, a savepoint per transaction as the committer does, its
changes are captured, encoded and put on the list; the other nodes decode and apply them. Sometimes the node that wrote
first takes everything back from its record and applies its own message instead. At the end all nodes must hold the same
schema, the same rows under the same rowids, the same sequences, and be intact.

Everything comes from the seed, and nothing in the schemas or statements is random by itself. ``python -m
ha.test.histories --count 1000 --seed 1`` runs many, and prints the smallest form of the first one that fails.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from typing import Any

import apsw

from ha.errors import StatementError
from ha.replication.change import Command, Message, decode, encode
from ha.sqlite import images, wholerow
from ha.sqlite import tables as schema
from ha.sqlite.capture import Capture
from ha.sqlite.connection import Connection, open_writer
from ha.test.randomsql import Author

#: Nodes that write, and one that only ever applies, several messages at a time.
WRITERS = 2
FOLLOWER = 2

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
        self.capture = Capture(self.connection)
        self._steps = 0
        self.committed = True
        self.connection.set_progress_handler(self._is_too_long, INSTRUCTIONS_STEP)

    def _unhurried(self) -> None:
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

    def execute(
        self, group: Group, log: list[str] | None = None
    ) -> tuple[list[Any], list[int], dict[str, Any], bytes | None]:
        """Run a group up to its COMMIT: changes, how many each transaction made, sequences, and its record."""
        culprits: set[int] = set()
        while True:
            result = self._attempt(group, culprits, log)
            if result is not None:
                return result

    def _attempt(self, group: Group, culprits: set[int], log: list[str] | None) -> Any:
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
        if not any(isinstance(change, Command) for change in changes):
            record = self.capture.record().to_bytes()
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
        return changes, counts, sequences, record

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
        self._unhurried()
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

    def undo(self, record: bytes) -> None:
        """Take back what the record holds."""
        self.ours("BEGIN IMMEDIATE")
        self._unhurried()
        images.undo(self.connection, images.Record.from_bytes(record))
        self.ours("COMMIT")

    def contents(self) -> dict[str, Any]:
        """All that must be equal on every node."""
        self._unhurried()
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
                found["sequences"] = sorted(connection.execute("SELECT name, seq FROM sqlite_sequence"))
        return found

    def check(self) -> None:
        """Is the file intact, and are its virtual tables?"""
        self._unhurried()
        connection, tables = self.connection, schema.of(self.connection)
        with connection.guard.trusted():
            for (line,) in connection.execute("PRAGMA integrity_check"):
                if line != "ok" and not line.startswith(("CHECK constraint", "non-unique")):
                    raise Diverged(f"integrity_check: {line}")
            for (_, name), sql in list(tables.schema().items()):
                if not (sql or "").startswith("CREATE VIRTUAL"):
                    continue
                if re.search(r" using fts[345]\(", sql.lower()) and "content=" not in sql.lower():
                    word = schema.quoted(name)
                    connection.execute(f"INSERT INTO {word}({word}) VALUES ('integrity-check')")
                if " rtree" in sql.lower():
                    line = connection.execute("SELECT rtreecheck(?)", (name,)).get
                    if line != "ok":
                        raise Diverged(f"rtreecheck of {name}: {line}")


def write(seed: int) -> list[Group]:
    """The history of a seed."""
    random = Random(seed)
    author = Author(random)
    # Each on its own: one that SQLite refuses must not take away what all others build upon.
    groups = [Group(0, tuple((sql,) for sql in author.opening()), undone=False, batched=False)]
    for _ in range(random.randint(2, 14)):
        transactions = []
        for _ in range(random.randint(1, 4)):
            statements = [author.statement() for _ in range(random.choice((1, 1, 1, 2, 3, 6)))]
            if random.random() < 0.1:
                statements.insert(random.randrange(len(statements)), SAVEPOINT)
                statements.append(ROLLBACK)
                statements += [author.statement() for _ in range(random.randint(0, 2))]
            transactions.append(tuple(statements))
        groups.append(
            Group(random.randrange(WRITERS), tuple(transactions), random.random() < 0.15, random.random() < 0.3)
        )
    return groups


def play(groups: list[Group], folder: str, log: list[str] | None = None) -> None:
    """Run a history on fresh files in `folder`, or in memory when it is empty.

    :raises Diverged: the nodes do not agree.
    """
    nodes = [Node(f"{folder}/node{number}.db" if folder else ":memory:") for number in range(WRITERS + 1)]
    try:
        _play(nodes, groups, log)
    finally:
        for node in nodes:
            node.close()


def _play(nodes: list[Node], groups: list[Group], log: list[str] | None) -> None:
    waiting: list[bytes] = []
    for number, group in enumerate(groups, 1):
        writer = nodes[group.writer]
        if log is not None:
            log.append(f"group {number} on node {group.writer}")
        before = writer.contents() if group.undone else None
        try:
            changes, counts, sequences, record = writer.execute(group, log)
        except apsw.CorruptError as error:
            raise Damaged(str(error)) from error
        if any(draws_rowids(change) for change in changes):
            writer.refuse_damage()
        body = encode(
            Message(
                node=f"node{group.writer}",
                process_id=1,
                filename="history.db",
                group=number,
                snapshot_seq=number - 1,
                timestamp_ns=time.time_ns(),
                changes=changes,
                transactions=tuple([(str(at), count) for at, count in enumerate(counts)]),
                sequences=sequences,
            )
        )
        if not writer.committed:
            writer.apply([body])
        elif before is not None and record is not None:
            writer.undo(record)
            equal(before, writer.contents(), f"group {number} undone")
            writer.apply([body])
        for node in nodes[:FOLLOWER]:
            if node is not writer:
                node.apply([body])
        waiting.append(body)
        if not group.batched:
            nodes[FOLLOWER].apply(waiting)
            waiting.clear()
        if log is not None:
            equal(nodes[0].contents(), nodes[1].contents(), f"group {number}: node 0 and 1")
    if waiting:
        nodes[FOLLOWER].apply(waiting)
    first = nodes[0].contents()
    for number, node in enumerate(nodes[1:], 1):
        equal(first, node.contents(), f"at the end: node 0 and {number}")
    for node in nodes:
        node.check()


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


def failure(groups: list[Group], folder: str) -> str | None:
    """What goes wrong with the history, or None. Anything but agreement counts, exceptions of ours included."""
    with tempfile.TemporaryDirectory(dir=folder or None) as inner:
        try:
            play(groups, inner if folder else "")
        except Damaged:
            return None
        except Exception as error:
            return f"{type(error).__name__}: {error}"
    return None


def shrink(groups: list[Group], fails: Callable[[list[Group]], bool]) -> list[Group]:
    """The smallest history that still fails, found by leaving things out."""
    smaller = True
    while smaller:
        smaller = False
        for candidate in _smaller(groups):
            if fails(candidate):
                groups, smaller = candidate, True
                break
    return groups


def _smaller(groups: list[Group]) -> Iterator[list[Group]]:
    for size in (8, 4, 2, 1):
        for at in range(0, len(groups), size):
            if len(groups) > 1:
                yield groups[:at] + groups[at + size :]
    for at, group in enumerate(groups):
        transactions = group.transactions
        for place, transaction in enumerate(transactions):
            if len(transactions) > 1:
                yield [
                    *groups[:at],
                    replace(group, transactions=transactions[:place] + transactions[place + 1 :]),
                    *groups[at + 1 :],
                ]
            for size in (4, 1):
                for line in range(0, len(transaction), size):
                    if len(transaction) > 1:
                        kept = transaction[:line] + transaction[line + size :]
                        changed = (*transactions[:place], kept, *transactions[place + 1 :])
                        yield [*groups[:at], replace(group, transactions=changed), *groups[at + 1 :]]
        if group.undone:
            yield [*groups[:at], replace(group, undone=False), *groups[at + 1 :]]
        if group.batched:
            yield [*groups[:at], replace(group, batched=False), *groups[at + 1 :]]


def _fails(kind: str, folder: str, groups: list[Group]) -> bool:
    return (failure(groups, folder) or "").startswith(kind)


def tell(groups: list[Group], folder: str = "") -> str:
    """A history as a person reads it, with what SQLite said."""
    log: list[str] = []
    try:
        play(groups, folder, log)
    except Exception as error:
        log.append(f"{type(error).__name__}: {error}")
    return "\n".join(log)


def main(arguments: list[str]) -> int:
    """Run histories; 1 when one fails."""
    parser = argparse.ArgumentParser(prog="python -m ha.test.histories", description=__doc__)
    parser.add_argument("--count", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--files", action="store_true", help="on files in the temporary folder instead of in memory")
    parser.add_argument(
        "--seconds", type=float, default=float("inf"), help="stop after so long, if --count is not reached"
    )
    parser.add_argument("--go-on", action="store_true", help="count failures instead of stopping at the first")
    options = parser.parse_args(arguments)
    folder = tempfile.gettempdir() if options.files else ""
    failed = []
    started = time.monotonic()
    for seed in range(options.seed, options.seed + options.count):
        if time.monotonic() > started + options.seconds:
            seed -= 1
            break
        reason = failure(write(seed), folder)
        if reason is None:
            continue
        failed.append(seed)
        if options.go_on:
            print(f"seed {seed}: {reason[:300]}", flush=True)
            continue
        kind = reason.split(":")[0]
        small = shrink(write(seed), partial(_fails, kind, folder))
        print(f"seed {seed} fails, at its smallest:\n{tell(small, '')}")
        break
    seconds = time.monotonic() - started
    print(
        f"{seed - options.seed + 1} histories from seed {options.seed} in {seconds:.0f} s, {len(failed)} failed {failed[:20]}"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
