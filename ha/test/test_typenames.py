"""Names of types, written and declared."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.sql.tokens import tokenize
from ha.sql.typenames import declared, narrowed, read_type


class TypeNameTests(SynchronousTestCase):
    """What words mean which type."""

    def test_written_types(self) -> None:
        """All of a name's words are read, and no more."""
        for text, name, modifiers in (
            ("int", "int4", ()),
            ("double precision", "float8", ()),
            ("character varying(20)", "varchar", (20,)),
            ("numeric(10, 2)", "numeric", (10, 2)),
            ("timestamp(3) with time zone", "timestamptz", (3,)),
            ("timestamp without time zone", "timestamp", ()),
            ("pg_catalog.regclass", "regclass", ()),
            ("varchar(20)[]", "_varchar", (20,)),
            ("varchar[](20)", "_varchar", (20,)),
            ('"char"', "char", ()),
            ("text[]", "_text", ()),
            ("integer array", "_int4", ()),
            ("interval day to second", "interval", ()),
            ('interval "day to second"(3)', "interval", (3,)),
        ):
            tokens = tokenize(text + " , x")
            found, after = read_type(text, tokens, 0)
            assert found is not None
            self.assertEqual((found.name, found.modifiers, tokens[after].key), (name, modifiers, ","), text)
        self.assertEqual(read_type("1", tokenize("1"), 0), (None, 0))

    def test_declared_types(self) -> None:
        """SQLite's INTEGER has 64 bits; unknown words go by its rules of affinity."""
        for words, name in (
            ("INTEGER", "int8"),
            ("int4", "int4"),
            ("REAL", "float8"),
            ("varchar(20)", "varchar"),
            ("DATETIME", "timestamp"),
            ("UNSIGNED BIG INT", "int8"),
            ("int[]", "_int8"),
            ("NATIVE CHARACTER(70)", "text"),
            ("ANY", None),
            ("", None),
            ("'", None),
        ):
            self.assertEqual(declared(words), name, words)

    def test_integers_as_postgresql_means_them(self) -> None:
        """Only what SQLite made wider becomes narrow."""
        for words, narrow in (
            ("INTEGER", "int4"), ("int", "int4"), ("integer[]", "int4[]"), ("bigint", "bigint"), ("UNSIGNED BIG INT", "UNSIGNED BIG INT"),
            ("smallint", "smallint"), ("text", "text"), ("", ""),
        ):  # fmt: skip
            self.assertEqual(narrowed(words), narrow)
