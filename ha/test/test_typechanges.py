"""ALTER DOMAIN, and the fields of composite types."""

from twisted.trial.unittest import SynchronousTestCase

from ha.test.spoken import Spoken


class DomainTests(SynchronousTestCase):
    """A domain that changes changes the columns of it."""

    def setUp(self) -> None:
        self.spoken = Spoken(self)
        for text in (
            "CREATE DOMAIN age AS int CHECK (VALUE > 0)",
            "CREATE TABLE t (id int PRIMARY KEY, a age, b age DEFAULT 7)",
            "INSERT INTO t VALUES (1, 5), (2, NULL)",
        ):
            self.spoken.query(text)

    def refused(self, text: str, sqlstate: str) -> None:
        self.assertEqual(self.spoken.error(text).sqlstate, sqlstate, text)

    def test_conditions_come_and_go(self) -> None:
        """Rows that are there are held to a new one."""
        self.refused("ALTER DOMAIN age ADD CHECK (VALUE > 6)", "23514")
        self.spoken.query("ALTER DOMAIN age ADD CONSTRAINT small CHECK (VALUE < 100)")
        self.refused("INSERT INTO t VALUES (3, 500)", "23514")
        self.refused("SELECT 500::age", "23514")
        self.refused("ALTER DOMAIN age ADD CONSTRAINT small CHECK (VALUE < 9)", "42710")
        self.spoken.query("ALTER DOMAIN age DROP CONSTRAINT small")
        self.spoken.rows("INSERT INTO t VALUES (3, 500)")
        self.refused("ALTER DOMAIN age DROP CONSTRAINT small", "42704")

    def test_null_and_default(self) -> None:
        """The column's own default stays."""
        self.refused("ALTER DOMAIN age SET NOT NULL", "23502")
        self.spoken.query("ALTER DOMAIN age SET DEFAULT 9")
        self.spoken.query("INSERT INTO t (id) VALUES (4)")
        self.assertEqual(self.spoken.rows("SELECT a, b FROM t WHERE id = 4"), [("9", "7")])
        self.spoken.query("UPDATE t SET a = 1 WHERE a IS NULL")
        self.spoken.query("ALTER DOMAIN age SET NOT NULL")
        self.refused("INSERT INTO t VALUES (5, NULL)", "23502")
        self.spoken.query("ALTER DOMAIN age DROP NOT NULL")
        self.spoken.rows("INSERT INTO t VALUES (5, NULL)")

    def test_another_name(self) -> None:
        """Its conditions are told by it, too."""
        self.spoken.query("ALTER DOMAIN age RENAME CONSTRAINT age_check TO positive")
        self.spoken.query("ALTER DOMAIN age RENAME TO years")
        error = self.spoken.error("INSERT INTO t VALUES (3, -1)")
        self.assertEqual(error.message, 'value for domain years violates check constraint "positive"')
        self.refused("ALTER DOMAIN age DROP DEFAULT", "42704")


class CompositeTests(SynchronousTestCase):
    """Fields come, go, and are called otherwise, in the rows that are there."""

    def test_values_follow(self) -> None:
        """A new field is NULL."""
        spoken = Spoken(self)
        spoken.query("CREATE TYPE pt AS (x int, y text)")
        spoken.query("CREATE TABLE p (id int PRIMARY KEY, at pt)")
        spoken.query("INSERT INTO p VALUES (1, '(1,a)'), (2, NULL)")
        spoken.query("ALTER TYPE pt ADD ATTRIBUTE z date, DROP ATTRIBUTE x")
        spoken.query("ALTER TYPE pt RENAME ATTRIBUTE y TO name")
        self.assertEqual(spoken.rows("SELECT at, (at).name FROM p ORDER BY id"), [("(a,)", "a"), (None, None)])
        self.assertEqual(spoken.rows("SELECT 1 FROM p WHERE at = row('a', NULL)::pt"), [("1",)])
        for action, sqlstate in (
            ("ALTER ATTRIBUTE z TYPE text", "0A000"),
            ("ADD ATTRIBUTE z int", "42701"),
            ("DROP ATTRIBUTE x", "42703"),
        ):
            self.assertEqual(spoken.error(f"ALTER TYPE pt {action}").sqlstate, sqlstate, action)
        spoken.query("CREATE TYPE around AS (p pt)")
        self.assertEqual(spoken.error("ALTER TYPE pt DROP ATTRIBUTE z").sqlstate, "0A000")
