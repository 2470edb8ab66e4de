"""Tests of ha.sql.made."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.sql import made
from ha.sql.made import Composite, Domain, Enumeration

POINT = Composite("pt", (("x", "int4"), ("y", "int4[]")))
MOOD = Enumeration("mood", ("sad", "o'k", "fröh"))


class WordsTests(SynchronousTestCase):
    """A made type in words that tell all of it."""

    def test_words_come_back(self) -> None:
        """Whatever name and labels hold."""
        for one in (MOOD, Enumeration('My "type"', ()), Enumeration("_x", ("_", '"', "\\"))):
            self.assertEqual(made.enumeration(one.words), one)
            self.assertTrue(made.is_made(one.words))
            self.assertTrue(made.is_made("_" + one.words))
        self.assertIsNone(made.enumeration("_" + MOOD.words))
        for other in ("text", "_int4", "enum", ""):
            self.assertFalse(made.is_made(other))
            self.assertIsNone(made.enumeration(other))

    def test_composite_types(self) -> None:
        """Their fields have words of their own, made types' too; a record has no name."""
        for one in (POINT, POINT._replace(fields=()), Composite("", (("f1", MOOD.words), ("f2", "_" + POINT.words)))):
            self.assertEqual(made.composite(one.words), one)
            self.assertTrue(made.is_made(one.words) and made.is_made("_" + one.words))
            self.assertEqual(made.is_record(one.words), not one.name)
        self.assertIsNone(made.composite(MOOD.words))
        self.assertIsNone(made.enumeration(POINT.words))
        self.assertEqual(made.call("_" + POINT.words)[0], "pg_composite(")
        self.assertEqual(made.call(MOOD.words)[0], "pg_enum(")

    def test_domains(self) -> None:
        """Their conditions, and how a column is declared."""
        one = Domain("d", "numeric(5,2)", True, "'x'", (("c", "VALUE > 0"),))
        self.assertEqual(made.domain(one.words), one)
        self.assertEqual(made.domain(Domain("d", "int4").words), Domain("d", "int4"))
        self.assertIsNone(made.domain(POINT.words))
        self.assertEqual((one.declaration, made.name_in(one.words)), ('numeric "d"(5,2)', "d"))

    def test_a_value_gives_its_place_and_a_place_its_value(self) -> None:
        """In SQLite's own words."""
        self.assertEqual("m".join(MOOD.rank), "CASE m WHEN 'sad' THEN 1 WHEN 'o''k' THEN 2 WHEN 'fröh' THEN 3 END")
        self.assertEqual("n".join(MOOD.ranked), "CASE n WHEN 1 THEN 'sad' WHEN 2 THEN 'o''k' WHEN 3 THEN 'fröh' END")


class NumberTests(SynchronousTestCase):
    """OIDs."""

    def test_they_are_made_of_the_name(self) -> None:
        """Labels come and go; every node shows the same."""
        self.assertEqual(made.number(MOOD.words), 395_964_476)
        self.assertEqual(made.number(MOOD._replace(labels=()).words), made.number_of("mood"))
        self.assertEqual(made.number("_" + MOOD.words), made.number_of("mood") + 1)

    def test_the_words_go_with_the_number(self) -> None:
        """So that what is altered, or another database's, is not taken for the same."""
        oid = made.Oid(POINT.words)
        self.assertEqual((int(oid), oid), (made.number_of("pt"), made.Oid(POINT.words)))
        self.assertNotEqual(oid, made.Oid(POINT._replace(fields=()).words))
        self.assertNotEqual(oid, int(oid))
        self.assertEqual(len({oid, made.Oid(POINT.words), int(oid)}), 2)
        self.assertEqual(int(made.Oid("record []")), made.RECORD_OID)

    def test_they_tell_what_they_number(self) -> None:
        """And are no number of PostgreSQL's own."""
        oid = made.number_of("mood")
        self.assertTrue(made.is_number(oid) and made.is_number(oid + 1))
        self.assertEqual([made.is_array(oid), made.is_array(oid + 1)], [False, True])
        self.assertFalse(any(made.is_number(one) for one in (0, 23, 25, 3807, 16_384, oid + 2)))
        for name in map(str, range(2_000)):
            self.assertTrue(made.is_number(made.number_of(name)), name)
            self.assertLess(made.number_of(name) + 1, 2**31)

    def test_types_are_found_by_name_and_by_number(self) -> None:
        """An array's, too."""
        types = {"mood": MOOD.words, "_odd": 'enum ["_odd"]'}
        self.assertEqual(made.named(types, "mood"), MOOD.words)
        self.assertEqual(made.named(types, "_mood"), "_" + MOOD.words)
        self.assertEqual(made.named(types, "_odd"), 'enum ["_odd"]')
        self.assertIsNone(made.named(types, "odd"))
        for words in (MOOD.words, "_" + MOOD.words):
            self.assertEqual(made.named(types, made.by_number(made.number(words))), words)
        self.assertIsNone(made.named(types, made.by_number(23)))
