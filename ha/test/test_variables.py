"""SET and SHOW as PostgreSQL answers them."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sql.variables import FOUND_MAX, REPORTED, Variables


class ValueTests(SynchronousTestCase):
    """What is accepted, and how it is shown."""

    def setUp(self) -> None:
        """A client's settings after it connected."""
        self.variables = Variables("ann", "shop", {"client_encoding": "'utf-8'", "application_name": "psql"})

    def test_values_are_shown_as_postgresql_shows_them(self) -> None:
        """Units, booleans, names in any case."""
        for name, value, shown in (
            ("statement_timeout", "30s", "30s"),
            ("statement_timeout", "300000", "5min"),
            ("Statement_Timeout", "1500", "1500ms"),
            ("statement_timeout", "0", "0"),
            ("work_mem", "65536", "64MB"),
            ("enable_seqscan", "FALSE", "off"),
            ("DateStyle", "ISO", "ISO, MDY"),
            ("DateStyle", "sql, european", "SQL, DMY"),
            ("DateStyle", "postgres", "Postgres, DMY"),
            ("DateStyle", "us", "Postgres, MDY"),
            ("DateStyle", "german", "German, DMY"),
            ("DateStyle", "default", "ISO, MDY"),
            ("IntervalStyle", "ISO_8601", "iso_8601"),
            ("TimeZone", "Etc/UTC", "Etc/UTC"),
            ("timezone", "+02:00", "+02:00"),
            ("client_encoding", "UNICODE", "UTF8"),
            ("client_encoding", "iso-8859-1", "LATIN1"),
            ("extra_float_digits", "3", "3"),
            ("search_path", '"$user", public', '"$user", public'),
            ("my.custom", "x", "x"),
            ("ha.read_consistency", "LINEARIZABLE", "linearizable"),
            ("default_transaction_isolation", "serializable", "serializable"),
        ):
            self.variables.set(name, value)
            self.assertEqual(self.variables.get(name), shown, name)

    def test_what_is_refused(self) -> None:
        """With PostgreSQL's codes."""
        for name, value, sqlstate in (
            ("nosuch", "1", "42704"),
            ("ha.nosuch", "1", "42704"),
            ("statement_timeout", "abc", "22023"),
            ("statement_timeout", "1MB", "22023"),
            ("client_encoding", "XX", "22023"),
            ("timezone", "nosuch/zone", "22023"),
            ("timezone", "../../etc/passwd", "22023"),
            ("enable_seqscan", "maybe", "22023"),
            ("ha.read_consistency", "never", "22023"),
            ("server_version", "9", "55P02"),
            ("shared_buffers", "1GB", "55P02"),
            ("DateStyle", "nosuch", "22023"),
            ("DateStyle", "sql, german", "22023"),
            ("IntervalStyle", "nosuch", "22023"),
            ("client_encoding", "EUC_TW", "0A000"),
            ("standard_conforming_strings", "off", "0A000"),
        ):
            error = self.assertRaises(StatementError, self.variables.set, name, value)
            self.assertEqual(error.sqlstate, sqlstate, name)
        self.assertEqual(self.assertRaises(StatementError, self.variables.get, "nosuch").sqlstate, "42704")
        self.assertEqual(self.assertRaises(StatementError, self.variables.reset, "nosuch").sqlstate, "42704")

    def test_times_can_be_had_in_seconds(self) -> None:
        """For whoever keeps them."""
        self.variables.set("statement_timeout", "1500")
        self.variables.set("lock_timeout", "2min")
        self.assertEqual(self.variables.duration_s("statement_timeout"), 1.5)
        self.assertEqual(self.variables.duration_s("lock_timeout"), 120)
        self.assertEqual(self.variables.duration_s("idle_in_transaction_session_timeout"), 0)

    def test_reset_goes_back_to_what_the_client_connected_with(self) -> None:
        """One or all."""
        self.variables.set("application_name", "other")
        self.variables.set("work_mem", "64MB")
        self.variables.reset("application_name")
        self.assertEqual(self.variables.get("application_name"), "psql")
        self.variables.reset(None)
        self.assertEqual(self.variables.get("work_mem"), "4MB")
        self.variables.set("work_mem", "64MB")
        self.variables.set("work_mem", None)
        self.assertEqual(self.variables.get("work_mem"), "4MB")

    def test_what_a_client_is_told(self) -> None:
        """The thirteen that drivers rely on."""
        told = self.variables.reported()
        self.assertEqual(tuple(told), REPORTED)
        self.assertEqual(
            (told["client_encoding"], told["session_authorization"], told["is_superuser"]), ("UTF8", "ann", "on")
        )
        self.assertTrue(told["server_version"].startswith("15."))

    def test_everything_can_be_listed(self) -> None:
        """SHOW ALL and pg_settings."""
        self.variables.set("my.custom", "x")
        names = [name for name, _, _ in self.variables.all()]
        self.assertIn("my.custom", names)
        self.assertIn("statement_timeout", names)
        rows = {row[0]: row for row in self.variables.rows()}
        self.assertEqual(rows["work_mem"][1:3], ("4096", "kB"))


