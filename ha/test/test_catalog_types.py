"""Tests of ha.sqlite.catalog_types."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.sqlite import catalog_types


class TypeTests(SynchronousTestCase):
    """Declared words as PostgreSQL's types."""

    def test_arrays_of_what_is_narrower_to_postgresql(self) -> None:
        for words, expected in (
            ("INTEGER[]", 1007),
            ("int [3][]", 1007),
            ("real[]", 1021),
            ("bigint[]", 1016),
            ("INTEGER", 23),
        ):
            self.assertEqual(catalog_types.type_of(words)[0], expected, words)

    def test_words_and_modifiers(self) -> None:
        self.assertEqual(catalog_types.type_of("varchar(20)"), (1043, 24))
        self.assertEqual(catalog_types.type_of("boolean")[0], 16)
        self.assertEqual(catalog_types.type_of("numeric(10,2)")[0], 1700)
        for words in ("interval", "interval day to second", "interval second(2)", "interval(3)"):
            shown = words.replace("day to second", '"day to second"')
            self.assertEqual(catalog_types.spoken_type(*catalog_types.type_of(shown)), words)
