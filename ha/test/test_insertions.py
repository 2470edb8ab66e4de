"""Which INSERTs are nothing but parameters."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.sql.insertions import TEXT_MAX, Insertion, plain_insertion


class PlainInsertionTests(SynchronousTestCase):
    """The parts of a text."""

    def test_its_parts(self) -> None:
        """Names with and without quotes, marks with and without numbers, columns or none."""
        for text, parts in (
            ("INSERT INTO t(a, b) VALUES (?, ?)", Insertion("t", ("a", "b"), 2)),
            ("insert into T values(?1,?2,?3);", Insertion("T", (), 3)),
            (' INSERT INTO "a ""b" ("c, d", e)\nVALUES ( ?1 , ?2 ) ', Insertion('a "b', ("c, d", "e"), 2)),
        ):
            self.assertEqual(plain_insertion(text), parts)

    def test_what_says_more(self) -> None:
        """Or less, or the same in another order."""
        for text in (
            "INSERT INTO t(a) VALUES (?), (?)",
            "INSERT INTO t(a) VALUES (?) RETURNING a",
            "INSERT INTO t(a) VALUES (?) ON CONFLICT DO NOTHING",
            "INSERT OR REPLACE INTO t(a) VALUES (?)",
            "REPLACE INTO t(a) VALUES (?)",
            "INSERT INTO t(a, b) VALUES (?, 1)",
            "INSERT INTO t(a, b) VALUES (?2, ?1)",
            "INSERT INTO t(a, b) VALUES (?1, ?1)",
            "INSERT INTO t(a, b) VALUES (?1, ?)",
            "INSERT INTO t(a) VALUES (pg_integer(?1))",
            "INSERT INTO t(a) VALUES (:a)",
            "INSERT INTO temp.t(a) VALUES (?)",
            "INSERT INTO t AS u(a) VALUES (?)",
            "INSERT INTO t DEFAULT VALUES",
            f"INSERT INTO t VALUES ({', '.join('?' * TEXT_MAX)})",
        ):
            self.assertIsNone(plain_insertion(text), text)
