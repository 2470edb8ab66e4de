"""Of a long outbox only those messages are undone that what arrived meets, and those that were built upon them."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.replication import selection as module
from ha.replication.change import decode
from ha.replication.entry import Entry
from ha.replication.selection import CannotSelect, Outcome, Selection, select
from ha.sqlite.connection import Connection
from ha.sqlite.pending import next_pending
from ha.sqlite.touches import Touches
from ha.test.machine import SUBJECT
from ha.test.rig import Nodes


class SelectionTests(Nodes):
    """On two nodes in memory; the first one is cut off, and writes."""

    def theirs(self, *texts: str) -> list[Entry]:
        """What the other node writes meanwhile."""
        last = self.network.stream.last_of(SUBJECT)
        self.write(self.b, *texts)
        for _ in range(50):
            self.b.clock.advance(0)
            self.network.step()
        return [entry for entry in self.network.stream.entries(SUBJECT) if entry.sequence > last]

    def select(self, entries: list[Entry]) -> Selection:
        """In the first one's file."""
        writer = self.a.replica.database.writer
        with writer.guard.trusted():
            return select(writer, entries)

    def queue(self, *texts: str) -> None:
        """One message each, in places from 1 on."""
        for text in texts:
            self.queue_on(self.a, text)

    def test_what_is_met_and_what_is_built_upon_it(self) -> None:
        """Neighbours in one run; the others stand."""
        self.write(self.a, "INSERT INTO t VALUES (1, 'x', 1), (2, 'x', 2), (3, 'x', 3), (4, 'x', 4)")
        self.settle()
        self.queue(
            "UPDATE t SET v = 'y' WHERE id = 4",
            "UPDATE t SET v = 'y' WHERE id IN (1, 2)",
            "UPDATE t SET v = 'z' WHERE id = 2",
            "UPDATE t SET v = 'z' WHERE id = 3",
            "DELETE FROM t WHERE id = 2",
        )
        found = self.select(self.theirs("UPDATE t SET u = 10 WHERE id = 1"))
        self.assertEqual(found.runs, [[2, 3], [5]])
        self.assertEqual((found.undone, found.seen, found.complete), (frozenset({2, 3, 5}), 5, True))

    def test_a_unique_value_is_met(self) -> None:
        """Though the rows are others."""
        self.queue("INSERT INTO t VALUES (1, 'mine', 7)", "INSERT INTO t VALUES (2, 'mine', 8)")
        self.assertEqual(self.select(self.theirs("INSERT INTO t VALUES (9, 'theirs', 8)")).runs, [[2]])
        self.assertEqual(self.select(self.theirs("INSERT INTO t VALUES (10, 'theirs', 9)")).runs, [])

    def test_a_connection_that_knew_another_schema(self) -> None:
        """It reads anew what it has to know of the tables."""
        database = self.a.replica.database
        reader = database.borrow()
        assert isinstance(reader, Connection)
        self.addCleanup(database.give_back, reader)
        with reader.guard.trusted():
            self.assertEqual(select(reader, self.theirs("INSERT INTO t VALUES (1, 'x', 1)")).runs, [])
        self.settle()
        self.write(self.a, "CREATE UNIQUE INDEX later ON t (v)")
        self.settle()
        self.queue("INSERT INTO t VALUES (5, 'same', 5)")
        with reader.guard.trusted():
            self.assertEqual(select(reader, self.theirs("INSERT INTO t VALUES (6, 'same', 6)")).runs, [[1]])

    def test_ours_is_not_others(self) -> None:
        """A message of the outbox that came back meets nothing by itself."""
        self.queue("INSERT INTO t VALUES (1, 'mine', 7)", "UPDATE t SET v = 'changed'")
        writer = self.a.replica.database.writer
        with writer.guard.trusted():
            head = next_pending(writer)
        assert head is not None
        self.assertEqual(self.select([Entry(9, head.message_id, head.body, 0)]), Selection())

    def test_a_change_of_the_schema_meets_all(self) -> None:
        """As does a message that is not in the file."""
        self.queue("INSERT INTO t VALUES (1, 'mine', 7)")
        with self.assertRaises(CannotSelect):
            self.select(self.theirs("CREATE INDEX i ON t (v)"))
        writer = self.a.replica.database.writer
        with self.a.replica.database.own_transaction():
            writer.execute("UPDATE ha_outbox SET undo = NULL")
            writer.execute("DELETE FROM ha_touches")
        with self.assertRaises(CannotSelect):
            self.select(self.theirs("INSERT INTO t VALUES (5, 'theirs', 5)"))

    def test_what_comes_to_the_end_meanwhile(self) -> None:
        """Is looked at when the writer is held."""
        self.queue("INSERT INTO t VALUES (1, 'mine', 7)")
        found = self.select(self.theirs("INSERT INTO t VALUES (2, 'theirs', 8)"))
        self.queue("INSERT INTO t VALUES (2, 'mine', 9)")
        with self.a.replica.database.own_transaction():
            found.extend(self.a.replica.database.writer)
        self.assertEqual(found.runs, [[2]])

    def test_what_is_not_known_is_found(self) -> None:
        """A bounded number at a time; what was found is written down before more is looked for."""
        self.patch(module, "FOUND_BYTES_MAX", 0)
        self.queue(*(f"INSERT INTO t VALUES ({number}, 'mine', {number})" for number in range(1, 4)))
        writer = self.a.replica.database.writer
        with self.a.replica.database.own_transaction():
            writer.execute("DELETE FROM ha_touches")
        entries = self.theirs("UPDATE t SET v = v", "INSERT INTO t VALUES (3, 'theirs', 30)")
        self.assertEqual(len(decode(entries[0].body).changes), 1)
        first = self.select(entries)
        self.assertEqual((list(first.found), first.complete), ([1], False))
        self.a.replica.outbox.inline_messages = 0
        self.a.log.mend()
        self.settle()
        self.assertEqual(self.rows(self.a), [(1, "mine"), (2, "mine"), (3, "mine")])
        self.assertEqual(self.rows(self.b), self.rows(self.a))
        self.assertEqual(self.rows(self.a, "SELECT * FROM ha_touches"), [])


class OutcomeTests(SynchronousTestCase):
    """What was put under a message that stands, and what was put on top of it."""

    def test_only_what_is_under_it_is_met(self) -> None:
        """What arrived is under all; a message that was put back, under those behind its place."""
        outcome = Outcome()
        outcome.add(3, Touches({7}), Touches())
        self.assertFalse(outcome.met([(1, (7,), ()), (2, (), (7,))]))
        self.assertTrue(outcome.met([(4, (7,), ())]))
        self.assertTrue(outcome.met([(4, (), (7,))]))
        self.assertFalse(outcome.met([(4, (8,), (9,))]))
        outcome.add(0, Touches(set(), {5}), Touches())
        self.assertTrue(outcome.met([(1, (5,), ())]))
        self.assertFalse(outcome.met([(1, (), (5,))]))

    def test_what_is_not_known_is_met(self) -> None:
        self.assertTrue(Outcome().met([(1, None, ())]))

    def test_what_was_named_is_no_surprise(self) -> None:
        """What another part had named is one."""
        outcome = Outcome()
        outcome.add(1, Touches({1}, {2}), Touches({1, 3}, {2}))
        self.assertFalse(outcome.surprising)
        outcome.add(2, Touches({3}), Touches({4}))
        self.assertTrue(outcome.surprising)
