"""Tests of ha.sqlite.typeviews."""

from __future__ import annotations

from ha.sql.made import Composite, Domain, Enumeration
from ha.sqlite import typeviews
from ha.sqlite.typeviews import Use
from ha.test.test_rebuild import RebuildCase

POINT_WORDS = '_composite ["pt", ["a", "int4[]"], ["b", "_enum [\\"x\\"]"]]'
MOOD = Enumeration("mood", ("sad", "o'k"))


class EnumerationTests(RebuildCase):
    """A type is a view of the file."""

    def test_it_is_plain_to_everybody(self) -> None:
        """SQLite alone reads it."""
        for one in (MOOD, Enumeration('My "Type"', ()), Enumeration("odd", (" (place, label) AS VALUES ", "'", "\n"))):
            for text in typeviews.texts(one):
                self.connection.execute(text)
            self.assertEqual(typeviews.types(self.connection)[one.name], one)
        self.assertEqual(self.rows('SELECT * FROM "type mood"'), [(1, "sad"), (2, "o'k")])

    def test_composite_types_are_told_whole(self) -> None:
        """Fields of types that clients made, too, at any depth."""
        point = Composite("s.pt", (("x", "int4"), ("it's", "varchar(20)[]")))
        pair = Composite("pair", (("a", '"s.pt"'), ("b", '"s.pt"[]'), ("m", '"mood"')))
        for text in (*typeviews.texts(MOOD), *typeviews.texts(point), *typeviews.texts(pair)):
            self.connection.execute(text)
        self.assertEqual(self.rows('SELECT * FROM "type s.pt"'), [(1, "x", "int4"), (2, "it's", "varchar(20)[]")])
        self.assertEqual(typeviews.kept(self.connection), {"mood": MOOD, "s.pt": point, "pair": pair})
        whole = Composite("pair", (("a", point.words), ("b", "_" + point.words), ("m", MOOD.words)))
        self.assertEqual(typeviews.types(self.connection), {"mood": MOOD, "s.pt": point, "pair": whole})
        self.assertEqual(typeviews.words_of(self.connection, "s.pt[]"), "_" + point.words)

    def test_domains_are_what_their_type_is(self) -> None:
        """A column is declared so behind its type; SQLite gives it the type's affinity."""
        age = Domain("age", "int4", checks=(("c", "VALUE > 0"), ("d", "VALUE < 9")))
        label = Domain("s.My label", "varchar(20)", True, "'x'")
        for one in (age, label):
            self.connection.execute(typeviews.texts(one)[0])
        self.assertEqual(typeviews.kept(self.connection), {"age": age, "s.My label": label})
        self.connection.execute(f"CREATE TABLE t (a {age.declaration}, l {label.declaration}, m text)")
        self.connection.execute("INSERT INTO t VALUES ('1', 2, 3)")
        self.assertEqual(self.rows("SELECT * FROM t"), [(1, "2", "3")])
        for words, one in (
            ("int4 age", None),
            (age.declaration, age),
            ("age", age),
            (label.declaration, label),
            ('int8 "age"', None),
        ):
            self.assertEqual(typeviews.domain_of(self.connection, words), one, words)
        self.assertEqual(typeviews.words_of(self.connection, label.declaration), "varchar(20)")
        self.assertEqual([use.column for use in typeviews.uses(self.connection, "age")], ["a"])

    def test_it_is_known_while_the_schema_stands(self) -> None:
        """And no longer."""
        self.assertEqual(typeviews.words(self.connection), {})
        self.connection.execute(typeviews.texts(MOOD)[0])
        self.assertEqual(typeviews.words(self.connection), {"mood": MOOD.words})
        for text in typeviews.texts(MOOD._replace(labels=("x",)), instead="mood"):
            self.connection.execute(text)
        self.assertEqual(typeviews.words(self.connection), {"mood": 'enum ["mood", "x"]'})
        self.connection.execute(typeviews.drop("mood"))
        self.assertEqual(typeviews.words(self.connection), {})

    def test_a_clients_view_is_none(self) -> None:
        """Whatever its name."""
        self.connection.execute('CREATE VIEW "type of" AS SELECT 1 AS place')
        self.assertEqual(typeviews.types(self.connection), {})

    def test_columns_are_declared_so(self) -> None:
        """Plainly, or as arrays, in any spelling that SQLite keeps."""
        self.connection.execute(typeviews.texts(MOOD)[0])
        self.connection.execute(
            'CREATE TABLE d (a mood, b "Mood" DEFAULT \'sad\', c mood[], d mood ARRAY[3], e "mood[]", f text)'
        )
        used = typeviews.uses(self.connection, "mood")
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
            self.assertEqual(typeviews.words_of(self.connection, words), wanted, words)
