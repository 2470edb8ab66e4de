"""Names and types that are read from a statement's words."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.postgres.pgtypes import of_name
from ha.sql import infer
from ha.sql.statements import split
from ha.test.two_tables import Schema, Source

RECORDED = Path(__file__).parent / "data" / "pgwire" / "column_names_and_oids.json"


class ColumnTests(SynchronousTestCase):
    """What a result is called, and of which type it is."""

    def test_as_postgresql_answered(self) -> None:
        """The recorded answers, but those of plain columns, whose types SQLite knows itself."""
        for recorded in json.loads(RECORDED.read_text()):
            (statement,) = split(recorded["sql"])
            if ".*" in statement.text:
                continue
            sources = [Source(name) for name, _ in recorded["columns"]]
            columns = infer.columns(statement, sources, Schema())
            found = [[column.name, of_name(column.expression or "text")[0]] for column in columns]
            self.assertEqual(found, recorded["columns"], statement.text)

    def test_a_star_leaves_its_columns_to_sqlite(self) -> None:
        """What stands before and after it is known."""
        (statement,) = split("select 1 as a, *, count(*) from users")
        sources = [
            Source("a"),
            Source("id", "INTEGER", "users", "id"),
            Source("name", "text", "users", "name"),
            Source("count(*)"),
        ]
        columns = infer.columns(statement, sources, Schema())
        self.assertEqual([column.name for column in columns], ["a", "id", "name", "count"])
        self.assertEqual([column.expression for column in columns], ["int4", None, None, "int8"])


class ParameterTests(SynchronousTestCase):
    """What a statement wants."""

    @settings(max_examples=200, deadline=None)
    @given(
        st.lists(
            st.sampled_from(
                "select $1 , ( ) [ ] case when end a.b as from users where = in :: int values insert into any between and * '".split()
            ),
            max_size=12,
        )
    )
    def test_word_salad_raises_nothing(self, words: list[str]) -> None:
        """Whatever could be cut into statements can be read."""
        try:
            statements = split(" ".join(words))
        except StatementError:
            return
        for statement in statements:
            infer.parameters(statement, Schema())
            infer.columns(statement, [Source("x")] * 2, Schema())
