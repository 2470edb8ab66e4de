"""The extended protocol: what is prepared, bound, described and run, one by one and all at once."""

from __future__ import annotations

import struct
from typing import Any

from ha.postgres import extended, named
from ha.postgres.answers import (
    BindComplete,
    CloseComplete,
    CommandComplete,
    DataRow,
    ErrorResponse,
    NoData,
    ParameterDescription,
    PortalSuspended,
    ReadyForQuery,
    RowDescription,
)
from ha.postgres.questions import Bind, Close, Describe, Execute, Flush, Parse, Sync
from ha.test.pgclient import statuses
from ha.test.test_session import SessionCase, rows, word


class ExtendedQueryTests(SessionCase):
    """Parse, Bind, Describe, Execute, Close, Flush, Sync."""

    def test_parameters_and_results_in_binary(self) -> None:
        """By the types announced; an OID given in Parse wins."""
        heard = self.ask(
            Parse("", "SELECT $1 AS a, $2 AS b, $1 AS c", (20, 25)), Describe("S", ""),
            Bind("", "", (1, 0), (struct.pack("!q", 7), b"x"), (0, 1, 1)), Execute(""), Sync(),
        )  # fmt: skip
        self.assertEqual(heard[1], ParameterDescription((20, 25)))
        self.assertEqual(rows(heard), [(b"7", b"x", b"7")])
        self.assertIn(("SELECT $1 AS a, $2 AS b, $1 AS c", (7, "x"), True), self.backend.said)

    def test_rows_decide_what_was_not_announced(self) -> None:
        """Without Describe, or when the portal is described just before it runs."""
        for ask in ((), (Describe("P", ""),)):
            heard = self.ask(Parse("", "SELECT 7, 1.5, 'x'"), Bind("", "", (), (), (1,)), *ask, Execute(""), Sync())
            self.assertEqual(rows(heard), [(struct.pack("!q", 7), struct.pack("!d", 1.5), b"x")])
        (description,) = (message for message in heard if isinstance(message, RowDescription))
        self.assertEqual([(c.type_oid, c.format) for c in description.columns], [(20, 1), (701, 1), (25, 1)])

    def test_what_was_announced_wins(self) -> None:
        """A described statement sends text for a column nobody knew; a value that does not fit is an error in binary."""
        self.ask(Parse("s", "SELECT 7 AS a"), Describe("S", "s"), Sync())
        self.assertEqual(rows(self.ask(Bind("", "s", (), (), (1,)), Execute(""), Sync())), [(b"7",)])
        self.query("CREATE TABLE t (a int4); INSERT INTO t VALUES (3000000000)")
        heard = self.ask(Parse("", "SELECT a FROM t"), Bind("", "", (), (), (1,)), Execute(""), Sync())
        self.assertEqual([word(message) for message in heard[2:]], ["22003", "I"])

    def test_describing_runs_nothing(self) -> None:
        """Statements that change something above all."""
        self.query("CREATE TABLE t (a integer)")
        del self.backend.said[:]
        heard = self.ask(
            Parse("s", "INSERT INTO t VALUES ($1) RETURNING a"),
            Describe("S", "s"),
            Bind("", "s", (), (b"1",)),
            Describe("P", ""),
            Sync(),
        )
        self.assertEqual([type(m) for m in heard[2:]], [RowDescription, BindComplete, RowDescription, ReadyForQuery])
        self.assertEqual(self.backend.said, [])

    def test_no_rows_to_describe(self) -> None:
        """NoData, for statements and portals."""
        heard = self.ask(Parse("s", "BEGIN"), Describe("S", "s"), Bind("", "s"), Describe("P", ""), Sync())
        self.assertEqual([m for m in heard if isinstance(m, NoData)], [NoData(), NoData()])

    def test_the_last_of_a_batch_is_alone(self) -> None:
        """An Execute before Sync is its own transaction; several share one, which Sync commits."""
        self.ask(Parse("s", "SELECT 1"), Bind("", "s"), Execute(""), Sync())
        self.assertEqual(self.backend.said, [("SELECT 1", (), True)])
        del self.backend.said[:]
        self.ask(Bind("", "s"), Execute(""), Bind("", "s"), Execute(""), Flush(), Sync())
        self.assertEqual(self.backend.said, [("SELECT 1", (), False), ("SELECT 1", (), False), "finish"])

    def test_an_error_undoes_the_batch(self) -> None:
        """What came before it since the last Sync is rolled back."""
        self.query("CREATE TABLE t (a integer)")
        self.ask(
            Parse("", "INSERT INTO t VALUES (1)"), Bind("", ""), Execute(""), Parse("", "SELECT nosuch"), Bind("", ""), Execute(""), Sync()
        )  # fmt: skip
        self.assertEqual(rows(self.query("SELECT count(*) FROM t")), [(b"0",)])

    def test_a_commit_that_fails_at_sync(self) -> None:
        """An error, and your turn: nothing is skipped."""
        self.query(
            "CREATE TABLE p (a integer primary key); CREATE TABLE c (a integer REFERENCES p DEFERRABLE INITIALLY DEFERRED)"
        )
        self.backend.connection.pragma("foreign_keys", True)
        heard = self.ask(
            Parse("", "INSERT INTO c VALUES (7)"), Bind("", ""), Execute(""), Flush(), Parse("", "SELECT 1"), Sync()
        )
        self.assertEqual([word(m) for m in heard if word(m)], ["INSERT 0 1", "23503", "I"])
        self.assertEqual(statuses(self.ask(Sync())), ["I"])

    def test_row_limits(self) -> None:
        """Suspended when the limit is reached, even by the last row; the next Execute then has none."""
        self.query("CREATE TABLE t (a integer); INSERT INTO t VALUES (1), (2), (3), (4)")
        heard = self.ask(Parse("", "SELECT a FROM t"), Bind("p", ""), *[Execute("p", 2)] * 4, Sync())
        kinds = [type(m).__name__ if not word(m) else word(m) for m in heard[2:] if not isinstance(m, DataRow)]
        self.assertEqual(kinds, ["PortalSuspended", "PortalSuspended", "SELECT 0", "SELECT 0", "I"])
        self.assertEqual(
            [word(m) for m in self.ask(Execute("p"), Sync())], ["34000", "I"], "it died with its transaction"
        )

    def test_row_limits_and_changes(self) -> None:
        """A changing statement runs to its end at once and counts all it changed."""
        self.query("CREATE TABLE t (a integer); INSERT INTO t VALUES (1), (2), (3)")
        heard = self.ask(
            Parse("", "UPDATE t SET a = a + 1 RETURNING a"), Bind("p", ""), Execute("p", 2), Execute("p", 2), Sync()
        )
        self.assertEqual([type(heard[4]), word(heard[6])], [PortalSuspended, "UPDATE 3"])

    def test_running_a_finished_statement_again(self) -> None:
        """A portal without rows runs once."""
        heard = self.ask(Parse("", "SET application_name = 'x'"), Bind("p", ""), Execute("p"), Execute("p"), Sync())
        self.assertEqual([word(m) for m in heard[2:] if word(m)], ["SET", "55000", "I"])

    def test_names_that_are_taken_or_not_there(self) -> None:
        """PostgreSQL's code for each."""
        self.ask(Parse("s", "SELECT 1"), Sync())
        for messages, sqlstate in (
            ((Parse("s", "SELECT 1"),), "42P05"), ((Bind("p", "s"), Bind("p", "s")), "42P03"), ((Bind("", "no"),), "26000"),
            ((Execute("no"),), "34000"), ((Describe("S", "no"),), "26000"), ((Describe("P", "no"),), "34000"),
            ((Parse("", "SELECT 1; SELECT 2"),), "42601"), ((Bind("", "s", (), (b"1",)),), "08P01"),
            ((Bind("", "s", (), (), (0, 0)),), "08P01"), ((Parse("", "SELECT $1", (23,)), Bind("", "", (), (b"x",))), "22P02"),
            ((Parse("", "SELECT $1, $2"), Bind("", "", (0, 0, 0), (b"x", b"y"))), "08P01"),
        ):  # fmt: skip
            heard = self.ask(*messages, Sync())
            self.assertEqual([word(m) for m in heard if word(m)], [sqlstate, "I"], messages)

    def test_closing_what_is_not_there(self) -> None:
        """Is no error; closing a statement leaves its portals."""
        self.assertEqual(self.ask(Close("S", "no"), Close("P", "no"), Sync())[:2], [CloseComplete(), CloseComplete()])
        heard = self.ask(Parse("s", "SELECT 1"), Bind("p", "s"), Close("S", "s"), Execute("p"), Sync())
        self.assertEqual(word(heard[-2]), "SELECT 1")

    def test_the_unnamed_statement(self) -> None:
        """Survives Sync, and dies with the next simple Query."""
        self.ask(Parse("", "SELECT 1"), Sync())
        self.assertEqual(rows(self.ask(Bind("", ""), Execute(""), Sync())), [(b"1",)])
        self.query("SELECT 2")
        self.assertEqual(self.ask(Bind("", ""), Sync())[0].sqlstate, "26000")

    def test_limits(self) -> None:
        """A session's memory is not for the taking."""
        self.patch(named, "STATEMENTS_MAX", 2)
        self.patch(extended, "PORTALS_MAX", 1)
        heard = self.ask(Parse("a", "SELECT 1"), Parse("b", "SELECT 1"), Parse("c", "SELECT 1"), Sync())
        self.assertEqual(heard[2].sqlstate, "53400")
        self.assertEqual(self.ask(Bind("p", "a"), Bind("q", "a"), Sync())[1].sqlstate, "53400")

    def test_columns_that_changed(self) -> None:
        """0A000 in PostgreSQL's words: drivers know it and prepare again."""
        self.query("CREATE TABLE t (a integer)")
        self.ask(Parse("s", "SELECT * FROM t"), Describe("S", "s"), Sync())
        self.query("ALTER TABLE t ADD COLUMN b text")
        error = self.ask(Bind("", "s"), Execute(""), Sync())[1]
        self.assertEqual((error.sqlstate, error.message), ("0A000", "cached plan must not change result type"))

    def test_a_message_that_breaks_its_format(self) -> None:
        """An error like any other: skipped to Sync, and on."""
        self.client.connection.dataReceived(b"B\0\0\0\4" + Parse("", "SELECT 1").encode() + Sync().encode())
        self.assertEqual([word(m) for m in self.client.received()], ["08P01", "I"])
        self.client.connection.dataReceived(b"E\0\0\0\4B\0\0\0\4" + Sync().encode())
        self.assertEqual([word(m) for m in self.client.received()], ["08P01", "I"], "skipped ones are not looked at")

    def test_returning_columns_that_changed(self) -> None:
        """Nothing is written by a statement whose answer could not be sent; drivers know the error by its routine."""
        self.query("CREATE TABLE t (a integer)")
        self.ask(Parse("s", "INSERT INTO t DEFAULT VALUES RETURNING *"), Sync())
        self.query("ALTER TABLE t ADD COLUMN b text DEFAULT 'x'")
        self.query("ALTER TABLE t RENAME COLUMN a TO c")
        heard = self.ask(Bind("", "s"), Execute(""), Sync())
        self.assertEqual((heard[1].sqlstate, heard[1].routine), ("0A000", "RevalidateCachedQuery"))
        self.assertEqual(rows(self.query("SELECT count(*) FROM t")), [(b"0",)])


