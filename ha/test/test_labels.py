"""Tests of ha.sqlite.labels."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sql.made import Enumeration
from ha.sqlite.labels import pg_enum, pg_enum_range

MOOD = Enumeration("mood", ("sad", "ok", "happy")).words


class LabelTests(SynchronousTestCase):
    """A text is a label or refused."""

    def test_labels(self) -> None:
        """And NULL."""
        self.assertEqual(pg_enum("ok", MOOD), "ok")
        self.assertIsNone(pg_enum(None, MOOD))
        for value in ("OK", "", 1, b"okay"):
            error = self.assertRaises(StatementError, pg_enum, value, MOOD)
            self.assertEqual(error.sqlstate, "22P02")
        self.assertEqual(error.message, 'invalid input value for enum mood: "okay"')

    def test_arrays_of_them(self) -> None:
        """In either spelling."""
        self.assertEqual(pg_enum("{ok,NULL,sad}", "_" + MOOD), '["ok",null,"sad"]')
        self.assertEqual(pg_enum('[["ok"],["sad"]]', "_" + MOOD), '[["ok"],["sad"]]')
        self.assertEqual(self.assertRaises(StatementError, pg_enum, "{ok,x}", "_" + MOOD).sqlstate, "22P02")

    def test_ranges(self) -> None:
        """Open where NULL stands."""
        for first, last, wanted in (
            (None, None, '["sad","ok","happy"]'),
            ("ok", None, '["ok","happy"]'),
            (None, "ok", '["sad","ok"]'),
            ("happy", "sad", "[]"),
        ):
            self.assertEqual(pg_enum_range(first, last, MOOD), wanted)
