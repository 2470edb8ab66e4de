"""Functions on numbers."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sqlite.mathematics import FUNCTIONS
from ha.test.spoken import Spoken

_BY_NAME = {(name, count): function for name, count, function in FUNCTIONS}


class MathematicsTests(SynchronousTestCase):
    """As PostgreSQL has them."""

    def test_values(self) -> None:
        """Rounded exactly, with the dividend's sign."""
        for name, arguments, expected in (
            ("pg_round", (2.675, 2), 2.68),
            ("pg_round", (1250, -2), 1300),
            ("pg_trunc", (-1.999, 1), -1.9),
            ("pg_round_even", (2.5,), 2.0),
            ("pg_mod", (-7, 3), -1),
            ("pg_mod", (7.5, 2), 1.5),
            ("pg_log", (2, 8), 3.0),
            ("scale", ("1.50",), 2),
        ):
            self.assertEqual(_BY_NAME[name, len(arguments)](*arguments), expected)

    def test_no_value(self) -> None:
        """NULL for NULL, else an error."""
        self.assertIsNone(_BY_NAME["pg_sqrt", 1](None))
        for name, arguments, sqlstate in (
            ("pg_sqrt", (-1,), "2201F"),
            ("pg_ln", (0,), "2201E"),
            ("pg_power", (-8, 0.5), "2201F"),
            ("pg_power", (10, 400), "22003"),
            ("pg_mod", (1, 0), "22012"),
            ("pg_exp", ("x",), "22P02"),
        ):
            error = self.assertRaises(StatementError, _BY_NAME[name, len(arguments)], *arguments)
            self.assertEqual(error.sqlstate, sqlstate)

    def test_counts_and_cotangents(self) -> None:
        """What is NULL among the arguments; no end at zero."""
        spoken = Spoken(self)
        self.assertEqual(
            spoken.rows("select num_nulls(1, null, 'x'), num_nonnulls(null, 2), cot(0)"), [("1", "1", "Infinity")]
        )
        self.assertEqual(spoken.rows("select round(cot(1)::numeric, 6), cot(null)"), [("0.642093", None)])
