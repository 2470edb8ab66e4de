"""Tests of ha.judgement: what is found out about a statement once, and when again."""

from __future__ import annotations

from ha.judgement import Judgement, judge, known
from ha.sqlite.connection import Connection
from ha.sqlite.database import READERS_MAX
from ha.test.clients import BackendCase, Client


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
