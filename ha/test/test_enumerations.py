"""Tests of ha.sqlite.enumerations."""

from __future__ import annotations

from ha.sql.made import Composite, Enumeration
from ha.sqlite import enumerations
from ha.sqlite.enumerations import Use
from ha.test.test_rebuild import RebuildCase

MOOD = Enumeration("mood", ("sad", "o'k"))


class EnumerationTests(RebuildCase):
    """A type is a view of the file."""

    def test_it_is_plain_to_everybody(self) -> None:
        """SQLite alone reads it."""
        for one in (MOOD, Enumeration('My "Type"', ()), Enumeration("odd", (" (place, label) AS VALUES ", "'", "\n"))):
            for text in enumerations.texts(one):
                self.connection.execute(text)
            self.assertEqual(enumerations.types(self.connection)[one.name], one)
        self.assertEqual(self.rows('SELECT * FROM "type mood"'), [(1, "sad"), (2, "o'k")])

    def test_composite_types_are_told_whole(self) -> None:
        """Fields of types that clients made, too, at any depth."""
        point = Composite("s.pt", (("x", "int4"), ("it's", "varchar(20)[]")))
        pair = Composite("pair", (("a", '"s.pt"'), ("b", '"s.pt"[]'), ("m", '"mood"')))
        for text in (*enumerations.texts(MOOD), *enumerations.texts(point), *enumerations.texts(pair)):
            self.connection.execute(text)
        self.assertEqual(self.rows('SELECT * FROM "type s.pt"'), [(1, "x", "int4"), (2, "it's", "varchar(20)[]")])
        self.assertEqual(enumerations.kept(self.connection), {"mood": MOOD, "s.pt": point, "pair": pair})
        whole = Composite("pair", (("a", point.words), ("b", "_" + point.words), ("m", MOOD.words)))
        self.assertEqual(enumerations.types(self.connection), {"mood": MOOD, "s.pt": point, "pair": whole})
        self.assertEqual(enumerations.words_of(self.connection, "s.pt[]"), "_" + point.words)

    def test_it_is_known_while_the_schema_stands(self) -> None:
        """And no longer."""
        self.assertEqual(enumerations.words(self.connection), {})
        self.connection.execute(enumerations.texts(MOOD)[0])
        self.assertEqual(enumerations.words(self.connection), {"mood": MOOD.words})
        for text in enumerations.texts(MOOD._replace(labels=("x",)), instead="mood"):
            self.connection.execute(text)
        self.assertEqual(enumerations.words(self.connection), {"mood": 'enum ["mood", "x"]'})
        self.connection.execute(enumerations.drop("mood"))
        self.assertEqual(enumerations.words(self.connection), {})

    def test_a_clients_view_is_none(self) -> None:
        """Whatever its name."""
        self.connection.execute('CREATE VIEW "type of" AS SELECT 1 AS place')
        self.assertEqual(enumerations.types(self.connection), {})

    def test_columns_are_declared_so(self) -> None:
        """Plainly, or as arrays, in any spelling that SQLite keeps."""
        self.connection.execute(enumerations.texts(MOOD)[0])
        self.connection.execute(
            'CREATE TABLE d (a mood, b "Mood" DEFAULT \'sad\', c mood[], d mood ARRAY[3], e "mood[]", f text)'
        )
        used = enumerations.uses(self.connection, "mood")
        self.assertEqual(
            [(one.column, one.array) for one in used],
            [("a", False), ("b", False), ("c", True), ("d", True), ("e", True)],
        )
        self.assertEqual(used[1], Use("d", "b", False, "'sad'"))
        for words, wanted in (
            ("MOOD", MOOD.words),
            ("mood[][]", "_" + MOOD.words),
            ('"mood"', MOOD.words),
            ("text", None),
            ("moody", None),
            ("", None),
        ):
            self.assertEqual(enumerations.words_of(self.connection, words), wanted, words)
