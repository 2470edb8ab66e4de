"""What a conversation holds from one turn to the next."""

from __future__ import annotations

from ha.postgres.messages import CopyData
from ha.postgres.questions import (
    Bind,
    Execute,
    Parse,
    Sync,
)
from ha.test.test_session import SessionCase, rows


class ConversationTests(SessionCase):
    """Answers, portals, the time zone."""

    def test_portals_end_with_their_savepoint(self) -> None:
        """Those opened before it go on."""
        self.query("BEGIN; DECLARE a CURSOR FOR SELECT 1; SAVEPOINT s; DECLARE b CURSOR FOR SELECT 2")
        self.query("ROLLBACK TO s")
        self.assertEqual(self.tags("FETCH a"), ["FETCH 1", "T"])
        self.assertEqual(self.tags("FETCH b"), ["34000", "E"])

    def test_times_in_the_sessions_zone(self) -> None:
        """Kept in UTC; read and shown where the client is, as it was that day."""
        self.query("CREATE TABLE t (a timestamptz)")
        for zone, text, kept, shown in (
            ("Europe/Berlin", b"2026-07-01 12:00:00", "2026-07-01 10:00:00+00:00", b"2026-07-01 12:00:00+02"),
            ("Europe/Berlin", b"2026-01-01 12:00:00", "2026-01-01 11:00:00+00:00", b"2026-01-01 12:00:00+01"),
            ("-3", b"2026-01-01 12:00:00", "2026-01-01 15:00:00+00:00", b"2026-01-01 12:00:00-03"),
            ("UTC", b"2026-01-01 12:00:00+02", "2026-01-01 10:00:00+00:00", b"2026-01-01 10:00:00+00"),
        ):
            self.query(f"DELETE FROM t; SET TimeZone = '{zone}'")
            self.ask(Parse("", "INSERT INTO t VALUES ($1)", (1184,)), Bind("", "", (), (text,)), Execute(""), Sync())
            self.assertEqual(rows(self.query("SELECT a, a || '' FROM t")), [(shown, kept.encode())])
            heard = self.query("COPY t TO STDOUT")
            self.assertEqual([m.data for m in heard if isinstance(m, CopyData)], [shown + b"\n"])

    def test_styles_and_encodings(self) -> None:
        """What is set counts for what comes after it, in text and binary, and for what the client says."""
        self.query("CREATE TABLE t (a text, b date); INSERT INTO t VALUES ('€', '2026-07-01')")
        self.query("SET DateStyle = German; SET client_encoding = LATIN9")
        self.assertEqual(rows(self.query("SELECT a, b FROM t")), [(b"\xa4", b"01.07.2026")])
        heard = self.ask(
            Parse("", "SELECT a, $1::text FROM t WHERE a = $1", (25,)),
            Bind("", "", (1,), (b"\xa4",), (1, 0)), Execute(""), Sync(),
        )  # fmt: skip
        self.assertEqual(rows(heard), [(b"\xa4", b"\xa4")])
        self.query("INSERT INTO t VALUES (chr(26085), null)")
        self.assertEqual(self.tags("SELECT a FROM t WHERE b IS NULL")[-2:], ["22P05", "I"])
        self.query("SET client_encoding = UTF8")
        self.assertEqual(rows(self.query("SELECT a FROM t WHERE b IS NULL")), [("日".encode(),)])

    def test_tags(self) -> None:
        """As PostgreSQL writes them."""
        for text, tag in (
            ("CREATE TABLE t (a integer primary key, b text)", "CREATE TABLE"), ("INSERT INTO t VALUES (1,'x'),(2,'y')", "INSERT 0 2"),
            ("UPDATE t SET b = 'z'", "UPDATE 2"), ("SELECT * FROM t", "SELECT 2"), ("DELETE FROM t WHERE a = 1", "DELETE 1"),
            ("INSERT INTO t VALUES (7, 'r') RETURNING a", "INSERT 0 1"), ("SET application_name = 'x'", "SET"),
            ("SHOW application_name", "SHOW"), ("DROP TABLE t", "DROP TABLE"), ("VALUES (1), (2)", "SELECT 2"),
            ("SELECT 1 WHERE 0", "SELECT 0"),
        ):  # fmt: skip
            self.assertEqual(self.tags(text), [tag, "I"], text)

    def test_notices(self) -> None:
        """Before the tag they belong to."""
        self.assertEqual(self.tags("COMMIT"), ["25P01", "COMMIT", "I"])
