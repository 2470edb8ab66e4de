"""What the schema tells of a statement's operands."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.sql.tokens import tokenize
from ha.sql.typed import Types
from ha.test.two_tables import Schema


class TypesTests(SynchronousTestCase):
    """Of operands, of literals beside them, of columns."""

    def test_a_name_is_looked_up_where_it_stands(self) -> None:
        """In its own query first, then in those around it; never in one beside it."""
        for text, type_name in (
            ("select day from orders", "date"),
            ("select 1 from users where exists (select 1 from orders where day is null)", "date"),
            ("select (select day) from orders", "date"),
            ("select day from users where id in (select id from orders)", None),
            ("with o as (select 'x' as day from orders) select 1 from o where o.id = 1 and day is null", "text"),
            ("update orders set amount = 1 where day is null", "date"),
        ):
            at = text.rindex("day")
            tokens = tokenize(text)
            index = next(index for index, token in enumerate(tokens) if token.start == at)
            self.assertEqual(Types(text, tokens, Schema()).of(index, index), type_name, text)

    def test_a_columns_declaration(self) -> None:
        """With its modifiers."""
        column = Types("select 1", tokenize("select 1"), Schema()).column("orders", "amount")
        assert column is not None
        self.assertEqual((column.name, column.modifiers), ("numeric", (10, 2)))
