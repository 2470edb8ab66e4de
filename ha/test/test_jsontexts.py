"""JSON in json's and in jsonb's writing."""

from __future__ import annotations

from datetime import UTC

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sqlite import jsontexts


class FragmentTests(SynchronousTestCase):
    """A value's JSON text, by its letter."""

    def test_each_letter(self) -> None:
        """NULL is null whatever it is."""
        for letter, value, expected in (
            ("b", 1, "true"),
            ("j", '{"a": 1}', '{"a": 1}'),
            ("a", "{1,NULL}", "[1,null]"),
            ("x", "{t,f}", "[true,false]"),
            ("t", "2026-01-02 03:04:05", '"2026-01-02T03:04:05"'),
            ("z", "2026-01-02 03:04:05+00:00", '"2026-01-02T03:04:05+00:00"'),
            ("n", 2.0, "2"),
            ("s", "1", '"1"'),
            ("u", 1, "1"),
            ("u", "1", '"1"'),
            ("t", "/9956 BC 0044-03-15", '"0044-03-15 BC"'),
            ("t", "/9956 BC 0044-03-15 01:02:03", '"0044-03-15T01:02:03 BC"'),
            ("c", '["Y0012345-01-02",null]', '["12345-01-02",null]'),
            ("y", '["2026-01-02 03:04:05+00:00"]', '["2026-01-02T03:04:05+00:00"]'),
            ("e", '["/9956 BC 0044-03-15",)', '"[\\"0044-03-15 BC\\",)"'),
            ("r", '["2026-01-02 03:04:05+00:00",)', '"[\\"2026-01-02 03:04:05+00\\",)"'),
        ):
            self.assertEqual(jsontexts.fragment(letter, value, lambda: UTC), expected)
            self.assertEqual(jsontexts.fragment(letter, None, lambda: UTC), "null")


class OperatorTests(SynchronousTestCase):
    """jsonb's."""

    def test_joined_and_taken_away(self) -> None:
        """Objects, lists, scalars."""
        self.assertEqual(jsontexts.concat('{"b":1}', '{"a":2,"b":3}'), '{"a": 2, "b": 3}')
        self.assertEqual(jsontexts.concat("[1]", '{"a":2}'), '[1, {"a": 2}]')
        self.assertEqual(jsontexts.delete('["a","b"]', "a"), '["b"]')
        self.assertEqual(jsontexts.delete('{"a":1,"b":2}', "{a}"), '{"b": 2}')
        self.assertEqual(jsontexts.delete_path('{"a":{"b":1,"c":2}}', "{a,b}"), '{"a": {"c": 2}}')
        self.assertRaises(StatementError, jsontexts.delete, "1", "a")

    def test_members(self) -> None:
        """By name or place; what is not there is NULL."""
        self.assertEqual(jsontexts.get('{"a":[1]}', "a"), "[1]")
        self.assertEqual(jsontexts.get_text('{"a":true}', "a"), "true")
        self.assertEqual(jsontexts.get_text("[1,2.50]", -1), "2.50")
        self.assertIsNone(jsontexts.get('{"a":1}', 0))
        self.assertIsNone(jsontexts.get_text('{"a":null}', "a"))

    def test_written_out(self) -> None:
        """jsonb_pretty and jsonb_insert."""
        self.assertEqual(jsontexts.pretty('{"a":[1],"b":{}}'), '{\n    "a": [\n        1\n    ],\n    "b": {\n    }\n}')
        self.assertEqual(jsontexts.insert("[1,2]", "{0}", "9", 1), "[1, 9, 2]")
        self.assertEqual(jsontexts.object_of("{a,1}"), '{"a" : "1"}')
