"""Exact decimals, held against what PostgreSQL 15 answers."""

from __future__ import annotations

from functools import cmp_to_key
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sqlite.decimals import FUNCTIONS, Mean, Sum, compare

_BY_NAME = {(name, count): function for name, count, function in FUNCTIONS}


def call(name: str, *values: Any) -> Any:
    """One function of SQL's."""
    return _BY_NAME.get((name, len(values)), _BY_NAME.get((name, -1)))(*values)  # type: ignore[misc]


class DecimalTests(SynchronousTestCase):
    """Digit by digit as PostgreSQL has them."""

    def test_scales(self) -> None:
        """Each result shows as many digits as PostgreSQL shows."""
        for name, values, expected in (
            ("dec_add", ("0.10", 0.2), "0.30"),
            ("dec_add", ("12345678901234567890.5", 1), "12345678901234567891.5"),
            ("dec_sub", ("1.50", "1.5"), "0.00"),
            ("dec_mul", ("1.10", "2.00"), "2.2000"),
            ("dec_div", (1, "3.0"), "0.33333333333333333333"),
            ("dec_div", ("58783101222834598455514397.2981", "-2.51"), "-23419562240173146795025656.2941"),
            ("dec_div", ("2", "3e10"), "0.0000000000666666666666666667"),
            ("dec_div", ("0.00", 7), "0.00000000000000000000"),
            ("dec_mod", ("-7.50", 2), "-1.50"),
            ("dec_whole", ("-7.5", 2), "-3"),
            ("dec_neg", ("0.00",), "0.00"),
            ("dec_abs", ("-1.50",), "1.50"),
            ("dec_sign", ("-1.50",), "-1"),
            ("dec_round", ("2.675", 2), "2.68"),
            ("dec_round", ("-2.5",), "-3"),
            ("dec_round", ("1250.7", -2), "1300"),
            ("dec_round", ("1.5", 3), "1.500"),
            ("dec_trunc", ("-1.999", 1), "-1.9"),
            ("dec_ceil", ("-0.5",), "0"),
            ("dec_floor", ("-0.5",), "-1"),
            ("dec_sqrt", (2,), "1.414213562373095"),
            ("dec_exp", ("1.0",), "2.7182818284590452"),
            ("dec_ln", (2,), "0.6931471805599453"),
            ("dec_log", (2, 8), "3.0000000000000000"),
            ("dec_pow", (2, "0.5"), "1.4142135623730950"),
            ("dec_pow", ("1.5", 3), "3.3750000000000000"),
            ("dec_pow", ("0.00000001", "1.5"), "0.000000000001000000000000000"),
            ("dec_cast", ("1.5", 10, 3), "1.500"),
            ("dec_cast", (0.1 + 0.2,), "0.3"),
            ("dec_of", (9.5, 2), "9.50"),
            ("dec_units", (1050, 2), "10.50"),
            ("dec_mean", (5, 2), "2.5000000000000000"),
        ):
            self.assertEqual(call(name, *values), expected, (name, values))

    def test_what_is_no_number(self) -> None:
        """NaN and the infinities go through as in PostgreSQL."""
        for name, values, expected in (
            ("dec_add", ("Infinity", "-Infinity"), "NaN"),
            ("dec_mul", ("inf", 0), "NaN"),
            ("dec_div", (1, "Infinity"), "0"),
            ("dec_mod", (5, "-infinity"), "5"),
            ("dec_cast", (" NaN ",), "NaN"),
            ("dec_cast", ("nan", 5, 2), "NaN"),
            ("dec_pow", ("NaN", 0), "1"),
        ):
            self.assertEqual(call(name, *values), expected, (name, values))

    def test_null(self) -> None:
        """NULL in, NULL out."""
        for name, values in (("dec_add", (None, 1)), ("dec_cast", (None, 3, 1)), ("dec_round", ("1", None))):
            self.assertIsNone(call(name, *values))

    def test_refused(self) -> None:
        """What PostgreSQL refuses, with its SQLSTATE."""
        for name, values, sqlstate in (
            ("dec_div", (1, "0.00"), "22012"),
            ("dec_mod", (1, 0), "22012"),
            ("dec_cast", ("1_000",), "22P02"),
            ("dec_cast", ("x",), "22P02"),
            ("dec_cast", ("1e131072",), "22003"),
            ("dec_cast", ("1e-16384",), "22003"),
            ("dec_cast", ("123.45", 4, 2), "22003"),
            ("dec_cast", ("Infinity", 4, 2), "22003"),
            ("dec_mul", ("1e131071", 10), "22003"),
            ("dec_sqrt", ("-1",), "2201F"),
            ("dec_ln", (0,), "2201E"),
            ("dec_pow", ("-8", "0.5"), "2201F"),
            ("dec_pow", (0, -1), "2201F"),
            ("dec_exp", (7000,), "22003"),
            ("dec_integer", ("NaN",), "0A000"),
        ):
            self.assertEqual(self.assertRaises(StatementError, call, name, *values).sqlstate, sqlstate, (name, values))

    def test_integers(self) -> None:
        """Half goes away from zero, unlike a float's."""
        self.assertEqual([call("dec_integer", value) for value in ("2.5", -2.5, 7)], [3, -3, 7])
        self.assertEqual(call("dec_integer", "1e30"), float("inf"))

    def test_beside_what_a_column_holds(self) -> None:
        """A number of more digits is told from every number of a column that it is not equal to."""
        self.assertEqual(call("dec_number", "1.50"), 1.5)
        self.assertEqual(call("dec_number", "9223372036854775807"), 9223372036854775807)
        self.assertGreater(call("dec_number", "0.1000000000000000000001"), 0.1)
        self.assertLess(call("dec_number", "0.0999999999999999999999"), 0.1)
        between = "9007199254740993.5"
        self.assertEqual(
            [call("dec_number", between, way) for way in (-1, 0, 1)], [9007199254740993, b"", 9007199254740994]
        )
        self.assertEqual(call("dec_number", "NaN"), "NaN")

    def test_sums_and_means(self) -> None:
        """Exact, with the largest scale there is; what leaves a window leaves nothing behind."""
        total, mean = Sum(), Mean()
        for value in (0.1, "0.20", 3, None):
            total.step(value)
            mean.step(value)
        self.assertEqual((total.value(), mean.value()), ("3.30", "1.10000000000000000000"))
        total.inverse("0.20")
        self.assertEqual(total.value(), "3.1")
        total.step("Infinity")
        self.assertEqual(total.value(), "Infinity")
        total.inverse("Infinity")
        total.inverse(3)
        self.assertEqual(total.final(), "0.1")
        self.assertIsNone(Sum().final())

    def test_order(self) -> None:
        """By value, NaN after all numbers."""
        texts = ["10", "9.5", "NaN", "-1", "Infinity", "x", "-Infinity"]
        self.assertEqual(
            sorted(texts, key=cmp_to_key(compare)), ["-Infinity", "-1", "9.5", "10", "Infinity", "NaN", "x"]
        )
        self.assertEqual((compare("1.0", "1.00"), compare("1.0", "1.001"), compare("NaN", "nan")), (0, -1, 0))
