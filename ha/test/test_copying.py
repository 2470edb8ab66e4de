"""COPY in both directions, as a client sees it."""

from __future__ import annotations

from ha.postgres.answers import (
    CommandComplete,
    CopyInResponse,
    ReadyForQuery,
)
from ha.postgres.copy import SIGNATURE
from ha.postgres.messages import CopyData, CopyDone
from ha.postgres.questions import (
    Bind,
    Execute,
    Parse,
    Query,
    Sync,
)
from ha.test.test_session import SessionCase, rows, word


class CopyTests(SessionCase):
    """COPY in both directions."""

    def setUp(self) -> None:
        super().setUp()
        self.query("CREATE TABLE t (a integer primary key, b text, c boolean)")

    def test_rows_cut_anywhere(self) -> None:
        """Pieces need not be lines."""
        pieces = [CopyData(b"1\tx"), CopyData(b"\tt\n2\t\\N\tf\n3"), CopyData(b"\ty\t\\N\n"), CopyDone()]
        heard = self.ask(Query("COPY t FROM STDIN"), *pieces)
        self.assertEqual(heard, [CopyInResponse(0, (0, 0, 0)), CommandComplete("COPY 3"), ReadyForQuery("I")])
        self.assertEqual(
            rows(self.query("SELECT * FROM t")), [(b"1", b"x", b"t"), (b"2", None, b"f"), (b"3", b"y", None)]
        )

    def test_in_the_clients_encoding(self) -> None:
        """In both directions; pieces are cut within a character, too."""
        self.query("SET client_encoding = SJIS")
        raw = "1\t日本\t\\N\n".encode("cp932")
        pieces = [CopyData(raw[at : at + 1]) for at in range(len(raw))]
        self.ask(Query("COPY t FROM STDIN"), *pieces, CopyDone())
        heard = self.query("COPY t TO STDOUT")
        self.assertEqual([message.data for message in heard if isinstance(message, CopyData)], [raw])
        self.query("SET client_encoding = UTF8")
        self.assertEqual(rows(self.query("SELECT b FROM t")), [("日本".encode(),)])

    def test_binary_in_and_out(self) -> None:
        """What comes out goes in."""
        self.query("INSERT INTO t VALUES (1, 'x', 1), (2, NULL, 0)")
        heard = self.query("COPY t TO STDOUT (FORMAT binary)")
        data = b"".join(message.data for message in heard if isinstance(message, CopyData))
        self.assertTrue(data.startswith(SIGNATURE))
        self.query("DELETE FROM t")
        heard = self.ask(Query("COPY t FROM STDIN (FORMAT binary)"), CopyData(data), CopyDone())
        self.assertEqual(word(heard[-2]), "COPY 2")
        self.assertEqual(rows(self.query("SELECT a, b, c FROM t")), [(b"1", b"x", b"t"), (b"2", None, b"f")])

    def test_a_batch_at_a_time(self) -> None:
        """Many rows do not gather in memory."""
        self.ask(Query("COPY t (a) FROM STDIN"), CopyData(b"".join(b"%d\n" % i for i in range(7500))))
        self.assertIn(("copy_in", "t", 7500), self.backend.said)
        self.ask(*[CopyData(b"%d\n" % i) for i in range(7500, 13500)], CopyDone())
        self.assertEqual([s[2] for s in self.backend.said if s[0] == "copy_in"], [7500, 5000, 1000])

    def test_a_copy_that_fails_undoes_all_its_rows(self) -> None:
        """A duplicate key at the end, a bad value, too few fields; what is still on its way is passed over."""
        for last, sqlstate in ((b"1\tx\tt\n", "23505"), (b"x\tx\tt\n", "22P02"), (b"9\n", "22P04")):
            heard = self.ask(
                Query("COPY t FROM STDIN"), CopyData(b"1\tx\tt\n"), CopyData(last), CopyData(b"3\tx\tt\n"), CopyDone()
            )
            self.assertEqual([word(m) for m in heard if word(m)], [sqlstate, "I"])
            self.assertEqual(rows(self.query("SELECT count(*) FROM t")), [(b"0",)])

    def test_by_the_extended_protocol(self) -> None:
        """Sync may come before the rows; after an error everything up to the next one is skipped."""
        begin = (Parse("", "COPY t FROM STDIN"), Bind("", ""), Execute(""), Sync())
        heard = self.ask(*begin, CopyData(b"1\tx\tt\n"), CopyDone(), Sync())
        self.assertEqual([word(m) for m in heard if word(m)], ["COPY 1", "I"])
        heard = self.ask(*begin, CopyData(b"x\n"), CopyData(b"y\n"), CopyDone(), Sync())
        self.assertEqual([word(m) for m in heard if word(m)], ["22P04", "I"])

    def test_among_other_statements(self) -> None:
        """What follows it in the same Query goes on after the rows."""
        heard = self.ask(
            Query("SELECT 1; COPY t (a) FROM STDIN; SELECT count(*) FROM t"), CopyData(b"1\n2\n"), CopyDone()
        )
        self.assertEqual([word(m) for m in heard if word(m)], ["SELECT 1", "COPY 2", "SELECT 1", "I"])
        self.assertEqual(rows(heard)[-1], (b"2",))

    def test_csv_out(self) -> None:
        """One row a message, with a header."""
        self.query("INSERT INTO t VALUES (1, 'a,b', 1), (2, NULL, NULL)")
        heard = self.query("COPY (SELECT * FROM t) TO STDOUT WITH (FORMAT csv, HEADER)")
        self.assertEqual([m.data for m in heard if isinstance(m, CopyData)], [b"a,b,c\n", b'1,"a,b",t\n', b"2,,\n"])
        self.assertEqual(heard[-3:], [CopyDone(), CommandComplete("COPY 2"), ReadyForQuery("I")])

    def test_a_table_that_is_not_there(self) -> None:
        """No rows are asked for."""
        self.assertEqual(self.tags("COPY nosuch FROM STDIN"), ["42P01", "I"])

    def test_a_client_that_leaves(self) -> None:
        """Its rows are rolled back."""
        self.ask(Query("COPY t (a) FROM STDIN"), CopyData(b"1\n2\n"))
        self.client.leave()
        self.assertTrue(self.backend.closed)