class AtOnceTests(SessionCase):
    """Bind, Describe, Execute and Sync are one step for a read that nothing must be waited for; nobody can tell."""

    def setUp(self) -> None:
        super().setUp()
        self.query("CREATE TABLE t (a int8); INSERT INTO t VALUES (1), (2), (3)")
        self.ask(Parse("s", "SELECT a FROM t WHERE a >= $1", (20,)), Parse("guess", "SELECT 1 + $1", (20,)), Sync())

    def both_ways(self, *messages: Any) -> list[Any]:
        """What is heard, which is the same when Flush stands between the messages and they are done one by one."""
        before = self.backend.at_once
        heard = self.ask(*messages)
        self.assertEqual(self.backend.at_once, before + 1)
        slowly = self.ask(*[one for message in messages for one in (message, Flush())])
        self.assertEqual(heard, slowly)
        self.assertEqual(self.backend.at_once, before + 1)
        return heard

    def test_the_rows(self) -> None:
        """With their description, if it was asked for, and without."""
        heard = self.both_ways(Bind("", "s", (), (b"2",)), Describe("P", ""), Execute(""), Sync())
        self.assertEqual(
            [type(message) for message in heard],
            [BindComplete, RowDescription, DataRow, DataRow, CommandComplete, ReadyForQuery],
        )
        heard = self.both_ways(Bind("", "s", (), (b"3",)), Execute(""), Sync())
        self.assertEqual([type(one) for one in heard], [BindComplete, DataRow, CommandComplete, ReadyForQuery])

    def test_what_the_rows_decide(self) -> None:
        """A type that nobody knew before."""
        for described in (Describe("P", ""),), ():
            heard = self.both_ways(Bind("", "guess", (), (b"2",)), *described, Execute(""), Sync())
            self.assertEqual(rows(heard), [(b"3",)])

    def test_more_rows_than_come_at_once(self) -> None:
        """They follow, and their stream is closed."""
        self.query("INSERT INTO t SELECT value FROM generate_series(4, 200)")
        for described in (Describe("P", ""),), ():
            heard = self.both_ways(Bind("", "s", (), (b"1",)), *described, Execute(""), Sync())
            self.assertEqual((len(rows(heard)), word(heard[-2])), (200, "SELECT 200"))
        self.assertTrue(self.backend.streams and all(one.closed for one in self.backend.streams))

    def test_an_error(self) -> None:
        """It comes behind the description, and the next turn is heard."""
        self.ask(Parse("fine", "SELECT abs($1) FROM t", (20,)), Sync())
        heard = self.both_ways(
            Bind("", "fine", (), (str(-(1 << 63)).encode(),)), Describe("P", ""), Execute(""), Sync()
        )
        self.assertEqual([type(one) for one in heard[:1] + heard[-2:]], [BindComplete, ErrorResponse, ReadyForQuery])
        self.assertEqual(rows(self.ask(Bind("", "s", (), (b"3",)), Execute(""), Sync())), [(b"3",)])

    def test_columns_that_changed(self) -> None:
        """As when they are done one by one."""
        self.ask(Parse("all", "SELECT * FROM t"), Describe("S", "all"), Sync())
        self.query("ALTER TABLE t ADD COLUMN b text")
        for described in (Describe("P", ""),), ():
            heard = self.both_ways(Bind("", "all"), *described, Execute(""), Sync())
            self.assertEqual(word(heard[-2]), "0A000")

    def test_the_portal_is_gone_afterwards(self) -> None:
        """As at every Sync outside a block; in a block it stays."""
        self.ask(Bind("", "s", (), (b"1",)), Describe("P", ""), Execute(""), Sync())
        self.assertEqual(word(self.ask(Execute(""), Sync())[0]), "34000")
        self.query("BEGIN")
        self.ask(Bind("", "s", (), (b"1",)), Describe("P", ""), Execute(""), Sync())
        self.assertEqual(word(self.ask(Execute(""), Sync())[0]), "SELECT 0")

    def test_a_part_of_the_messages(self) -> None:
        """Is not waited for."""
        tail = Describe("P", "").encode() + Execute("").encode() + Sync().encode()
        for cut in range(len(tail)):
            self.client.connection.dataReceived(Bind("", "s", (), (b"3",)).encode() + tail[:cut])
            self.client.connection.dataReceived(tail[cut:])
            self.assertEqual(rows(self.client.received()), [(b"3",)])
