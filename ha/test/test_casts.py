"""Casts: a value as another type, or an error."""

from __future__ import annotations

from ha.test.test_functions import FunctionCase


class CastTests(FunctionCase):
    """``value::type``."""

    def test_what_fits(self) -> None:
        """PostgreSQL's answers."""
        self.answers(
            (
                ("'42'::int", 42),
                ("2.5::int", 2),
                ("3.5::int8", 4),
                ("1::float8", 1.0),
                ("'Infinity'::float8", float("inf")),
                ("'1.255'::numeric(10,2)", 1.26),
                ("1.50::numeric(10,2)", 1.5),
                ("'12345678901234567.89'::numeric", "12345678901234567.89"),
                ("'t'::bool", 1),
                ("'off'::bool", 0),
                ("false::int", 0),
                ("true::text", "true"),
                ("'A0EEBC999C0B4EF8BB6D6BB9BD380A11'::uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
                ('\'{"bb":1, "a":2, "a":3}\'::jsonb', '{"a": 3, "bb": 1}'),
                ("'{\"b\":1}'::json", '{"b":1}'),
                ("'\\x00ff'::bytea", b"\x00\xff"),
                ("E'a\\\\134b'::bytea", b"a\\b"),
                ("'abcdef'::varchar(3)", "abc"),
                ("'a'::char(3)", "a  "),
                ("null::int", None),
                ("'{1,2,NULL}'::int[]", "[1,2,null]"),
            )
        )

    def test_what_columns_keep(self) -> None:
        """The functions around what is assigned: the value, fitted; else PostgreSQL's code."""
        self.answers(
            (
                ("pg_fit_varchar('abc', 3)", "abc"),
                ("pg_fit_varchar('abc   ', 4)", "abc "),
                ("pg_fit_varchar(12, 3)", 12),
                ("pg_fit_bpchar('ab  ', 2)", "ab"),
                ("pg_fit_numeric(0.3 * 1.1)", 0.33),
                ("pg_fit_numeric('12.345', 6, 2)", 12.35),
                ("pg_fit_numeric('9007199254740993')", 9007199254740993),
                ("pg_integer(2.0)", 2),
                ("pg_fit_json('[1.0]')", "[1.0]"),
                ("pg_fit_json('1.5')", "1.5"),
                ("pg_fit_json('\"1.0\"')", '"1.0"'),
                ("pg_fit_varchar(null, 1)", None),
                ("pg_fit_json(null)", None),
            )
        )
        self.refused(
            (
                ("pg_fit_varchar('abcd', 3)", "22001"),
                ("pg_fit_bpchar('abc', 2)", "22001"),
                ("pg_fit_numeric('12345678901234567.89')", "22003"),
                ("pg_fit_numeric(12345.6, 6, 2)", "22003"),
                ("pg_integer('x')", "22P02"),
                ("pg_fit_json('1.0')", "22003"),
                ("pg_fit_json('1e5')", "22003"),
                ("pg_fit_json('{')", "22P02"),
            )
        )

    def test_what_does_not(self) -> None:
        """PostgreSQL's codes."""
        self.refused(
            (
                ("'a'::int", "22P02"),
                ("9999999999::int4", "22003"),
                ("'99999999999999999999'::int8", "22003"),
                ("1e30::int8", "22003"),
                ("'x'::bool", "22P02"),
                ("'x'::uuid", "22P02"),
                ("''::json", "22P02"),
                ("'NaN'::float8", "0A000"),
                ("'1e9999'::numeric", "22003"),
                ("123.4::numeric(4,2)", "22003"),
                ("'\\xzz'::bytea", "22023"),
                ("'{1'::int[]", "22P02"),
            )
        )
