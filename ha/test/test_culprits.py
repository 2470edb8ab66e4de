"""The row that a constraint refused, found again."""

from __future__ import annotations

import apsw
from twisted.trial.unittest import SynchronousTestCase

from ha.sqlite.connection import open_writer
from ha.sqlite.faults import translate

SCHEMA = """
    CREATE TABLE p (id int PRIMARY KEY, name varchar(10) NOT NULL DEFAULT 'none', ok boolean, n int CHECK (n > 0), u UNIQUE);
    CREATE TABLE c (x int REFERENCES p, y int REFERENCES p (id), at timestamp);
    CREATE TABLE pair (a, b, PRIMARY KEY (a, b)) WITHOUT ROWID;
    CREATE TABLE written (a);
    CREATE TRIGGER also AFTER INSERT ON written BEGIN INSERT INTO pair VALUES (1, 1); END;
    INSERT INTO p VALUES (1, 'a', true, 1, 'x'), (2, 'b', false, 2, 'y'), (3, 'c', null, 3, null);
    INSERT INTO c VALUES (1, null, null);
    INSERT INTO pair VALUES (1, 1);
"""


class CulpritTests(SynchronousTestCase):
    """DETAIL as PostgreSQL words it."""

    def setUp(self) -> None:
        """A schema with one of each constraint."""
        self.connection = open_writer(self.mktemp(), synchronous="NORMAL")
        self.addCleanup(self.connection.close)
        self.connection.execute(SCHEMA)

    def detail(self, sql: str, *values: object) -> str | None:
        """What the client of a statement that fails is told beside the sentence."""
        try:
            self.connection.execute(sql, values or None).fetchall()
        except apsw.ConstraintError as error:
            return translate(error, self.connection, sql, values).detail  # type: ignore[arg-type]
        self.fail(f"{sql}: nothing was wrong")

    def test_duplicates(self) -> None:
        """Of a key that is there, or that the statement gives twice."""
        for sql, values, detail in (
            ("INSERT INTO p(id, name) VALUES (4, 'd'), (2, 'e')", (), "Key (id)=(2) already exists."),
            ("INSERT INTO p(id, u) VALUES (?1, ?2)", (4, "y"), "Key (u)=(y) already exists."),
            ("INSERT INTO p(id) SELECT id + 1 FROM p WHERE id < 3", (), "Key (id)=(2) already exists."),
            ("INSERT INTO p(id) VALUES (7), (8), (7)", (), "Key (id)=(7) already exists."),
            ("WITH q AS (SELECT 3 AS i) INSERT INTO p(id) SELECT i FROM q", (), "Key (id)=(3) already exists."),
            ("UPDATE p SET id = 1 WHERE id = 3", (), "Key (id)=(1) already exists."),
            ("UPDATE p SET u = ?1 WHERE id = ?2", ("x", 2), "Key (u)=(x) already exists."),
            ("INSERT INTO pair VALUES (1, 1)", (), "Key (a, b)=(1, 1) already exists."),
            ("INSERT INTO p(id, u) VALUES (9, 'x') ON CONFLICT (id) DO NOTHING", (), "Key (u)=(x) already exists."),
        ):
            self.assertEqual(self.detail(sql, *values), detail, sql)

    def test_failing_rows(self) -> None:
        """With defaults, in the columns' order, as their types are shown."""
        for sql, values, detail in (
            (
                "INSERT INTO p(name, id, ok) VALUES (NULL, 9, true)",
                (),
                "Failing row contains (9, null, t, null, null).",
            ),
            ("INSERT INTO p(n, id) VALUES (?, ?)", (-1, 9), "Failing row contains (9, none, null, -1, null)."),
            ("UPDATE p SET n = n - 2 WHERE id < 3", (), "Failing row contains (1, a, t, -1, x)."),
            ("UPDATE p AS q SET name = c.at FROM c WHERE c.x = q.id", (), "Failing row contains (1, null, t, 1, x)."),
            ("INSERT INTO p(id, n) VALUES (7, 1), (8, 0)", (), "Failing row contains (8, none, null, 0, null)."),
            ("INSERT INTO p(id, u, n) VALUES (7, x'00ff', 0)", (), "Failing row contains (7, none, null, 0, \\x00ff)."),
            (
                "INSERT INTO p(id, u, n) VALUES (7, ?, 0)",
                ("x" * 99,),
                f"Failing row contains (7, none, null, 0, {'x' * 64}...).",
            ),
        ):
            self.assertEqual(self.detail(sql, *values), detail, sql)

    def test_a_random_default_is_not_made_up(self) -> None:
        """It was another one in the row that failed. Numbers are shown to their scale."""
        self.connection.execute(
            "CREATE TABLE r (id uuid DEFAULT (hex(randomblob(4))), a numeric(6,2) CHECK (a > 0), b int UNIQUE);"
            " INSERT INTO r(b) VALUES (1)"
        )
        self.assertEqual(self.detail("INSERT INTO r(a) VALUES (-5)"), "Failing row contains (..., -5.00, null).")
        self.assertEqual(self.detail("INSERT INTO r(b) VALUES (1)"), "Key (b)=(1) already exists.")

    def test_foreign_keys(self) -> None:
        """Which of several, from both sides."""
        for sql, detail in (
            ("INSERT INTO c VALUES (1, 2, null), (2, 77, null)", 'Key (y)=(77) is not present in table "p".'),
            ("UPDATE c SET x = 5", 'Key (x)=(5) is not present in table "p".'),
            ("DELETE FROM p WHERE id = 1", 'Key (id)=(1) is still referenced from table "c".'),
            ("UPDATE p SET id = 9 WHERE id = 1", 'Key (id)=(1) is still referenced from table "c".'),
        ):
            self.assertEqual(self.detail(sql), detail, sql)

    def test_what_cannot_be_told_is_not_told(self) -> None:
        """What is random or does something is not done again; nor is a trigger's row the statement's."""
        self.assertEqual(self.detail("INSERT INTO p(id, n) VALUES (random(), -1)"), None)
        self.assertEqual(
            self.detail("INSERT INTO p(id) SELECT 1 WHERE random() IS NOT NULL"), "Key (id) already exists."
        )
        self.assertEqual(self.detail("INSERT INTO written VALUES (1)"), "Key (a, b) already exists.")
