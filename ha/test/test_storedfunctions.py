"""What calls of functions that clients made become."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sql.edits import back
from ha.sql.storedfunctions import DEPTH_MAX, Argument, Function, expanded

TWICE = Function("twice", (Argument("x", "int4"),), "int4", "SELECT x * 2")
SQUARE = Function("square", (Argument("x", "int4"),), "int4", "SELECT x * x")
PLUS = Function("plus", (Argument("a", "int4"), Argument("b", "int4", "5")), "int4", "SELECT a + b", strict=True)
COUNTED = Function(
    "counted",
    (Argument("who", "text"), Argument("", "int4")),
    "int8",
    "SELECT count(*) FROM t WHERE b = who AND c < $2",
)
SEVEN = Function("seven", (), "int4", "SELECT 7")
FOURTH = Function("fourth", (Argument("x", "int4"),), "int4", "SELECT twice(twice(x))")
ENDLESS = Function("endless", (Argument("x", "int4"),), "int4", "SELECT endless(x)")
KNOWN = {one.name: (one,) for one in (TWICE, SQUARE, PLUS, COUNTED, SEVEN, FOURTH, ENDLESS)}

TABLE = (
    ("SELECT twice(4)", 'SELECT (((4)::int4 * 2))::int4 AS "twice"'),
    ("SELECT 1 + Twice(a) FROM t", "SELECT 1 + (((a)::int4 * 2))::int4 FROM t"),
    ("SELECT a FROM t WHERE public.twice(a) > 1", "SELECT a FROM t WHERE (((a)::int4 * 2))::int4 > 1"),
    ("SELECT fourth(1) AS q", "SELECT (((((((((1)::int4)::int4 * 2))::int4)::int4 * 2))::int4))::int4 AS q"),
    ("SELECT square(a.b), 1 FROM a", 'SELECT (((a.b)::int4 * (a.b)::int4))::int4 AS "square", 1 FROM a'),
    (
        "SELECT square(a + 1) FROM t",
        'SELECT ((SELECT (SELECT x * x) FROM (SELECT (a + 1)::int4 AS "x") AS "square"))::int4 AS "square" FROM t',
    ),
    (
        "SELECT plus(1)",
        'SELECT (CASE WHEN (1)::int4 IS NOT NULL AND (5)::int4 IS NOT NULL THEN (1)::int4 + (5)::int4 END)::int4 AS "plus"',
    ),
    (
        "SELECT counted('x', 3)",
        'SELECT ((SELECT (SELECT count(*) FROM t WHERE b = who AND c < "counted"."$2") FROM'
        ' (SELECT (\'x\')::text AS "who", (3)::int4 AS "$2") AS "counted"))::int8 AS "counted"',
    ),
    ("SELECT 1 + twice(x => a) FROM t", "SELECT 1 + (((a)::int4 * 2))::int4 FROM t"),
    ('SELECT 1 + twice("x" := a = b) FROM t', "SELECT 1 + (((a = b)::int4 * 2))::int4 FROM t"),
    ("SELECT seven(), max(seven())", 'SELECT ((7))::int4 AS "seven", max(((7))::int4)'),
    ("SELECT * FROM seven()", 'SELECT * FROM (SELECT ((7))::int4 AS "seven") AS "seven"'),
    ("SELECT * FROM seven() AS x (c) WHERE c = 7", 'SELECT * FROM (SELECT ((7))::int4 AS "c") AS "x" WHERE c = 7'),
    ("SELECT a FROM t JOIN u ON twice(a) = 2", "SELECT a FROM t JOIN u ON (((a)::int4 * 2))::int4 = 2"),
    ("CREATE INDEX i ON t (twice(a))", "CREATE INDEX i ON t ((((a)::int4 * 2))::int4)"),
    ("SELECT extract(day FROM seven())", "SELECT extract(day FROM ((7))::int4)"),
    (
        "UPDATE t SET a = seven() WHERE b IS DISTINCT FROM seven()",
        "UPDATE t SET a = ((7))::int4 WHERE b IS DISTINCT FROM ((7))::int4",
    ),
)


class ExpandedTests(SynchronousTestCase):
    """A call is written out where it stands."""

    def written(self, text: str) -> str:
        """The statement with its calls written out."""
        found = expanded(text, KNOWN)
        return text if found is None else found[0]

    def test_calls(self) -> None:
        """Each by its example."""
        for text, wanted in TABLE:
            self.assertEqual(self.written(text), wanted, text)

    def test_what_is_no_call(self) -> None:
        """Tables, columns, queries of WITH, functions of other schemas."""
        for text in (
            "SELECT twice, s.twice(1) FROM twice",
            "INSERT INTO twice(a) VALUES (1)",
            "INSERT INTO public.twice(a) VALUES (1)",
            "CREATE TABLE IF NOT EXISTS twice (a int)",
            "CREATE TABLE t (a int REFERENCES twice (b))",
            "CREATE INDEX i ON twice (a)",
            "CREATE INDEX i ON public.twice (a)",
            "WITH twice(a) AS (SELECT 1) SELECT a FROM twice",
            "SELECT 'twice(1)', \"Twice\"(1)",
        ):
            self.assertEqual(self.written(text), text)

    def test_places_are_told_in_the_clients_text(self) -> None:
        """What stands behind a call is where it was."""
        text = "SELECT twice(4), nosuch FROM seven() WHERE wrong"
        found = expanded(text, KNOWN)
        assert found is not None
        for word in ("nosuch", "wrong"):
            self.assertEqual(back(found[1], found[0].index(word), len(text)), text.index(word))
        self.assertEqual(back(found[1], found[0].index("* 2"), len(text)), text.index(", nosuch"))

    def test_refusals(self) -> None:
        """Too few, too many, an aggregate that would be another query's, and no end."""
        for text, sqlstate in (
            ("SELECT twice()", "42883"),
            ("SELECT twice(1, 2)", "42883"),
            ("SELECT square(sum(a)) FROM t", "0A000"),
            ("SELECT twice(y => 1)", "42883"),
            ("SELECT plus(a => 1, 2)", "42601"),
            ("SELECT plus(1, a => 2)", "42883"),
            ("SELECT endless(1)", "54001"),
        ):
            self.assertEqual(self.assertRaises(StatementError, expanded, text, KNOWN).sqlstate, sqlstate, text)
        both = {"twice": (TWICE, TWICE._replace(arguments=(Argument("x", "text"),)))}
        self.assertEqual(self.assertRaises(StatementError, expanded, "SELECT twice(1)", both).sqlstate, "0A000")

    def test_it_does_not_become_endless(self) -> None:
        """A function that calls another twice, which calls another twice …"""
        known = {
            f"f{at}": (Function(f"f{at}", (), "int4", f"SELECT f{at + 1}() + f{at + 1}()"),) for at in range(DEPTH_MAX)
        }
        known[f"f{DEPTH_MAX}"] = (SEVEN._replace(name=f"f{DEPTH_MAX}"),)
        self.assertEqual(self.assertRaises(StatementError, expanded, "SELECT f0()", known).sqlstate, "54001")
