"""Encodings by name."""

from __future__ import annotations

import codecs

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sql.encodings import CODECS, encoding_of, no_equivalent, wrong_bytes


class EncodingNameTests(SynchronousTestCase):
    """PostgreSQL takes a name in many spellings."""

    def test_spellings(self) -> None:
        """Letters and digits count."""
        for name, found in (
            ("utf-8", "UTF8"), ("UNICODE", "UTF8"), ("sql_ascii", "SQL_ASCII"), ("latin1", "LATIN1"), ("iso-8859-15", "LATIN9"),
            ("iso_8859_5", "ISO_8859_5"), ("Windows-1252", "WIN1252"), ("win1252", "WIN1252"), ("euc-jp", "EUC_JP"), ("sjis", "SJIS"),
            ("win949", "UHC"), ("mskanji", "SJIS"), ("nosuch", None), ("", None),
        ):  # fmt: skip
            self.assertEqual(encoding_of(name), found, name)

    def test_every_codec_is_pythons_and_begins_with_ascii(self) -> None:
        """What is ASCII need not be converted."""
        text = "".join(map(chr, range(128)))
        for name, codec in CODECS.items():
            self.assertEqual(encoding_of(name), name)
            if codec is not None:
                plain = text.translate({ord("\\"): None, ord("~"): None}) if "2004" in name or name == "JOHAB" else text
                self.assertEqual(codecs.encode(plain, codec), plain.encode(), name)

    def test_what_cannot_be_converted(self) -> None:
        """There, unknown encodings are told from those that are not spoken."""
        self.assertEqual(self.assertRaises(StatementError, encoding_of, "EUC_TW").sqlstate, "0A000")
        self.assertEqual(no_equivalent("LATIN1", "€").sqlstate, "22P05")
        self.assertIn("0xe2 0x82 0xac", no_equivalent("LATIN1", "€").message)
        self.assertEqual(wrong_bytes("UTF8", b"a\xff", 1), 'invalid byte sequence for encoding "UTF8": 0xff')
