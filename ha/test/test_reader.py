"""Reading arguments token by token."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sql.reader import Inner, Reader
from ha.sql.tokens import tokenize


def no_inner(first: int, last: int) -> object:
    """Nothing here has a statement within."""
    raise AssertionError((first, last))


def reader(text: str) -> Reader:
    """Behind the first word of `text`."""
    inner: Inner = no_inner  # type: ignore[assignment]
    return Reader(text, tokenize(text), inner)


class ReaderTests(SynchronousTestCase):
    """What stands next."""

    def test_names_are_folded_unless_quoted(self) -> None:
        one = reader('X Abc "A b" S.T public.u')
        self.assertEqual([one.name(), one.name(), one.qualified(), one.schema], ["abc", "A b", "s.t", "s"])
        self.assertEqual((one.qualified(), one.schema), ("u", None))
        one.end()

    def test_values(self) -> None:
        one = reader("X 'it''s' on -5 \"$user\" \"Mixed\"")
        self.assertEqual([one.value() for _ in range(5)], ["it's", "on", "-5", '"$user"', "Mixed"])

    def test_keys(self) -> None:
        """All of them, or none is stepped over."""
        one = reader("X IF NOT EXISTS t")
        self.assertFalse(one.take("IF", "EXISTS"))
        self.assertTrue(one.take("IF", "NOT", "EXISTS"))
        self.assertEqual((one.one_of("A", "B"), one.key, one.ahead(1)), ("", "T", ""))

    def test_errors_tell_the_place(self) -> None:
        """From 1, in the whole text."""
        for read, text, message, position in (
            (Reader.end, "X y", 'syntax error at or near "y"', 3),
            (Reader.name, "X", "syntax error at end of input", 2),
            (Reader.value, "X )", 'syntax error at or near ")"', 3),
            (Reader.string, "X y", 'syntax error at or near "y"', 3),
            (Reader.type_words, "X (", 'syntax error at or near "("', 3),
        ):
            error = self.assertRaises(StatementError, read, reader(text))
            self.assertEqual((error.message, error.position), (message, position))

    def test_names_and_words_of_types(self) -> None:
        """With their schema, unless it is public; integer has PostgreSQL's width."""
        for text, name in (("X y", "y"), ("X public.y", "y"), ('X s."Y"', "s.Y")):
            self.assertEqual(Reader.type_name(reader(text)), name)
        for text, words in (("X integer", "int4"), ("X s.y[]", '"s.y"[]'), ("X numeric(4,2)", "numeric(4,2)")):
            self.assertEqual(Reader.type_words(reader(text)), words)

    def test_brackets(self) -> None:
        """Where the one that was opened last is closed."""
        one = reader("X (a, (b), c) d")
        self.assertTrue(one.take("("))
        end = one.closing()
        self.assertEqual(one.words(one.at, end), "a, (b), c")
