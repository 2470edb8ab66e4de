"""A random history in which one of two nodes is cut off, and queues what it writes: are its passes what they should be?

The same groups as in :mod:`ha.test.histories`. What node 1 writes waits in its outbox, some of it is merged and some gets its
place in the log meanwhile; what node 0 writes arrives under it, in passes that undo only what is met. Each pass that leaves the
same messages is compared with the rule itself, tried on the same file and rolled back: undo everything, apply, put everything back on
top. And the file without what is pending must be what node 0 holds, in every row, rowid and sequence. At the end all of the outbox
gets its place, and both nodes and one that reads the log from its beginning must hold the same.

Virtual tables that both sides wrote to must be intact, too.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import apsw

from ha.replication.change import Message, decode, encode
from ha.replication.entry import Entry
from ha.replication.rebase import NotDisjoint, Rebase
from ha.replication.selection import CannotSelect, select
from ha.sqlite import images
from ha.sqlite import tables as schema
from ha.sqlite.fitting import put_in_order
from ha.sqlite.pending import add_pending, next_pending, undo_newest_first
from ha.sqlite.rowchange import Record
from ha.sqlite.schema import install
from ha.sqlite.touches import touches_of
from ha.test.filenode import Damaged, Done, Group, Node, draws_rowids, equal

NAMES = ("node0", "node1")

#: Tables with each kind of key and of constraint, in which rows are far enough apart that much of an outbox may stand.
OPENING = (
    "CREATE TABLE plain (id INTEGER PRIMARY KEY, u UNIQUE, v)",
    "CREATE TABLE named (k TEXT PRIMARY KEY, u INTEGER UNIQUE, v)",
    "CREATE TABLE folded (k TEXT COLLATE NOCASE PRIMARY KEY, u TEXT COLLATE RTRIM UNIQUE, v) WITHOUT ROWID",
    "CREATE TABLE pair (a, b INTEGER, c, d, PRIMARY KEY (a, b), UNIQUE (c, d)) WITHOUT ROWID",
    "CREATE TABLE loose (x, y UNIQUE)",
    "CREATE TABLE serial (id INTEGER PRIMARY KEY AUTOINCREMENT, v)",
    "CREATE TABLE partial (id INTEGER PRIMARY KEY, u, v)",
    "CREATE UNIQUE INDEX partial_u ON partial (u) WHERE u > 5",
    "CREATE TABLE parent (id INTEGER PRIMARY KEY, u INTEGER UNIQUE)",
    "CREATE TABLE child (id INTEGER PRIMARY KEY, p REFERENCES parent ON DELETE CASCADE, q INTEGER REFERENCES parent (u))",
)

#: And, for histories of their own, virtual tables that both sides write to.
VIRTUAL = (
    "CREATE TABLE plain (id INTEGER PRIMARY KEY, u UNIQUE, v)",
    "CREATE VIRTUAL TABLE words USING fts5(a, b UNINDEXED)",
    "CREATE VIRTUAL TABLE older USING fts4(a, b)",
    "CREATE VIRTUAL TABLE boxes USING rtree(id, x0, x1, +note)",
    # More than one node holds.
    "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 60)"
    " INSERT INTO boxes SELECT i, i % 17, i % 17 + 2, i FROM n",
    "CREATE TABLE text (id INTEGER PRIMARY KEY, a)",
    "CREATE VIRTUAL TABLE found USING fts5(a, content=text, content_rowid=id)",
    "CREATE TRIGGER text_i AFTER INSERT ON text BEGIN INSERT INTO found (rowid, a) VALUES (new.id, new.a); END",
    "CREATE TRIGGER text_d AFTER DELETE ON text BEGIN"
    " INSERT INTO found (found, rowid, a) VALUES ('delete', old.id, old.a); END",
    "CREATE VIRTUAL TABLE bare USING fts5(a, content='')",
)

#: Their keys and values are below this.
VALUES = 16

#: What is told of each version that lost its place, but when, and in which order. A row without a parent that nobody took away was
#: without one when it was written: SQLite's own check let it pass. What is put back is asked once more, and what stands is not.
LOSSES = """
SELECT reason, "table", key, operation, image, loser_node, winner_node, winner_seq FROM ha_conflicts
WHERE NOT (reason = 'orphaned' AND (winner_node IS NULL OR loser_node IS NULL))
"""


def write(seed: int) -> list[Group]:
    """A history in the tables of this module."""
    random = Random(seed)
    opening, statement = (OPENING, _statement) if seed % 3 else (VIRTUAL, _virtual_statement)
    groups = [Group(0, tuple((sql,) for sql in opening), undone=False, batched=False)]
    for _ in range(random.randint(4, 24)):
        transactions = [
            tuple([statement(random) for _ in range(random.choice((1, 1, 1, 2, 3)))])
            for _ in range(random.randint(1, 4))
        ]
        writer = int(random.random() < 0.6)
        groups.append(Group(writer, tuple(transactions), random.random() < 0.1, random.random() < 0.6))
    return groups


def _statement(random: Random) -> str:
    a, b, c, d = (random.randrange(VALUES) for _ in range(4))
    name = random.choice(("'{}'", "'k{}'", "'K{}'", "'k{} '")).format(a)
    text = random.choice(("'{}'", "'u{}'", "'u{} '", "NULL")).format(b)
    number = random.choice((str(b), str(b), f"{b}.0", f"'{b}'", "NULL"))
    insert = random.choice(("INSERT", "INSERT", "INSERT OR REPLACE", "INSERT OR IGNORE"))
    return random.choice(
        (
            f"{insert} INTO plain VALUES ({a}, {number}, {c})",
            f"UPDATE OR REPLACE plain SET u = {b}, v = {c} WHERE id = {a}",
            f"UPDATE plain SET id = {b} WHERE id = {a}",
            f"DELETE FROM plain WHERE id = {a}",
            f"UPDATE plain SET v = {c} WHERE id IN ({a}, {b})",
            f"{insert} INTO named VALUES ({name}, {number}, {c})",
            f"{insert} INTO named VALUES ({name}, NULL, {c})",
            f"{insert} INTO named VALUES (NULL, {number}, {c})",
            f"UPDATE named SET v = {c} WHERE k = {name}",
            f"DELETE FROM named WHERE k = {name}",
            f"{insert} INTO folded VALUES ({name}, {text}, {c})",
            f"UPDATE OR IGNORE folded SET u = {text} WHERE k = {name}",
            f"DELETE FROM folded WHERE k = {name}",
            f"{insert} INTO pair VALUES ({number if number != 'NULL' else a}, {b}, {c}, {d})",
            f"UPDATE OR REPLACE pair SET d = {d} WHERE b = {b}",
            f"DELETE FROM pair WHERE a = {a}",
            f"{insert} INTO loose VALUES ({a}, {number})",
            f"UPDATE loose SET x = {c} WHERE rowid = {a}",
            f"DELETE FROM loose WHERE rowid = {a}",
            f"INSERT INTO serial (v) VALUES ({a})",
            f"{insert} INTO serial VALUES ({a}, {b})",
            f"DELETE FROM serial WHERE id = {a}",
            f"{insert} INTO partial VALUES ({a}, {b}, {c})",
            f"DELETE FROM partial WHERE id = {a}",
            f"{insert} INTO parent VALUES ({a}, {b})",
            f"UPDATE OR IGNORE parent SET u = {b} WHERE id = {a}",
            f"DELETE FROM parent WHERE id = {a}",
            f"{insert} INTO child VALUES ({a}, {number}, NULL)",
            f"{insert} INTO child VALUES ({a}, NULL, {b})",
            f"DELETE FROM child WHERE id = {a}",
        )
    )


def _virtual_statement(random: Random) -> str:
    a, b, c, d = (random.randrange(VALUES) for _ in range(4))
    insert = random.choice(("INSERT", "INSERT OR REPLACE", "INSERT OR IGNORE"))
    return random.choice(
        (
            f"{insert} INTO plain VALUES ({a}, {b}, {c})",
            f"INSERT INTO words (a, b) VALUES ('w{b} w{c}', {d})",
            f"INSERT OR REPLACE INTO words (rowid, a) VALUES ({a}, 'w{b} w{c}')",
            f"UPDATE words SET a = 'w{b}' WHERE rowid = {a}",
            f"DELETE FROM words WHERE rowid IN ({a}, {b})",
            f"INSERT INTO words (words, rank) VALUES ('{random.choice(('pgsz', 'automerge', 'crisismerge'))}', {a + 33})",
            f"INSERT INTO older (a, b) VALUES ('w{b} w{c}', {d})",
            f"UPDATE older SET a = 'w{b}' WHERE rowid = {a}",
            f"DELETE FROM older WHERE rowid IN ({a}, {b})",
            f"INSERT OR REPLACE INTO boxes VALUES ({a}, {b}, {b + c}, 'n{d}')",
            f"INSERT OR REPLACE INTO boxes SELECT column1 * {a}, {b}, {b + c}, '{d}'"
            " FROM (VALUES (1), (3), (5), (7), (9), (11))",
            f"UPDATE boxes SET x0 = {b}, x1 = {b + d} WHERE id = {a}",
            f"UPDATE boxes SET note = {b} WHERE id = {a}",
            f"DELETE FROM boxes WHERE x0 < {b}",
            f"DELETE FROM boxes WHERE id IN ({a}, {b})",
            f"{insert} INTO text VALUES ({a}, 'w{b} w{c}')",
            f"DELETE FROM text WHERE id = {a}",
            f"INSERT INTO bare (rowid, a) VALUES ({a}, 'w{b}')",
        )
    )


class CutOff:
    """One history.

    :param rebase: makes the passes that are tried.
    """

    def __init__(self, rebase: type[Rebase] = Rebase, log: list[str] | None = None) -> None:
        self._rebase = rebase
        self._log = log
        self.near, self.far = Node(":memory:"), Node(":memory:")
        for node in (self.near, self.far):
            install(node.connection)
        self._entries: list[Entry] = []
        self._groups = 0
        #: Of what is undone together the rule makes one message, which may do another thing than several: such passes cannot be
        #: compared, only the outcome. So in half of the histories nothing is merged.
        self._merges_nothing = False
        #: The far node's position; the near one is always at the log's end.
        self._position = 0
        #: How many passes undid less than everything, and how many messages they left standing.
        self.passes = 0
        self.compared = 0
        self.left_standing = 0

    def close(self) -> None:
        """Let go of both files."""
        self.near.close()
        self.far.close()

    def play(self, groups: Sequence[Group]) -> None:
        """The whole history.

        :raises Diverged: a pass, or a node, is not what it should be.
        """
        self._merges_nothing = len(groups) % 2 == 0
        for group in groups:
            if group.writer:
                for transaction in group.transactions:
                    self._queue(replace(group, transactions=(transaction,)))
            else:
                self._write(group)
            if group.undone:
                self._publish_next()
            if not group.batched:
                self._pass()
        self._pass()
        while self._publish_next():
            self._pass()
        self._tell("healed")
        known = self.near.contents()
        equal(known, self.far.contents(), "node 0 and node 1")
        fresh = Node(":memory:")
        try:
            install(fresh.connection)
            _apply(fresh, self._entries, 0)
            equal(known, fresh.contents(), "node 0 and a fresh one")
            for node in (self.near, self.far, fresh):
                node.check()
        finally:
            fresh.close()

    def _tell(self, text: str) -> None:
        if self._log is not None:
            self._log.append(text)

    # Writing

    def _message(self, writer: int, position: int, done: Done) -> Message:
        return Message(
            node=NAMES[writer],
            process_id=1,
            filename="history.db",
            group=self._groups,
            snapshot_seq=position,
            timestamp_ns=time.time_ns(),
            changes=done.changes,
            transactions=tuple([(str(at), count) for at, count in enumerate(done.counts)]),
            sequences=done.sequences,
        )

    def _write(self, group: Group) -> None:
        """In reach of the log."""
        self._groups += 1
        self._tell(f"group {self._groups} in reach")
        done = _executed(self.near, group, self._log)
        message = self._message(0, len(self._entries), done)
        entry = Entry(len(self._entries) + 1, f"node0:1:{self._groups}", encode(message), 0)
        if not self.near.committed:
            _apply(self.near, [entry], len(self._entries))
        self._entries.append(entry)

    def _queue(self, group: Group) -> None:
        """Cut off."""
        self._groups += 1
        number = self._groups

        def keep(done: Done) -> None:
            assert done.record is not None
            if not done.changes and not done.sequences:
                return
            # What is found when it is queued, and what is found when it is needed, must do.
            touches = touches_of(self.far.connection, (), done.record.events, done.record.sequences)
            add_pending(
                self.far.connection,
                f"node1:1:{number}",
                encode(self._message(1, self._position, done)),
                done.record.to_bytes(),
                sent=self._merges_nothing or number % 5 == 0,
                touches=touches if number % 2 else None,
            )

        self._tell(f"group {number} queued")
        _executed(self.far, group, self._log, keep)

    def _publish_next(self) -> bool:
        """The first of the outbox that is not in the log gets its place there, after a merging."""
        with self.far.connection.guard.trusted():
            published = {entry.message_id for entry in self._entries[self._position :]}
            after = 0
            while (pending := next_pending(self.far.connection, after)) and pending.message_id in published:
                after = pending.number
            if pending is None:
                return False
            if not pending.final:
                self.far.ours("BEGIN IMMEDIATE")
                Rebase(self.far).make_final(after)  # type: ignore[arg-type]
                self.far.ours("COMMIT")
                pending = next_pending(self.far.connection, after)
                assert pending is not None
        self._tell(f"{pending.message_id} gets its place at {len(self._entries) + 1}")
        entry = Entry(len(self._entries) + 1, pending.message_id, pending.body, 0)
        _apply(self.near, [entry], len(self._entries))
        self._entries.append(entry)
        return True

    # Passes

    def _pass(self) -> None:
        """What has arrived goes under what is pending; likewise on a copy, by the rule."""
        entries = self._entries[self._position :]
        if not entries:
            return
        self._tell(f"a pass from {self._position + 1} to {len(self._entries)}")
        with _undone_after(self.far):
            _pass_whole(self.far, entries, self._position)
            ruled = _Outcome.of(self.far)
        self._pass_selected(entries)
        self._position = len(self._entries)
        found = _Outcome.of(self.far)
        if ruled.waiting == found.waiting:
            self.compared += 1
            equal(ruled.contents, found.contents, f"a pass to {self._position}, and the same by the rule")
            equal(ruled.losses, found.losses, f"losses of a pass to {self._position}, and by the rule")
        with _undone_after(self.far):
            with self.far.connection.guard.trusted():
                for few in undo_newest_first(self.far.connection):
                    for undo in reversed(few):
                        images.undo(self.far.connection, Record.from_bytes(undo))
            bare = self.far.contents()
        equal(self.near.contents(), bare, f"node 0 at {self._position}, and node 1 without its outbox")

    def _pass_selected(self, entries: Sequence[Entry]) -> None:
        node = self.far
        node.unhurried()
        with node.connection.guard.trusted():
            try:
                selection = select(node.connection, entries)
                standing = node.connection.execute("SELECT count(*) FROM ha_outbox").get - len(selection.undone)
                with node.connection:
                    self._rebase(node).apply_selected(entries, self._position, selection)  # type: ignore[arg-type]
                self.passes += 1
                self.left_standing += standing
            except (NotDisjoint, CannotSelect) as reason:
                self._tell(f"as a whole: {reason}")
                schema.of(node.connection).changed()
                _pass_whole(node, entries, self._position)


def play(groups: Sequence[Group], log: list[str] | None = None) -> CutOff:
    """Play a history.

    :raises Diverged: it does not come out right.
    """
    history = CutOff(log=log)
    try:
        history.play(groups)
    finally:
        history.close()
    return history


def _executed(node: Node, group: Group, log: list[str] | None, keep: Any = None) -> Done:
    try:
        done = node.execute(group, log, keep)
    except apsw.CorruptError as error:
        raise Damaged(str(error)) from error
    if any(draws_rowids(change) for change in done.changes):
        node.refuse_damage()
    return done


def _apply(node: Node, entries: Sequence[Entry], position: int) -> None:
    node.unhurried()
    with node.connection.guard.trusted(), node.connection:
        put_in_order(node.connection, [(entry.sequence, decode(entry.body)) for entry in entries], position)


def _pass_whole(node: Node, entries: Sequence[Entry], position: int) -> None:
    node.unhurried()
    with node.connection.guard.trusted(), node.connection:
        Rebase(node).apply(entries, position)  # type: ignore[arg-type]


@contextmanager
def _undone_after(node: Node) -> Iterator[None]:
    """What is done to the file within is tried only."""
    node.ours("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        node.ours("ROLLBACK")
        schema.of(node.connection).refresh()


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What a pass has made of a file."""

    contents: dict[str, Any]
    losses: dict[str, Any]
    waiting: list[Any]

    @classmethod
    def of(cls, node: Node) -> _Outcome:
        return cls(node.contents(), _losses(node), _waiting(node))


def _waiting(node: Node) -> list[Any]:
    with node.connection.guard.trusted():
        return node.connection.execute("SELECT message_id FROM ha_outbox ORDER BY id").fetchall()


def _losses(node: Node) -> dict[str, Any]:
    with node.connection.guard.trusted():
        return {"losses": sorted(map(repr, node.connection.execute(LOSSES)))}
