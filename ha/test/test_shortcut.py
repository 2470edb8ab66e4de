"""Tests of ha.shortcut: what is answered at once, and what is not."""

from __future__ import annotations

from ha.errors import StatementError
from ha.test.clients import BackendCase, Client, Served
from ha.values import Answer, Value

COUNTING = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {}) SELECT i FROM n"


class ShortcutTests(BackendCase):
    """Reads that nothing must be waited for are answered without a coroutine."""

    def setUp(self) -> None:
        super().setUp()
        self.client.run("INSERT INTO t VALUES (1, 'x'), (2, 'y')")

    def at_once(self, text: str, *values: Value, client: Client | None = None, rows_max: int = 0) -> Answer | None:
        backend = (client or self.client).backend
        return backend.execute_at_once(backend.parse(text)[0], values, rows_max=rows_max)

    def test_what_is_known_is_answered(self) -> None:
        """As :meth:`execute` would; it finds out what is not."""
        text = "SELECT id, a FROM t WHERE id = $1"
        self.assertIsNone(self.at_once(text, 1))
        told = self.client.wait(self.client.backend.execute(self.client.backend.parse(text)[0], (2,)))
        self.assertEqual(self.at_once(text, 2), told)
        self.assertEqual(self.at_once(text, 1).rows, [(1, "x")])
        self.assertEqual(self.served.database.lent, 0)

    def test_a_change_of_the_schema_is_noticed(self) -> None:
        self.client.rows("SELECT * FROM t")
        self.client.run("ALTER TABLE t ADD COLUMN b")
        self.assertIsNone(self.at_once("SELECT * FROM t"))
        self.assertEqual(self.client.rows("SELECT * FROM t WHERE id = 1"), [(1, "x", None)])

    def test_what_must_wait_is_not(self) -> None:
        """Writes, the catalog, blocks, reads of the newest state, statements with too few values: nothing is done."""
        for text in ("SELECT a FROM t", "SELECT nspname FROM pg_namespace", "SELECT nextval('s')", "SHOW TimeZone"):
            if "nextval" in text:
                self.client.run("CREATE SEQUENCE s")
            self.client.run(text)
        for text in ("SELECT nspname FROM pg_namespace", "SELECT nextval('s')", "SHOW TimeZone", "DELETE FROM t"):
            self.assertIsNone(self.at_once(text), text)
        other = self.another()
        other.run("BEGIN")
        self.assertIsNone(self.at_once("SELECT a FROM t", client=other))
        other.run("ROLLBACK")
        other.run("CREATE TEMP TABLE mine (a)")
        self.assertIsNone(self.at_once("SELECT a FROM t", client=other))
        self.client.run("SELECT a FROM t")
        self.assertIsNotNone(self.at_once("SELECT a FROM t"))
        self.client.run("SET ha.read_consistency = 'session'")
        self.assertIsNone(self.at_once("SELECT a FROM t"))
        self.assertEqual(self.client.rows("SELECT count(*) FROM t"), [(2,)])

    def test_a_long_read_goes_to_a_thread(self) -> None:
        """It is tried once, for as long as the budget is."""
        served = Served(self, budget_s=0.002)
        client = Client(self, served)
        text = "SELECT count(*) FROM (" + COUNTING.format(200_000) + ")"
        client.run(text.replace("200000", "1"))
        client.wait(client.backend.describe(client.backend.parse(text)[0]))
        self.assertIsNone(self.at_once(text, client=client))
        self.assertTrue(served.database.lanes.is_long(client.backend.parse(text)[0].sql))
        self.assertEqual(client.rows(text), [(200_000,)])

    def test_rows_that_follow(self) -> None:
        """They come from the connection, which is given back with the last."""
        text = COUNTING.format(1_000)
        self.client.wait(self.client.backend.describe(self.client.backend.parse(text)[0]))
        answer = self.at_once(text, rows_max=10)
        self.assertEqual((len(answer.rows), self.served.database.lent), (10, 1))
        rows, last = self.client.wait(answer.rest.next(10_000))
        self.assertEqual((len(rows), last, self.served.database.lent), (990, True, 0))

    def test_an_error_is_told_in_the_clients_text(self) -> None:
        """And the connection is given back."""
        text = "SELECT  now(), 1 / $1 FROM t"
        self.client.run(text, 1)
        with self.assertRaises(StatementError) as caught:
            self.at_once(text)
        self.assertEqual(caught.exception.sqlstate, "42P02")
        self.assertEqual(self.served.database.lent, 0)

    def test_a_lock_for_the_transaction_ends_with_it(self) -> None:
        text = "SELECT pg_advisory_xact_lock(1)"
        self.client.run(text)
        self.assertIsNotNone(self.at_once(text))
        self.assertEqual(self.another().rows("SELECT pg_try_advisory_xact_lock(1)"), [(1,)])

    def test_a_description_of_what_is_known(self) -> None:
        statement = self.client.backend.parse("SELECT id, a FROM t WHERE id = $1")[0]
        self.assertIsNone(self.client.backend.describe_at_once(statement))
        told = self.client.wait(self.client.backend.describe(statement))
        self.assertEqual(self.client.backend.describe_at_once(statement), told)
        self.assertEqual(self.served.database.lent, 0)
