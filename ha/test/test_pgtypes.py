"""Types: what declared words and names mean."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.postgres import pgtypes
from ha.postgres.pgtypes import of_decltype, of_name, of_values
from ha.sql import made
from ha.values import Column


class DecltypeTests(SynchronousTestCase):
    """What a column was declared as is what clients are told."""

    def test_words(self) -> None:
        """With lengths, in any case, of several words."""
        for words, oid, typmod in (
            ("INTEGER", 20, -1), ("int4", 23, -1), ("smallint", 21, -1), ("Double  Precision", 701, -1), ("REAL", 701, -1),
            ("numeric(10,2)", 1700, 655366), ("DECIMAL(5)", 1700, 327684), ("varchar(20)", 1043, 24),
            ("character varying (3)", 1043, 7), ("char(5)", 1042, 9), ("char", 1042, 5), ("boolean", 16, -1), ("BLOB", 17, -1),
            ("timestamp with time zone", 1184, -1), ("timestamp(3) with time zone", 1184, 3), ("datetime", 1114, -1),
            ("time without time zone", 1083, -1), ("uuid", 2950, -1), ("jsonb", 3802, -1), ("integer[]", 1016, -1),
            ("text[][]", 1009, -1), ("numeric(10,2)[]", 1231, 655366), ("varchar [](20)", 1015, 24), ("TEXT(50)", 25, -1), ("_text", 1009, -1),
            ("interval(2)", 1186, 0x7FFF0002), ('interval "day to second"', 1186, 0x1C08FFFF), ("interval year", 1186, 0x4FFFF),
            ('interval "day to second"(3)', 1186, 0x1C080003), ("_varchar(3)", 1015, 7),
            ("MYINTEGER", 20, -1), ("LONGTEXT", 25, -1),
        ):  # fmt: skip
            self.assertEqual(of_decltype(words), (oid, typmod), words)

    def test_words_that_mean_nothing(self) -> None:
        """Then values decide."""
        for words in ("", "ANY", "MONEYBAG", "x(y)", "a b c("):
            self.assertIsNone(of_decltype(words), words)

    def test_names_of_inference(self) -> None:
        """PostgreSQL's names, where ``integer`` is four bytes."""
        self.assertEqual(
            [of_name(name)[0] for name in ("int4", "integer", "text[]", "numeric(10,2)", "nonsense")],
            [23, 23, 1009, 1700, 25],
        )

    def test_types_that_clients_made(self) -> None:
        """By the words that tell all of them, or by their numbers alone."""
        oid = made.number_of("mood")
        for words, number in (('enum ["mood", "ok"]', oid), ('_enum ["mood", "ok"]', oid + 1)):
            wanted = made.Oid(words)
            self.assertEqual((of_decltype(words), of_name(words), int(wanted)), ((wanted, -1), (wanted, -1), number))
        point = made.Oid('composite ["pt", ["x", "int4"]]')
        self.assertEqual(pgtypes.array_of(point), made.Oid("_" + point.words))
        self.assertEqual(
            [pgtypes.is_nested(one) for one in (point, pgtypes.array_of(point), oid, 25, 1009)],
            [True, True, False, False, True],
        )
        plain, array = pgtypes.kind_of(oid), pgtypes.kind_of(oid + 1)
        assert plain is not None and array is not None
        self.assertEqual((plain.array, plain.element, array.element), (oid + 1, 0, oid))
        self.assertIsNone(pgtypes.kind_of(oid + 2))
        self.assertEqual(pgtypes.array_of(oid), oid + 1)

    def test_by_values(self) -> None:
        """One type that fits all of them."""
        for values, oid in (
            ([1, None], 20), ([1, 2.5], 701), (["x", 1], 25), ([b"x", None], 17), ([None], 25), ([], 25), ([b"x", "y"], 25),
        ):  # fmt: skip
            self.assertEqual(of_values(values), oid, values)

    def test_columns(self) -> None:
        """The declared type first, then inference."""
        self.assertEqual(pgtypes.of_column(Column("a", "int4", expression="text")), (23, -1))
        self.assertEqual(pgtypes.of_column(Column("a", None, expression="bool")), (16, -1))
        self.assertIsNone(pgtypes.of_column(Column("a")))
