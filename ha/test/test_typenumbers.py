"""Tests of ha.sqlite.typenumbers."""

from __future__ import annotations

from ha.errors import StatementError
from ha.sql import made
from ha.sqlite.typenumbers import TypeNames
from ha.test.test_rebuild import RebuildCase

MOOD = made.number_of("mood")


class TypeNamesTests(RebuildCase):
    """Names to numbers and back."""

    def setUp(self) -> None:
        """Two types made by clients."""
        super().setUp()
        self.run_all("create type mood as enum ('sad')")
        self.run_all('create type "Odd one" as enum ()')
        self.names = TypeNames(self.connection)

    def test_numbers(self) -> None:
        """Of PostgreSQL's own types and of the clients'."""
        for name, oid in (
            ("int4", 23),
            ("integer", 23),
            ("text[]", 1009),
            ("mood", MOOD),
            ("public.mood", MOOD),
            ("mood[]", MOOD + 1),
            ('"Odd one"', made.number_of("Odd one")),
            (25, 25),
            ("25", 25),
            (None, None),
        ):
            self.assertEqual(self.names.pg_regtype(name), oid, name)
        self.assertEqual(self.assertRaises(StatementError, self.names.pg_regtype, "nosuch").sqlstate, "42704")
        self.assertIsNone(self.names.to_regtype_oid("nosuch"))
        self.assertIsNone(self.names.to_regtype("nosuch"))

    def test_names(self) -> None:
        """As SQL writes them."""
        for oid, name in (
            (23, "integer"),
            (MOOD, "mood"),
            (MOOD + 1, "mood[]"),
            (made.number_of("Odd one") + 1, '"Odd one"[]'),
            (made.number_of("gone"), "???"),
            (0, "-"),
        ):
            self.assertEqual(self.names.format_type(oid), name)
        self.assertEqual(self.names.format_type(1043, 24), "character varying(20)")
        self.assertEqual(self.names.pg_regtype_name("mood"), "mood")
        self.assertEqual(self.names.pg_regtypes(f"25 {MOOD}"), '["text", "mood"]')
