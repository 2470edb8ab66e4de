"""Functions on text and numbers, and regular expressions."""

from __future__ import annotations

from ha.test.test_functions import FunctionCase


class TextTests(FunctionCase):
    """PostgreSQL's answers."""

    def test_text(self) -> None:
        """From left to overlay."""
        self.answers(
            (
                ("left('abc', 2)", "ab"),
                ("left('abc', -1)", "ab"),
                ("right('abc', 2)", "bc"),
                ("right('abc', 0)", ""),
                ("lpad('7', 3, '0')", "007"),
                ("rpad('abc', 2)", "ab"),
                ("split_part('a,b', ',', 2)", "b"),
                ("split_part('a,b,c', ',', -1)", "c"),
                ("initcap('ab cd')", "Ab Cd"),
                ("translate('12345', '143', 'ax')", "a2x5"),
                ("strpos('abc', 'c')", 3),
                ("position('b' in 'abc')", 2),
                ("trim(leading 'x' from 'xxa')", "a"),
                ("substring('abcdef' from 2 for 3)", "bcd"),
                ("overlay('abcd' placing 'x' from 2 for 2)", "axd"),
                ("reverse('abc')", "cba"),
                ("char_length('é')", 1),
                ("chr(233)", "é"),
                ("md5('x')", "9dd4e461268c8034f5c8564e155c67a6"),
                ("quote_ident('A b')", '"A b"'),
                ("quote_ident('select')", '"select"'),
                ("quote_ident('ok_1')", "ok_1"),
                ("format('%I=%L', 'A', null)", '"A"=NULL'),
                ("encode('\\xff00'::bytea, 'hex')", "ff00"),
                ("decode('ff00', 'hex')", b"\xff\x00"),
                ("left(null, 1)", None),
            )
        )

    def test_numbers(self) -> None:
        """greatest to to_char."""
        self.answers(
            (
                ("greatest(1, null, 3)", 3),
                ("least('b', 'a')", "a"),
                ("div(7, 2)", 3),
                ("to_hex(255)", "ff"),
                ("to_char(12345.678, 'FM999,990.00')", "12,345.68"),
                ("to_char(7, '000')", " 007"),
                ("to_char(-1.5, '990.0')", "  -1.5"),
                ("2 ^ 10", 1024.0),
            )
        )
        self.refused((("div(1, 0)", "22012"), ("factorial(21)", "22003")))

    def test_nothing_grows_without_bound(self) -> None:
        """A result that SQLite would refuse is not made first."""
        self.refused((("repeat('x', 1000000000)", "54000"), ("lpad('x', 1000000000)", "54000")))
