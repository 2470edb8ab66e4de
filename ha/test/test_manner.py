"""What a client's settings mean for how values are written."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.postgres.manner import Charset, Manner, manner_of


class MannerTests(SynchronousTestCase):
    """Four settings, one answer."""

    def test_the_usual_costs_nothing(self) -> None:
        """By whatever names."""
        for zone in ("UTC", "GMT"):
            for encoding in ("UTF8", "SQL_ASCII"):
                self.assertIsNone(manner_of(zone, "ISO, MDY", "postgres", encoding))

    def test_anything_else(self) -> None:
        """Is told."""
        self.assertEqual(manner_of("UTC", "German, DMY", "postgres", "UTF8"), Manner(dates="German", order="DMY"))
        self.assertEqual(manner_of("UTC", "ISO, MDY", "postgres", "UTF8", "escape"), Manner(bytes="escape"))
        self.assertEqual(manner_of("UTC", "ISO, DMY", "postgres", "UTF8"), Manner(order="DMY"))
        self.assertEqual(manner_of("UTC", "ISO, MDY", "iso_8601", "UTF8"), Manner(intervals="iso_8601"))
        self.assertEqual(
            manner_of("UTC", "ISO, MDY", "postgres", "LATIN1"), Manner(charset=Charset("LATIN1", "iso8859-1"))
        )


class CharsetTests(SynchronousTestCase):
    """Texts of a client that does not speak UTF-8."""

    def test_there_and_back(self) -> None:
        """Whole, and in pieces that are cut within a character."""
        charset = Charset("SJIS", "cp932")
        raw = charset.encode("a日本ソ".encode())
        self.assertEqual(raw, "a日本ソ".encode("cp932"))
        self.assertEqual(charset.decode(raw).decode(), "a日本ソ")
        decode = charset.pieces()
        self.assertEqual(b"".join(decode(raw[at : at + 1]) for at in range(len(raw))).decode(), "a日本ソ")

    def test_what_has_no_equivalent(self) -> None:
        """Is refused, never another character."""
        charset = Charset("WIN1252", "cp1252")
        self.assertEqual(self.assertRaises(StatementError, charset.encode, "日".encode()).sqlstate, "22P05")
        self.assertEqual(self.assertRaises(StatementError, charset.decode, b"\x81").sqlstate, "22021")
        self.assertEqual(self.assertRaises(StatementError, charset.pieces(), b"\x81").sqlstate, "22021")
