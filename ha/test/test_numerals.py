"""Numbers as PostgreSQL writes them."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.postgres.numerals import (
    float4_text,
    float_text,
    kept_exactly,
    numeric_binary,
    numeric_from_binary,
    numeric_text,
)


class NumeralTests(SynchronousTestCase):
    """Text, base 10,000, and what can be kept."""

    def test_the_shortest_text(self) -> None:
        """Python's digits in PostgreSQL's writing."""
        for value, text in ((3.0, "3"), (1e15, "1e+15"), (123456789012345.0, "123456789012345"), (-0.0, "-0"), (1e-7, "1e-07"), (0.1, "0.1")):  # fmt: skip
            self.assertEqual(float_text(value), text)
        self.assertEqual([float4_text(value) for value in (0.1, 3.4e38)], ["0.1", "3.4e+38"])

    @given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30))
    def test_base_ten_thousand(self, value: Decimal) -> None:
        """There and back, with all digits."""
        text = f"{value:f}"
        self.assertEqual(Decimal(numeric_from_binary(numeric_binary(text, -1))), value)

    def test_as_many_digits_as_the_column_says(self) -> None:
        """Rounded half away from zero, as PostgreSQL rounds; also more digits than Python's own context has."""
        for value, precision, scale, text in (
            (0.1, 32, 30, "0.1" + 29 * "0"),
            (0.125, 10, 2, "0.13"),
            (-2.5, 10, 0, "-3"),
            ("123456789012345678901234567890.5", 40, 3, "123456789012345678901234567890.500"),
        ):
            self.assertEqual(numeric_text(value, (precision << 16 | scale) + 4), text)

    def test_what_can_be_kept(self) -> None:
        """The same number, or an error."""
        self.assertEqual([kept_exactly(text) for text in ("1.50", "100", "-0.1", "NaN")], [1.5, 100, -0.1, "NaN"])
        self.assertEqual(self.assertRaises(StatementError, kept_exactly, "12345678901234567.89").sqlstate, "22003")
