"""Words that can also be said in many."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sql.statements import client_position, split, with_schema
from ha.sql.tokens import tokenize
from ha.sql.unfolding import unfolded
from ha.test.two_tables import Schema


class UnfoldingTests(SynchronousTestCase):
    """PostgreSQL's text, in PostgreSQL's own words."""

    def test_what_has_no_such_word_stays(self) -> None:
        """The same text, without edits."""
        text = "select name, count(*) from users group by name"
        tokens = tokenize(text)
        self.assertEqual(unfolded(text, tokens, "SELECT", Schema(), ()), (text, tokens, ()))

    def test_one_in_another(self) -> None:
        """Each is unfolded."""
        text = (
            "select name from (select name from users group by rollup(name)) q order by 1 fetch first 1 row with ties"
        )
        made, _, edits = unfolded(text, tokenize(text), "SELECT", Schema(), ())
        self.assertIn("ha_rank", made)
        self.assertIn("ha_sets", made)
        self.assertNotIn("rollup", made)
        self.assertTrue(edits)

    def test_positions(self) -> None:
        """Of errors are those in the client's text, whoever finds them: a rule here, another's, SQLite."""
        for text, at in (
            ("select name, nosuch from users group by rollup(name)", "nosuch"),
            ("select name, email from users group by rollup(name)", "email"),
        ):
            (statement,) = split(text)
            try:
                made = with_schema(statement, Schema())
            except StatementError as error:
                self.assertEqual(error.position, text.index(at) + 1)
            else:
                self.assertEqual(client_position(made, made.sql.index(at)), text.index(at))

    def test_a_text_grows_by_what_it_says(self) -> None:
        """Twice the sets make about twice the text, not its square."""
        sizes = []
        for count in (100, 200):
            text = f"select name from users group by grouping sets ({', '.join(['(name)'] * count)})"
            sizes.append(len(unfolded(text, tokenize(text), "SELECT", Schema(), ())[0]))
        self.assertLess(sizes[1], 2.2 * sizes[0])
