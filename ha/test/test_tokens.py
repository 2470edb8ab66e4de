"""Tokens: what both dialects agree on, what each has alone, and what garbage does."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sql.tokens import blanked_comments, literal, quoted, quoted_name, tokenize, unquoted


def pieces(text: str) -> list[tuple[str, str]]:
    """Kind and words of each token."""
    return [(token.kind, text[token.start : token.end]) for token in tokenize(text)]


class TokenTests(SynchronousTestCase):
    """One text, one reading."""

    def test_each_kind(self) -> None:
        """Every kind of token, alone."""
        for text, kind in (
            ("select", "word"),
            ("naïve", "word"),
            ('"a""b"', "quoted"),
            ("`a``b`", "quoted"),
            ("[a b]", "quoted"),
            ("'it''s'", "string"),
            ("E'a\\'b'", "escaped"),
            ("U&'\\0041'", "unicode"),
            ('U&"\\0041"', "unicode_name"),
            ("$$it's$$", "dollar"),
            ("$a$ $$ $a$", "dollar"),
            ("B'101'", "bits"),
            ("x'00ff'", "blob"),
            ("12", "number"),
            ("1_000", "number"),
            (".5e-3", "number"),
            ("0xFF", "number"),
            ("$1", "parameter"),
            ("?", "bind"),
            ("?12", "bind"),
            (":name", "bind"),
            ("@name", "bind"),
            ("$name", "bind"),
            ("->>", "operator"),
            ("::", "operator"),
        ):
            self.assertEqual(pieces(text), [(kind, text)], text)

    def test_key_words_compare_in_upper_case(self) -> None:
        """Unless upper case would make a word of other letters."""
        self.assertEqual([token.key for token in tokenize("Select ıs 'x'")], ["SELECT", "ıs", "'x'"])

    def test_brackets_after_an_operand_are_a_subscript(self) -> None:
        """And a name elsewhere, as in SQLite."""
        for text, words in (
            ("a[1]", ["a", "[", "1", "]"]),
            ("select [a b]", ["select", "[a b]"]),
            ("select a [b]", ["select", "a", "[b]"]),
            ("array[[1],[2]]", ["array", "[", "[", "1", "]", ",", "[", "2", "]", "]"]),
            ("t.[c]", ["t", ".", "[c]"]),
            ("f(x)[1]", ["f", "(", "x", ")", "[", "1", "]"]),
            ("$1::int[]", ["$1", "::", "int", "[", "]"]),
            ("select[a]", ["select", "[a]"]),
        ):
            self.assertEqual([words for _, words in pieces(text)], words, text)

    def test_comments_are_no_tokens(self) -> None:
        """Lines, blocks, blocks in blocks, and a block without end, which SQLite takes."""
        for text in ("a -- b\nc", "a /* b */ c", "a /* /* b */ */ c", "a /* /* b */ c", "a c /* b", "a c -- b"):
            self.assertEqual([words for _, words in pieces(text)], ["a", "c"], text)

    def test_nested_comments_become_blanks(self) -> None:
        """Only those, and nothing moves."""
        self.assertEqual(blanked_comments(" /* a */ /* b /* c */ */ -- d"), " /* a */                 -- d")

    def test_a_literal_without_end_is_a_syntax_error(self) -> None:
        """It says where it begins."""
        for text, position in (("select 'abc", 8), ('select "abc', 8), ("$$a", 1), ("select E'\\'", 8), ("a [b", 3)):
            error = self.assertRaises(StatementError, tokenize, text)
            self.assertEqual((error.sqlstate, error.position), ("42601", position), text)

    def test_nul_is_refused(self) -> None:
        """SQLite would silently stop there."""
        self.assertEqual(self.assertRaises(StatementError, tokenize, "select 1\0; drop table t").sqlstate, "22021")

    def test_literals_mean_what_postgresql_says(self) -> None:
        """Escapes of every kind."""
        for text, value in (
            ("'it''s'", "it's"),
            ("E'a\\n\\t\\x41\\u00e9\\101''\\''", "a\n\tAéA''"),
            ("U&'d\\0061t\\+000061\\\\'", "data\\"),
            ("E'\\ud83d\\ude00'", "😀"),
            ("$x$a$$b$x$", "a$$b"),
            ("12", None),
        ):
            (token,) = tokenize(text)
            self.assertEqual(literal(text, token), value, text)
        for text in ("E'\\ud83d'", "U&'\\+110000'", "E'\\x00'"):
            (token,) = tokenize(text)
            self.assertEqual(self.assertRaises(StatementError, literal, text, token).sqlstate, "22021", text)

    def test_names_fold_as_in_postgresql(self) -> None:
        """Unquoted ones to lower case, quoted ones not at all."""
        for text, name in (
            ("Foo", "foo"),
            ('"Foo""x"', 'Foo"x'),
            ("[Foo]", "Foo"),
            ("`Foo`", "Foo"),
            ('U&"\\0046"', "F"),
        ):
            (token,) = tokenize(text)
            self.assertEqual(unquoted(text, token), name)


class PropertyTests(SynchronousTestCase):
    """Promises over all texts."""

    @settings(max_examples=300, deadline=None)
    @given(st.text(alphabet=st.sampled_from("ab$1'\"[]`/*-\n;:@?#E&U\\x.{}é~|<>= (),0")))
    def test_garbage_raises_nothing_but_statement_errors(self, text: str) -> None:
        """And tokens come in order, without overlapping, with only blanks and comments between."""
        try:
            tokens = tokenize(text)
        except StatementError as error:
            self.assertIn(error.sqlstate, ("42601", "22021"))
            return
        end = 0
        for token in tokens:
            self.assertGreaterEqual(token.start, end)
            self.assertGreater(token.end, token.start)
            gap = text[end : token.start].strip()
            self.assertTrue(not gap or gap.startswith(("--", "/*")), repr(gap))
            end = token.end

    @settings(max_examples=200, deadline=None)
    @given(st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
    def test_quoting_can_be_undone(self, value: str) -> None:
        """Literals and names."""
        (token,) = tokenize(quoted(value))
        self.assertEqual(literal(quoted(value), token), value)
        (token,) = tokenize(quoted_name(value))
        self.assertEqual(unquoted(quoted_name(value), token), value)

    def test_long_hostile_texts_take_linear_time(self) -> None:
        """Unclosed comments, dollars, quotes: a million characters in well under a second each (it would be hours)."""
        for text in (
            "/*" * 100_000,
            "$a" * 100_000,
            "'" + "''" * 200_000 + "'",
            "[" * 100_000 + "]",
            "a" * 500_000,
            "--" * 200_000,
        ):
            try:
                tokenize(text)
            except StatementError:
                pass
