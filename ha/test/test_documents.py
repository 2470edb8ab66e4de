"""JSON made of SQL's values, as PostgreSQL 15 makes it."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.test.spoken import Spoken


class DocumentTests(SynchronousTestCase):
    """What a value is in JSON its type tells."""

    def setUp(self) -> None:
        """Two rows."""
        self.spoken = Spoken(self)
        self.spoken.query("CREATE TABLE t (id int PRIMARY KEY, b bool, x text, d date, ts timestamp, j json, ar int[])")
        self.spoken.query(
            "INSERT INTO t VALUES (1, true, '{\"a\":1}', '2026-01-15', '2026-01-15 10:20:30', '{\"k\": [1, 2]}', '{1,2}'), (2, NULL, NULL, NULL, NULL, NULL, NULL)"
        )

    def answers(self, *pairs: tuple[str, str | None]) -> None:
        """Each expression has this text."""
        for expression, expected in pairs:
            self.assertEqual(self.spoken.rows(f"SELECT {expression} FROM t WHERE id = 1"), [(expected,)], expression)

    def test_objects_and_arrays(self) -> None:
        """Booleans, documents, arrays and times are themselves; a text stays a text, whatever is in it."""
        self.answers(
            (
                "json_build_object('b', b, 'x', x, 'j', j, 'ar', ar)",
                '{"b" : true, "x" : "{\\"a\\":1}", "j" : {"k": [1, 2]}, "ar" : [1,2]}',
            ),
            ("jsonb_build_object('ts', ts, 'b', false)", '{"b": false, "ts": "2026-01-15T10:20:30"}'),
            ("json_build_array(b, null, 1.5, json_build_array(x))", '[true, null, 1.5, ["{\\"a\\":1}"]]'),
            ("to_json(b)", "true"),
            ("to_jsonb(ar)", "[1, 2]"),
            ("to_json(x)", '"{\\"a\\":1}"'),
        )

    def test_aggregates(self) -> None:
        """With DISTINCT, ORDER BY and FILTER."""
        self.assertEqual(
            self.spoken.rows(
                "SELECT json_agg(b ORDER BY id), jsonb_agg(DISTINCT b IS NULL), json_agg(x) FILTER (WHERE b) FROM t"
            ),
            [("[true, null]", "[false, true]", '["{\\"a\\":1}"]')],
        )
        self.assertEqual(
            self.spoken.rows("SELECT json_object_agg(id, b ORDER BY id) FROM t"), [('{ "1" : true, "2" : null }',)]
        )

    def test_rows(self) -> None:
        """A table's name is its row."""
        self.assertEqual(
            self.spoken.rows("SELECT row_to_json(r) FROM (SELECT id, b FROM t ORDER BY id) r"),
            [('{"id":1,"b":true}',), ('{"id":2,"b":null}',)],
        )
        self.answers(("to_jsonb(t) ->> 'b'", "true"))

    def test_at_sqlites_own_door_they_are_sqlites(self) -> None:
        """The schema keeps them, too."""
        self.spoken.query("CREATE VIEW v AS SELECT json_object('b', b) AS o FROM t")
        self.assertEqual(self.spoken.rows("SELECT o FROM v LIMIT 1"), [('{"b":1}',)])

    def test_records(self) -> None:
        """Of columns that are defined behind the alias."""
        self.assertEqual(
            self.spoken.rows(
                'SELECT * FROM json_to_recordset(\'[{"a":1,"b":"x","c":true,"j":{"k":[1]}},{"a":2}]\') AS x(a int8, b text, c bool, j jsonb)'
            ),
            [("1", "x", "t", '{"k": [1]}'), ("2", None, None, None)],
        )
        self.assertEqual(self.spoken.rows('SELECT x.a + 1 FROM json_to_record(\'{"a":"5"}\') x(a int)'), [("6",)])
        self.assertEqual(self.spoken.error('SELECT * FROM json_to_record(\'{"a":"z"}\') x(a int)').sqlstate, "22P02")
        self.answers(("json_object('{a,1}')", '{"a" : "1"}'), ("json_object(array['k'], array['v'])", '{"k" : "v"}'))
