"""The session's own commands and their arguments."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sql.kinds import Begin, Declare, End, Execute, Fetch, Kind, Name, Notify, Prepare, SetVariable
from ha.sql.statements import client_position, split, with_schema
from ha.test.translated import argument
from ha.test.two_tables import Schema


class TransactionTests(SynchronousTestCase):
    """BEGIN to ROLLBACK TO."""

    def test_modes(self) -> None:
        """In any order, with commas or without; SQLite's words, too."""
        for text, wanted in (
            ("begin", Begin()),
            ("begin immediate transaction", Begin()),
            ("begin isolation level serializable, read only", Begin("serializable", True)),
            (
                "start transaction read write isolation level repeatable read not deferrable",
                Begin("repeatable read", False, False),
            ),
            ("set transaction isolation level read uncommitted", Begin("read uncommitted")),
            ("commit and chain", End(True)),
            ("end work", End()),
            ("rollback and no chain", End()),
            ('savepoint "A"', Name("A")),
            ("rollback work to savepoint A", Name("a")),
            ("release a", Name("a")),
        ):
            self.assertEqual(argument(text), wanted, text)

    def test_two_phases_are_refused(self) -> None:
        """There is no coordinator here."""
        for text in ("prepare transaction 'x'", "commit prepared 'x'", "rollback prepared 'x'"):
            self.assertEqual(split(text)[0].kind, Kind.REFUSED, text)


class VariableTests(SynchronousTestCase):
    """SET, SHOW, RESET, DISCARD."""

    def test_set(self) -> None:
        """Every spelling that drivers send."""
        for text, wanted in (
            ("set a = 1", SetVariable("a", "1")),
            ("set a to 'x y'", SetVariable("a", "x y")),
            ("set a = -1.5", SetVariable("a", "-1.5")),
            ("set a to default", SetVariable("a", None)),
            ("set local A = on", SetVariable("a", "on", True)),
            ("set session my.x = 'y'", SetVariable("my.x", "y")),
            ('set search_path to "$user", public', SetVariable("search_path", '"$user", public')),
            ("set datestyle = iso, mdy", SetVariable("datestyle", "iso, mdy")),
            ("set time zone 'UTC'", SetVariable("timezone", "UTC")),
            ("set time zone interval '+00:00' hour to minute", SetVariable("timezone", "<+00>-00")),
            ("set time zone local", SetVariable("timezone", None)),
            ("set names 'utf8'", SetVariable("client_encoding", "utf8")),
            ("set role none", SetVariable("role", "none")),
            ("set session authorization default", SetVariable("session_authorization", None)),
            (
                "set session characteristics as transaction isolation level serializable",
                SetVariable("default_transaction_isolation", "serializable"),
            ),
            ("reset all", SetVariable(None, None)),
            ("reset session authorization", SetVariable("session_authorization", None)),
            ("show all", Name(None)),
            ("show TimeZone", Name("timezone")),
            ("show transaction isolation level", Name("transaction_isolation")),
            ("discard all", Name(None)),
            ("discard temporary", Name("temp")),
        ):
            self.assertEqual(argument(text), wanted, text)

    def test_what_does_not_parse(self) -> None:
        """It says where."""
        for text, position in (("set a", 6), ("set a = ", 8), ("show", 5), ("set a = 1 2", 11), ("discard x", 9)):
            error = self.assertRaises(StatementError, split, text)
            self.assertEqual((error.sqlstate, error.position), ("42601", position), text)


class CursorTests(SynchronousTestCase):
    """Prepared statements and cursors."""

    def test_prepare_and_execute(self) -> None:
        """The inner statement is translated; EXECUTE's values are a SELECT."""
        prepared = argument("prepare p(int, numeric(10,2)) as select $1::text")
        assert isinstance(prepared, Prepare)
        self.assertEqual((prepared.name, prepared.types), ("p", ("int", "numeric(10,2)")))
        self.assertEqual(prepared.statement.sql, "select CAST(?1 AS TEXT)")
        executed = argument("execute p(1, 'x'::text)")
        assert isinstance(executed, Execute) and executed.statement is not None
        self.assertEqual(executed.statement.sql, "SELECT 1, CAST('x' AS TEXT)")
        self.assertEqual(argument("execute p"), Execute("p", None))
        text = "  execute p($1, 'bad')"
        (statement,) = split(text)
        assert isinstance(statement.argument, Execute) and statement.argument.statement is not None
        values = with_schema(statement.argument.statement, Schema())
        self.assertEqual(values.sql, "SELECT ?1, 'bad'")
        self.assertEqual(client_position(values, values.sql.index("'bad'")), text.index("'bad'"))
        self.assertEqual(argument("deallocate prepare p"), Name("p"))
        self.assertEqual(argument("deallocate all"), Name(None))

    def test_declare(self) -> None:
        """With its options."""
        declared = argument("declare c binary no scroll cursor with hold for select 1")
        assert isinstance(declared, Declare)
        self.assertEqual(
            (declared.name, declared.binary, declared.scroll, declared.hold, declared.statement.sql),
            ("c", True, False, True, "select 1"),
        )

    def test_fetch(self) -> None:
        """Every direction; cursors may be called as one."""
        for text, wanted in (
            ("fetch c", Fetch("c", "forward", 1, False)),
            ("fetch next", Fetch("next", "forward", 1, False)),
            ("fetch next from c", Fetch("c", "forward", 1, False)),
            ("fetch all in c", Fetch("c", "forward", None, False)),
            ("fetch 5 c", Fetch("c", "forward", 5, False)),
            ("fetch -5 from c", Fetch("c", "backward", 5, False)),
            ("fetch forward all from c", Fetch("c", "forward", None, False)),
            ("fetch backward 2 from c", Fetch("c", "backward", 2, False)),
            ("fetch last from c", Fetch("c", "absolute", -1, False)),
            ("move absolute 0 in c", Fetch("c", "absolute", 0, True)),
            ("move relative -2 from c", Fetch("c", "relative", -2, True)),
            ("close all", Name(None)),
        ):
            self.assertEqual(argument(text), wanted, text)


class NotificationTests(SynchronousTestCase):
    """LISTEN and NOTIFY."""

    def test_channels(self) -> None:
        """Folded like names; payloads bounded."""
        self.assertEqual(argument("listen Jobs"), Name("jobs"))
        self.assertEqual(argument("unlisten *"), Name(None))
        self.assertEqual(argument("notify jobs, 'it''s'"), Notify("jobs", "it's"))
        self.assertEqual(self.assertRaises(StatementError, split, f"notify a, '{'x' * 8000}'").sqlstate, "22023")