class TransactionTests(SynchronousTestCase):
    """SET belongs to its transaction until that is committed."""

    def setUp(self) -> None:
        """Outside of any transaction."""
        self.variables = Variables()
        self.variables.set("lock_timeout", "1s")

    def test_rollback_undoes_set(self) -> None:
        """Not only SET LOCAL."""
        self.variables.begin()
        self.variables.set("lock_timeout", "2s")
        self.variables.rollback()
        self.assertEqual(self.variables.get("lock_timeout"), "1s")

    def test_commit_keeps_set_and_ends_set_local(self) -> None:
        """The value below it comes back."""
        self.variables.begin()
        self.variables.set("lock_timeout", "2s")
        self.variables.set("lock_timeout", "3s", local=True)
        self.assertEqual(self.variables.get("lock_timeout"), "3s")
        self.variables.commit()
        self.assertEqual(self.variables.get("lock_timeout"), "2s")

    def test_a_savepoint_is_a_place_to_go_back_to(self) -> None:
        """ROLLBACK TO."""
        self.variables.begin()
        mark = self.variables.mark()
        self.variables.set("lock_timeout", "2s")
        self.variables.cut(mark)
        self.variables.commit()
        self.assertEqual(self.variables.get("lock_timeout"), "1s")

    def test_a_transactions_isolation_is_the_default_until_it_is_set(self) -> None:
        """SHOW transaction_isolation."""
        self.variables.set("default_transaction_isolation", "repeatable read")
        self.assertEqual(self.variables.get("transaction_isolation"), "repeatable read")


class RememberedTests(SynchronousTestCase):
    """What was asked for once is remembered, and no longer than it holds."""

    def test_every_change_is_seen(self) -> None:
        """Whichever way a setting changes, the next question hears it."""
        variables = Variables("ann", "shop")
        seen = [variables.get("statement_timeout")]
        for change in (
            lambda: variables.set("statement_timeout", "1s"),
            variables.begin,
            lambda: variables.set("statement_timeout", "2s"),
            lambda: variables.set("statement_timeout", "3s", local=True),
            variables.commit,
            variables.begin,
            lambda: variables.set("statement_timeout", "4s"),
            variables.rollback,
            lambda: variables.reset("statement_timeout"),
            lambda: variables.start("statement_timeout", "5s"),
        ):
            change()
            seen.append(variables.get("statement_timeout"))
        self.assertEqual(seen, ["0", "1s", "1s", "2s", "3s", "2s", "2s", "4s", "2s", "0", "5s"])
        mark = variables.mark()
        variables.set("statement_timeout", "6s")
        self.assertEqual(variables.get("statement_timeout"), "6s")
        variables.cut(mark)
        self.assertEqual(variables.get("statement_timeout"), "5s")

    def test_names_without_end(self) -> None:
        """A client that asks for a thousand settings is answered, and not remembered for ever."""
        variables = Variables("ann", "shop")
        for n in range(200):
            variables.set(f"my.s{n}", "x")
        for n in range(200):
            self.assertEqual(variables.get(f"my.s{n}"), "x")
        self.assertLessEqual(len(variables._found), FOUND_MAX)
