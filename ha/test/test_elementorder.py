"""Constraints between columns."""

from twisted.trial.unittest import SynchronousTestCase

from ha.sql.elementorder import ordered
from ha.sql.statements import client_position, split
from ha.sql.tokens import tokenize
from ha.test.spoken import Spoken


class ElementOrderTests(SynchronousTestCase):
    """SQLite wants them behind all columns."""

    def ordered(self, text: str) -> str | None:
        found = ordered(text, tokenize(text), 0, len(text))
        return None if found is None else found[0]

    def test_constraints_go_last(self) -> None:
        """In their order, and what follows the list stays where it is."""
        self.assertEqual(
            self.ordered(
                'create temp table t (a int, primary key (a, b), b int[], check (a > 0), "check" int) with (x = 1)'
            ),
            'create temp table t (a int, b int[], "check" int, primary key (a, b), check (a > 0)) with (x = 1)',
        )

    def test_what_is_in_order_stays(self) -> None:
        """And what is no such list."""
        for text in (
            "create table t (a int, primary key (a))",
            "create table t (a int)",
            "create table t as select 1",
            "create index i on t (check, a)",
            "create table t (a int, primary key (a), b",
        ):
            self.assertIsNone(self.ordered(text), text)

    def test_places_are_the_clients(self) -> None:
        """Of errors that are found later."""
        text = "create table s.t (a int, check (nope > 0), b int)"
        (statement,) = split(text)
        self.assertEqual(statement.schema, "s")
        self.assertEqual(client_position(statement, statement.sql.index("nope")), text.index("nope"))
        self.assertEqual(statement.words, text)

    def test_a_client_makes_one(self) -> None:
        """Rows are held to them."""
        spoken = Spoken(self)
        spoken.query("CREATE TABLE t (a int, CONSTRAINT pos CHECK (a > 0), PRIMARY KEY (a), b text DEFAULT 'x')")
        spoken.query("INSERT INTO t (a) VALUES (1)")
        self.assertEqual(spoken.rows("SELECT * FROM t"), [("1", "x")])
        self.assertEqual(spoken.error("INSERT INTO t (a) VALUES (1)").constraint, "t_pkey")
        self.assertEqual(spoken.error("INSERT INTO t (a) VALUES (-1)").constraint, "pos")
