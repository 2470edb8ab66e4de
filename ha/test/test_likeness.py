"""CREATE TABLE … (LIKE …)."""

from twisted.trial.unittest import SynchronousTestCase

from ha.sql.kinds import CreateLike
from ha.sql.likeness import OPTIONS, elements_like
from ha.sql.tabletext import taken_apart
from ha.test.spoken import Spoken
from ha.test.translated import argument

TEXT = (
    "CREATE TABLE s (id INTEGER /* bigint */ PRIMARY KEY AUTOINCREMENT, a numeric(6,2) NOT NULL DEFAULT 1.5 CHECK (a > 0),"
    ' b text UNIQUE COLLATE NOCASE, c int GENERATED ALWAYS AS (a * 2) STORED, d int CONSTRAINT "k" REFERENCES s DEFAULT (1 + 1),'
    ' CONSTRAINT "u" UNIQUE (a, b), CHECK (d > 5), FOREIGN KEY (d) REFERENCES s)'
)


class LikenessTests(SynchronousTestCase):
    """What one table takes over of another."""

    def elements(self, *options: str) -> list[str]:
        columns, constraints = elements_like(taken_apart("s", TEXT), frozenset(options), "s")
        return [*columns, *constraints]

    def test_columns_types_and_not_null_always(self) -> None:
        """Nothing else; a column that counts by itself is a number."""
        self.assertEqual(
            self.elements(),
            ["id bigint NOT NULL", "a numeric(6,2) NOT NULL", "b text COLLATE NOCASE", "c int", "d int"],
        )

    def test_each_option(self) -> None:
        """Foreign keys never; conditions keep their names, keys get others."""
        self.assertIn("a numeric(6,2) NOT NULL DEFAULT 1.5", self.elements("DEFAULTS"))
        self.assertIn("d int DEFAULT (1 + 1)", self.elements("DEFAULTS"))
        self.assertIn("c int GENERATED ALWAYS AS (a * 2) STORED", self.elements("GENERATED"))
        self.assertIn('a numeric(6,2) NOT NULL CONSTRAINT "s_a_check" CHECK (a > 0)', self.elements("CONSTRAINTS"))
        self.assertIn('CONSTRAINT "s_d_check" CHECK (d > 5)', self.elements("CONSTRAINTS"))
        self.assertEqual(self.elements("INDEXES")[-1], "UNIQUE (a, b)")
        self.assertEqual(self.elements(*OPTIONS)[0], "id INTEGER /* bigint */ PRIMARY KEY AUTOINCREMENT")
        self.assertFalse(any("REFERENCES" in one for one in self.elements(*OPTIONS)))

    def test_where_it_stands(self) -> None:
        """Among columns of its own; options are taken back again."""
        text = "create temp table t (x int, like s including all excluding indexes) on commit drop"
        (like,) = [one for one in (argument(text),) if isinstance(one, CreateLike)]
        ((start, end, source, options),) = like.likes
        self.assertEqual(text[start:end], "like s including all excluding indexes")
        self.assertEqual((source, options, text[like.close :]), ("s", OPTIONS - {"INDEXES"}, ") on commit drop"))
        self.assertEqual((like.temporary, like.at_commit), (True, "drop"))

    def test_a_client_makes_one(self) -> None:
        """With its indexes; a temporary one goes with the transaction."""
        spoken = Spoken(self)
        spoken.query("CREATE TABLE s (id serial PRIMARY KEY, a text DEFAULT 'x', b int CHECK (b > 0))")
        spoken.query("CREATE INDEX ON s (lower(a))")
        spoken.query("CREATE TABLE t (LIKE s INCLUDING ALL)")
        spoken.query("INSERT INTO t DEFAULT VALUES")
        self.assertEqual(spoken.rows("SELECT * FROM t"), [("1", "x", None)])
        self.assertEqual(spoken.error("INSERT INTO t (b) VALUES (-1)").constraint, "s_b_check")
        self.assertEqual(
            spoken.rows("SELECT indexname FROM pg_indexes WHERE tablename = 't' ORDER BY 1"),
            [("t_lower_idx",), ("t_pkey",)],
        )
        spoken.query("BEGIN")
        spoken.query("CREATE TEMP TABLE u (LIKE s) ON COMMIT DROP")
        self.assertEqual(spoken.rows("SELECT * FROM u"), [])
        spoken.query("COMMIT")
        self.assertEqual(spoken.error("SELECT * FROM u").sqlstate, "42P01")
        self.assertEqual(spoken.error("CREATE TABLE v (LIKE nobody)").sqlstate, "42P01")
