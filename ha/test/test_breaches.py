"""What rows that are there break of a constraint that is to be added."""

from twisted.trial.unittest import SynchronousTestCase

from ha.test.spoken import Spoken


class BreachesTests(SynchronousTestCase):
    """ALTER TABLE and CREATE UNIQUE INDEX say which constraint, and which row, as PostgreSQL does."""

    def setUp(self) -> None:
        self.spoken = Spoken(self)
        for text in (
            "CREATE TABLE p (id int PRIMARY KEY)",
            "INSERT INTO p VALUES (1)",
            "CREATE TABLE t (id int PRIMARY KEY, a int, b text)",
            "INSERT INTO t VALUES (1, 1, 'x'), (2, 1, NULL), (3, 2, 'X')",
            "CREATE TABLE u (a int, b text)",
            "INSERT INTO u VALUES (NULL, '7'), (5, '8')",
        ):
            self.spoken.query(text)

    def test_each_constraint(self) -> None:
        """SQLSTATE, sentence and detail."""
        for text, sqlstate, message, detail in (
            ("TABLE t ALTER b SET NOT NULL", "23502", 'column "b" of relation "t" contains null values', None),
            ("TABLE t ADD CHECK (a > 1)", "23514", 'check constraint "t_a_check" of relation "t" is violated by some row', None),
            ("TABLE t ADD CHECK (a > id)", "23514", 'check constraint "t_check" of relation "t" is violated by some row', None),
            ("TABLE t ADD UNIQUE (a)", "23505", 'could not create unique index "t_a_key"', "Key (a)=(1) is duplicated."),
            (
                "TABLE t ADD FOREIGN KEY (a) REFERENCES p",
                "23503",
                'insert or update on table "t" violates foreign key constraint "t_a_fkey"',
                'Key (a)=(2) is not present in table "p".',
            ),
            ("TABLE t ADD FOREIGN KEY (a) REFERENCES nobody", "42P01", 'relation "nobody" does not exist', None),
            ("TABLE t ADD c int NOT NULL", "23502", 'column "c" of relation "t" contains null values', None),
            ("TABLE t ADD c int DEFAULT 0 CHECK (c > 0)", "23514",
             'check constraint "t_c_check" of relation "t" is violated by some row', None),
            ("TABLE t ADD c int UNIQUE DEFAULT 5", "23505", 'could not create unique index "t_c_key"', "Key (c)=(5) is duplicated."),
            (
                "TABLE t ADD c int REFERENCES p DEFAULT 9",
                "23503",
                'insert or update on table "t" violates foreign key constraint "t_c_fkey"',
                'Key (c)=(9) is not present in table "p".',
            ),
            ("TABLE u ADD PRIMARY KEY (a)", "23502", 'column "a" of relation "u" contains null values', None),
        ):  # fmt: skip
            error = self.spoken.error(f"ALTER {text}")
            self.assertEqual((error.sqlstate, error.message, error.detail), (sqlstate, message, detail), text)

    def test_an_index_over_an_expression_or_a_part(self) -> None:
        """The key is shown as it is written; rows outside of the part do not count."""
        error = self.spoken.error("CREATE UNIQUE INDEX i ON t (lower(b))")
        self.assertEqual((error.sqlstate, error.detail), ("23505", "Key (lower(b))=(x) is duplicated."))
        error = self.spoken.error("CREATE UNIQUE INDEX i ON t (a) WHERE id < 3")
        self.assertEqual((error.constraint, error.detail), ("i", "Key (a)=(1) is duplicated."))

    def test_a_foreign_key_that_is_not_valid_yet(self) -> None:
        """New rows are held to it at once, those that are there by VALIDATE."""
        self.spoken.query("ALTER TABLE t ADD CONSTRAINT k FOREIGN KEY (a) REFERENCES p NOT VALID")
        self.assertEqual(self.spoken.error("INSERT INTO t VALUES (9, 9)").sqlstate, "23503")
        self.assertEqual(self.spoken.error("ALTER TABLE t VALIDATE CONSTRAINT k").constraint, "k")
        self.spoken.query("DELETE FROM t WHERE a = 2")
        self.spoken.query("ALTER TABLE t VALIDATE CONSTRAINT k")
        self.assertEqual(self.spoken.error("ALTER TABLE t VALIDATE CONSTRAINT other").sqlstate, "42704")

    def test_a_column_of_another_type_holds_that_types_values(self) -> None:
        """Cast, or what USING says; what cannot be is refused and nothing changed."""
        self.spoken.query("ALTER TABLE u ALTER b TYPE int USING b::int * 2, ALTER a TYPE numeric(5,1)")
        self.assertEqual(self.spoken.rows("SELECT a, b + 1 FROM u ORDER BY b"), [(None, "15"), ("5.0", "17")])
        self.assertEqual(self.spoken.error("ALTER TABLE t ALTER b TYPE int USING b::int").sqlstate, "22P02")
        self.assertEqual(self.spoken.rows("SELECT b FROM t WHERE id = 1"), [("x",)])
