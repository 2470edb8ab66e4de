"""Tests of ha.judgement: what is found out about a statement once, and when again."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.judgement import Judgement, judge, known
from ha.postgres.answers import DataRow, RowDescription
from ha.postgres.messages import CopyData
from ha.sqlite.connection import Connection
from ha.sqlite.database import READERS_MAX
from ha.test.clients import BackendCase, Client
from ha.test.spoken import Spoken


class JudgementTests(BackendCase):
    """A statement that comes again."""

    def reader(self) -> Connection:
        connection = self.served.database.borrow()
        assert isinstance(connection, Connection)
        self.addCleanup(self.served.database.give_back, connection)
        return connection

    def judged(self, text: str, connection: Connection, client: Client | None = None) -> Judgement:
        backend = (client or self.client).backend
        return judge(backend, connection, backend.parse(text)[0])

    def test_it_is_judged_once(self) -> None:
        """For every client that reads it alike."""
        connection = self.reader()
        first = self.judged("SELECT a FROM t", connection)
        self.assertIs(self.judged("SELECT a FROM t", connection), first)
        self.assertIs(self.judged("SELECT a FROM t", connection, self.another()), first)
        self.assertIsNot(self.judged("SELECT a FROM t", connection, self.another(dialect="sqlite")), first)
        self.assertEqual((first.reads, first.facts.tables_read), (True, {"t"}))
        backend = self.client.backend
        self.assertIs(known(backend, connection, backend.parse("SELECT a FROM t")[0], backend.ways), first)

    def test_an_integers_width_is_the_clients_own(self) -> None:
        """Whoever asked for int4 gets it, and nobody else."""
        connection = self.reader()
        narrow = self.another()
        narrow.run("SET ha.integer_oid = 'int4'")
        words = []
        for client in (self.client, narrow, self.client):
            shape = self.judged("SELECT id FROM t", connection, client).shape
            assert shape is not None and shape.columns is not None
            words.append(shape.columns[0].decltype)
        self.assertEqual(words[0], words[2])
        self.assertNotEqual(words[0], words[1])

    def test_a_new_schema_is_a_new_judgement(self) -> None:
        """Also on the connection that has read with the old one."""
        self.assertEqual([one.name for one in self.client.run("SELECT * FROM t").columns or ()], ["id", "a"])
        self.client.run("ALTER TABLE t ADD COLUMN b")
        self.assertEqual([one.name for one in self.client.run("SELECT * FROM t").columns or ()], ["id", "a", "b"])

    def test_the_catalog_is_seen_to_each_time(self) -> None:
        """A statement of the catalog is never taken as known: what it reads may have to be filled."""
        connection = self.reader()
        text = "SELECT count(*) FROM pg_class WHERE relname = 'u'"
        self.assertEqual(self.client.rows(text), [(0,)])
        self.judged(text, connection)
        backend = self.client.backend
        self.assertIsNone(known(backend, connection, backend.parse(text)[0], backend.ways))
        self.client.run("CREATE TABLE u (b)")
        self.assertEqual(self.client.rows(text), [(1,)])

    def test_an_error_is_placed_where_the_client_wrote_it(self) -> None:
        """The same words are judged once, and stand somewhere else each time."""
        bad = "SELECT nowhere FROM t"
        for before in ("", "SELECT 1; ", "SELECT 1; SELECT 2; "):
            error = self.client.fails(self.client.message(before + bad))
            self.assertEqual((error.sqlstate, error.position), ("42703", len(before) + len("SELECT ") + 1))
        literal = "SELECT 'x'::integer"
        for before in ("", "SELECT 1; "):
            error = self.client.fails(self.client.message(before + literal))
            self.assertEqual((error.sqlstate, error.position), ("22P02", len(before) + len("SELECT ") + 1))

    def test_a_write_asks_no_reader(self) -> None:
        """It goes through though every reading connection is lent."""
        lent = [self.served.database.borrow() for _ in range(READERS_MAX)]
        self.assertEqual(self.client.run("INSERT INTO t VALUES (1, 'x')").affected, 1)
        for connection in lent:
            assert isinstance(connection, Connection)
            self.served.database.give_back(connection)

    def test_values_are_counted(self) -> None:
        """One for each parameter, or the client hears of it."""
        self.assertEqual(self.client.refused("SELECT a FROM t WHERE id = $1"), "42P02")
        self.assertEqual(self.client.refused("SELECT a FROM t WHERE id = $1", 1, 2), "07001")
        self.assertEqual(self.client.refused("INSERT INTO t VALUES ($1, $2)", 1), "42P02")
        self.assertEqual(self.client.rows("SELECT a FROM t WHERE id = $1", 1), [])


class NoColumnTests(SynchronousTestCase):
    """A table may have no columns, and a result none either."""

    def setUp(self) -> None:
        self.spoken = Spoken(self)
        self.spoken.query("CREATE TABLE e ()")
        self.spoken.query("INSERT INTO e DEFAULT VALUES")
        self.spoken.query("INSERT INTO e DEFAULT VALUES")

    def test_rows_without_columns(self) -> None:
        """As many as there are."""
        for text in ("SELECT FROM e", "SELECT * FROM e", "SELECT e.* FROM e", "SELECT FROM generate_series(1, 2)"):
            for heard in (self.spoken.query(text), self.spoken.extended(text)):
                rows = [message for message in heard if isinstance(message, DataRow)]
                described = [message for message in heard if isinstance(message, RowDescription)]
                self.assertEqual((described, rows), ([RowDescription(())], [DataRow(())] * 2), text)
        self.assertEqual(self.spoken.rows("SELECT"), [()])
        self.assertEqual(self.spoken.rows("SELECT count(*) FROM e WHERE EXISTS (SELECT FROM e)"), [("2",)])
        copied = [message.data for message in self.spoken.query("COPY e TO STDOUT") if isinstance(message, CopyData)]
        self.assertEqual(b"".join(copied), b"\n\n")

    def test_a_column_takes_the_place_of_none(self) -> None:
        """Its default is in the rows that were there."""
        self.assertEqual(
            self.spoken.rows("SELECT attname FROM pg_attribute WHERE attrelid = 'e'::regclass AND attnum > 0"), []
        )
        self.spoken.query("ALTER TABLE e ADD COLUMN a int DEFAULT 3, ADD b text")
        self.assertEqual(self.spoken.rows("SELECT * FROM e"), [("3", None)] * 2)
        self.spoken.query("INSERT INTO e VALUES (4, 'x')")
        self.assertEqual(self.spoken.rows("SELECT * FROM e WHERE a = 4"), [("4", "x")])

    def test_refusals(self) -> None:
        """RETURNING wants a column, as in PostgreSQL; what stands for none cannot stand beside one."""
        self.assertEqual(self.spoken.error("INSERT INTO e DEFAULT VALUES RETURNING *").sqlstate, "42601")
        self.assertEqual(self.spoken.error("SELECT * FROM e, (SELECT 1) AS x").sqlstate, "0A000")
        self.assertEqual(self.spoken.error("SELECT FROM e UNION ALL SELECT FROM e").sqlstate, "0A000")
        self.assertEqual(self.spoken.rows("SELECT count(*) FROM e"), [("2",)])
