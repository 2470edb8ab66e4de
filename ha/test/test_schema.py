"""The tables of ours in every database file."""

from __future__ import annotations

import apsw
from twisted.trial.unittest import SynchronousTestCase

from ha.sqlite import schema
from ha.sqlite.connection import Connection, open_writer
from ha.sqlite.guard import OUR_TABLES
from ha.sqlite.schema import Membership, WrongSchema


class InstallTests(SynchronousTestCase):
    """Making and checking them."""

    def setUp(self) -> None:
        """A new file."""
        self.path = self.mktemp()
        self.connection: Connection = open_writer(self.path, synchronous="NORMAL")
        self.addCleanup(self.connection.close)

    def tables(self) -> set[str]:
        """The names of all tables in the file."""
        names = self.connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'ha\\_%' ESCAPE '\\'"
        )
        return {name for (name,) in names}

    def test_all_of_them(self) -> None:
        """And the guard knows them by the same names."""
        schema.install(self.connection)
        self.assertEqual(self.tables(), OUR_TABLES)

    def test_again(self) -> None:
        """Every start does."""
        schema.install(self.connection)
        schema.install(self.connection)
        self.assertEqual(
            self.connection.execute("SELECT count(*), max(version) FROM ha_cluster").get, (1, schema.VERSION)
        )

    def test_the_position_table_is_as_others_know_it(self) -> None:
        """Replicas that are not ours read and write it."""
        schema.install(self.connection)
        columns = self.connection.execute("SELECT name, type FROM pragma_table_info('ha_stats')").fetchall()
        self.assertEqual(columns, [("subject", "TEXT"), ("received_seq", "INTEGER"), ("updated_at", "DATETIME")])

    def test_a_position_that_another_replica_left_is_kept(self) -> None:
        """It had the table before we did."""
        with self.connection.guard.trusted():
            self.connection.execute(
                "CREATE TABLE ha_stats (subject TEXT UNIQUE, received_seq INTEGER, updated_at DATETIME)"
            )
            self.connection.execute("INSERT INTO ha_stats VALUES ('s.my_db', 7, NULL)")
        schema.install(self.connection)
        self.assertEqual(schema.read_positions(self.connection), {"s.my_db": 7})

    def test_a_newer_programs_file_is_refused(self) -> None:
        """With both numbers."""
        schema.install(self.connection)
        with self.connection.guard.trusted():
            self.connection.execute("UPDATE ha_cluster SET version = 99")
        sentence = str(self.assertRaises(WrongSchema, schema.install, self.connection))
        self.assertIn("99", sentence)
        self.assertIn(f"up to {schema.VERSION}", sentence)

    def test_an_older_programs_file_is_brought_up(self) -> None:
        """Step by step, in one transaction."""
        schema.install(self.connection)
        now = schema.VERSION
        self.patch(schema, "VERSION", now + 2)
        self.patch(
            schema, "WAY_UP", {now: "ALTER TABLE ha_cluster ADD COLUMN x", now + 1: "UPDATE ha_cluster SET x = 5"}
        )
        schema.install(self.connection)
        self.assertEqual(self.connection.execute("SELECT version, x FROM ha_cluster").get, (now + 2, 5))

    def test_somebody_elses_table_of_that_name(self) -> None:
        """Nothing is made beside it."""
        with self.connection.guard.trusted():
            self.connection.execute("CREATE TABLE ha_outbox (lamp)")
        self.assertIn("ha_outbox", str(self.assertRaises(WrongSchema, schema.install, self.connection)))
        self.assertEqual(self.tables(), {"ha_outbox"})


class MembershipTests(SynchronousTestCase):
    """The log that a file belongs to."""

    def setUp(self) -> None:
        """A file with our tables."""
        self.connection = open_writer(self.mktemp(), synchronous="NORMAL")
        self.addCleanup(self.connection.close)

    def test_a_file_that_was_never_ours(self) -> None:
        """Belongs to nobody, is at no position, and nothing waits in it."""
        self.assertIsNone(schema.read_membership(self.connection))
        self.assertEqual(schema.read_positions(self.connection), {})
        self.assertTrue(schema.is_settled(self.connection))

    def test_a_new_file(self) -> None:
        """Belongs to nobody yet."""
        schema.install(self.connection)
        self.assertIsNone(schema.read_membership(self.connection))

    def test_a_member(self) -> None:
        """Until it joins another."""
        schema.install(self.connection)
        for membership in (Membership("ha_replication", "c1", 1), Membership("ha_replication", "c1", 2)):
            schema.write_membership(self.connection, membership)
            self.assertEqual(schema.read_membership(self.connection), membership)

    def test_something_waits(self) -> None:
        """Then the file is more than the state at its position."""
        schema.install(self.connection)
        with self.connection.guard.trusted():
            self.connection.execute("INSERT INTO ha_outbox (message_id, body, created_ns) VALUES ('n:1:1', x'00', 1)")
        self.assertFalse(schema.is_settled(self.connection))

    def test_an_outbox_number_is_never_used_twice(self) -> None:
        """Its order is the order of the commits, also after it was emptied."""
        schema.install(self.connection)
        numbers = []
        with self.connection.guard.trusted():
            for _ in range(2):
                self.connection.execute("INSERT INTO ha_outbox (message_id, body, created_ns) VALUES ('x', x'00', 1)")
                numbers.append(self.connection.execute("DELETE FROM ha_outbox RETURNING id").get)
        self.assertEqual(numbers, [1, 2])
        self.assertRaises(apsw.Error, self.connection.execute, "SELECT nosuch FROM ha_outbox")
