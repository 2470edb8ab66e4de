"""Statements and cursors by the names SQL gives them."""

from __future__ import annotations

import struct

from ha.postgres.answers import ErrorResponse, RowDescription
from ha.postgres.questions import (
    Bind,
    Describe,
    Execute,
    Parse,
    Sync,
)
from ha.test.test_session import SessionCase, rows, word


class CursorTests(SessionCase):
    """SQL's own names for statements and portals, which are the protocol's, too."""

    def setUp(self) -> None:
        super().setUp()
        self.query("CREATE TABLE t (a integer); INSERT INTO t VALUES (1), (2), (3), (4), (5)")

    def fetched(self, text: str) -> tuple[list[int], str]:
        heard = self.query(text)
        return [int(row[0] or 0) for row in rows(heard)], word(heard[-2])

    def test_there_and_back(self) -> None:
        """Every direction."""
        self.query("BEGIN; DECLARE c SCROLL CURSOR FOR SELECT a FROM t ORDER BY a")
        for text, found, tag in (
            ("FETCH c", [1], "FETCH 1"), ("FETCH FORWARD 2 FROM c", [2, 3], "FETCH 2"), ("FETCH BACKWARD 1 FROM c", [2], "FETCH 1"),
            ("FETCH ABSOLUTE 4 FROM c", [4], "FETCH 1"), ("FETCH RELATIVE -2 FROM c", [2], "FETCH 1"), ("FETCH LAST FROM c", [5], "FETCH 1"),
            ("FETCH NEXT FROM c", [], "FETCH 0"), ("FETCH PRIOR FROM c", [5], "FETCH 1"), ("MOVE ABSOLUTE 0 IN c", [], "MOVE 0"),
            ("FETCH ALL FROM c", [1, 2, 3, 4, 5], "FETCH 5"), ("FETCH BACKWARD ALL FROM c", [5, 4, 3, 2, 1], "FETCH 5"),
            ("MOVE 3 FROM c", [], "MOVE 3"), ("FETCH 0 FROM c", [3], "FETCH 1"), ("FETCH FIRST FROM c", [1], "FETCH 1"),
        ):  # fmt: skip
            self.assertEqual(self.fetched(text), (found, tag), text)

    def test_forward_only(self) -> None:
        """NO SCROLL means it."""
        self.query("BEGIN; DECLARE c NO SCROLL CURSOR FOR SELECT a FROM t ORDER BY a")
        self.assertEqual(self.fetched("FETCH 2 FROM c"), ([1, 2], "FETCH 2"))
        self.assertEqual(self.tags("FETCH BACKWARD 1 FROM c"), ["55000", "E"])

    def test_outside_a_block(self) -> None:
        """Only a cursor WITH HOLD makes sense there, and it lives until it is closed."""
        self.assertEqual(self.tags("DECLARE c CURSOR FOR SELECT 1"), ["25P01", "I"])
        self.assertEqual(
            self.tags("DECLARE c CURSOR WITH HOLD FOR SELECT a FROM t ORDER BY a"), ["DECLARE CURSOR", "I"]
        )
        self.assertEqual(self.fetched("FETCH 2 FROM c"), ([1, 2], "FETCH 2"))
        self.assertEqual(self.tags("CLOSE c"), ["CLOSE CURSOR", "I"])
        self.assertEqual(self.tags("FETCH c"), ["34000", "I"])

    def test_the_end_of_the_transaction_ends_its_cursors(self) -> None:
        """Their rows are given back; one WITH HOLD stays after COMMIT and goes with ROLLBACK."""
        self.query(
            "BEGIN; DECLARE c CURSOR FOR SELECT a FROM t; DECLARE h CURSOR WITH HOLD FOR SELECT a FROM t; COMMIT"
        )
        self.assertEqual(self.tags("FETCH c"), ["34000", "I"])
        self.assertEqual(self.fetched("FETCH ALL h")[0], [1, 2, 3, 4, 5])

    def test_one_namespace(self) -> None:
        """FETCH of a bound portal, Execute of a declared cursor, EXECUTE of a parsed statement."""
        self.query("BEGIN")
        self.ask(Parse("s", "SELECT a FROM t ORDER BY a"), Bind("p", "s"), Sync())
        self.assertEqual(self.fetched("FETCH 2 FROM p"), ([1, 2], "FETCH 2"))
        self.query("DECLARE c CURSOR FOR SELECT a FROM t ORDER BY a")
        self.assertEqual(rows(self.ask(Execute("c", 1), Sync())), [(b"1",)])
        self.assertEqual(self.fetched("EXECUTE s")[0], [1, 2, 3, 4, 5])
        self.assertEqual(self.tags("PREPARE s AS SELECT 1"), ["42P05", "E"])

    def test_fetch_by_the_extended_protocol(self) -> None:
        """Described by its cursor's columns."""
        self.query("BEGIN; DECLARE c CURSOR FOR SELECT a FROM t ORDER BY a")
        heard = self.ask(
            Parse("", "FETCH 2 FROM c"), Bind("", "", (), (), (1,)), Describe("P", ""), Execute(""), Sync()
        )
        self.assertEqual(heard[2].columns[0].type_oid, 20)
        self.assertEqual(rows(heard), [(struct.pack("!q", 1),), (struct.pack("!q", 2),)])

    def test_a_statement_may_be_parsed_before_its_cursor_is_there(self) -> None:
        """pgx prepares FETCH once; what it answers is known when it is bound."""
        heard = self.ask(Parse("f", "FETCH ALL FROM c"), Describe("S", "f"), Parse("e", "EXECUTE q"), Sync())
        self.assertEqual([type(one).__name__ for one in heard[1:3]], ["ParameterDescription", "NoData"])
        self.assertEqual(self.tags("BEGIN; DECLARE c CURSOR FOR SELECT a FROM t ORDER BY a")[-1], "T")
        heard = self.ask(Bind("", "f"), Describe("P", ""), Execute(""), Sync())
        self.assertEqual(heard[1].columns[0].name, "a")
        self.assertEqual(rows(heard), [(b"1",), (b"2",), (b"3",), (b"4",), (b"5",)])
        self.query("CLOSE c")
        (error,) = (one for one in self.ask(Bind("", "f"), Execute(""), Sync()) if isinstance(one, ErrorResponse))
        self.assertEqual(error.sqlstate, "34000")

    def test_a_cursor_with_parameters(self) -> None:
        """As psycopg's server-side cursors declare theirs."""
        self.query("BEGIN")
        self.ask(
            Parse("", "DECLARE c CURSOR FOR SELECT a FROM t WHERE a > $1 ORDER BY a", (20,)),
            Bind("", "", (), (b"3",)), Execute(""), Sync(),
        )  # fmt: skip
        self.assertEqual(self.fetched("FETCH ALL c"), ([4, 5], "FETCH 2"))

    def test_prepare_and_execute(self) -> None:
        """With types and values; DEALLOCATE forgets."""
        self.query("PREPARE q(int, text) AS SELECT $1 + 1, $2")
        self.assertEqual(rows(self.query("EXECUTE q(4, 'x')")), [(b"5", b"x")])
        self.assertEqual(self.tags("EXECUTE q(4)"), ["42601", "I"])
        self.assertEqual(self.tags("DEALLOCATE q"), ["DEALLOCATE", "I"])
        self.assertEqual(self.tags("EXECUTE q(4, 'x')"), ["26000", "I"])
        self.assertEqual(self.tags("DEALLOCATE ALL"), ["DEALLOCATE ALL", "I"])

    def test_what_fetch_cannot_read(self) -> None:
        """A bound portal that is no query."""
        self.query("BEGIN")
        for text in ("COPY t FROM STDIN", "COMMIT"):
            self.ask(Parse("", text), Bind("p", ""), Sync())
            self.assertEqual(self.tags("FETCH 1 FROM p"), ["55000", "E"])
            self.query("ROLLBACK; BEGIN")

    def test_what_execute_cannot_name(self) -> None:
        """COPY, whose rows come in messages; another EXECUTE, which could be its own."""
        self.ask(Parse("copy", "COPY t FROM STDIN"), Parse("again", "EXECUTE again"), Sync())
        for name in ("copy", "again"):
            self.assertEqual(self.tags(f"EXECUTE {name}"), ["0A000", "I"])

    def test_the_plan_of_what_is_prepared(self) -> None:
        """sqlx asks for it to find out which columns may be NULL; values may be missing, since nothing is run."""
        self.query("PREPARE q(int) AS SELECT a FROM t WHERE a = $1")
        heard = self.ask(Parse("", "EXPLAIN (VERBOSE, FORMAT JSON) EXECUTE q(NULL)"), Describe("S", ""), Sync())
        (field,) = next(one.columns for one in heard if isinstance(one, RowDescription))
        self.assertEqual((field.name, field.type_oid), ("QUERY PLAN", 114))
        self.query("EXPLAIN (VERBOSE) EXECUTE q")
        self.assertIn("EXPLAIN (FORMAT text) SELECT a FROM t WHERE a = NULL", str(self.backend.said))
        self.assertEqual(self.tags("EXPLAIN (VERBOSE) EXECUTE nosuch"), ["26000", "I"])

    def test_what_is_prepared_is_listed(self) -> None:
        """For pg_prepared_statements: not the unnamed one."""
        self.query("PREPARE q(int, text) AS SELECT $1 + 1, $2")
        self.ask(Parse("p", "SELECT a FROM t WHERE a = $1", (20,)), Parse("", "SELECT 1"), Sync())
        listed = self.backend.named_statements()
        self.assertEqual(
            [(one.name, one.text, one.types, one.by_sql) for one in listed],
            [
                ("q", "SELECT $1 + 1, $2", ("integer", "text"), True),
                ("p", "SELECT a FROM t WHERE a = $1", ("bigint",), False),
            ],
        )

    def test_cursors_are_listed(self) -> None:
        """For pg_cursors: those of SQL and of the protocol, not the unnamed portal."""
        self.query("BEGIN; DECLARE h BINARY SCROLL CURSOR WITH HOLD FOR SELECT 1")
        self.ask(Parse("", "SELECT 2"), Bind("p", ""), Bind("", ""), Sync())
        listed = self.backend.named_cursors()
        self.assertEqual(
            [(one.name, one.text, one.holdable, one.binary, one.scrollable, one.made > 0) for one in listed],
            [("h", "SELECT 1", True, True, True, True), ("p", "SELECT 2", False, False, False, False)],
        )

    def test_discard_all(self) -> None:
        """Nothing named is left."""
        self.query("PREPARE q AS SELECT 1; DECLARE h CURSOR WITH HOLD FOR SELECT 1")
        self.assertEqual(self.tags("DISCARD ALL"), ["DISCARD ALL", "I"])
        self.assertEqual(self.tags("EXECUTE q"), ["26000", "I"])
        self.assertEqual(self.tags("FETCH h"), ["34000", "I"])

    def test_types_of_parameters_go_with_the_statement(self) -> None:
        """What the client says when it prepares is known where the statement, or its cursor's query, is judged."""
        date, unsaid = 1082, 0
        self.ask(Parse("s", "SELECT $1, $2", (date, unsaid)), Sync())
        self.ask(Parse("c", "DECLARE c CURSOR FOR SELECT $1", (date,)), Sync())
        self.assertEqual([one.given for one in self.backend.described], [("date", None), ("date",)])
