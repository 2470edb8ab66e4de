"""Names that begin with the database's."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.sql.databasenames import may_begin_with, without_database
from ha.test.clients import BackendCase


class BlankedTests(SynchronousTestCase):
    """The database's own name before a schema's."""

    def test_where_it_can_stand(self) -> None:
        """Every place in the text stays where it was; literals are none of our business."""
        for text, expected in (
            ('select * from "app"."public"."t"', 'select * from       "public"."t"'),
            ("select app.public.t.a from app.s.t", "select     public.t.a from     s.t"),
            ('create index on "app"."s"."t" (a)', 'create index on       "s"."t" (a)'),
            ("select app.t.a from app.t", "select app.t.a from app.t"),
            ("select 'app.public.t', other.public.t.a", "select 'app.public.t', other.public.t.a"),
            ("select 'app.public", "select 'app.public"),
        ):
            self.assertEqual(without_database(text, "app"), expected)

    def test_what_need_not_be_looked_at(self) -> None:
        for text, expected in (
            ("select 1", False),
            ("select app from t", False),
            ("select apple.a, app, app.b", True),
            ('from "app"."s"."t"', True),
        ):
            self.assertEqual(may_begin_with(text, "app"), expected, text)


class StatementTests(BackendCase):
    """Whole statements, of a client of that database."""

    def test_made_written_read_dropped(self) -> None:
        database = self.client.backend.context.database
        self.client.run(f'create table "{database}"."public"."n" (a int)')
        self.client.run(f'insert into "{database}".public.n values (1)')
        self.assertEqual(self.client.rows(f'select n.a from "{database}"."public"."n"'), [(1,)])
        self.assertEqual(self.client.refused("select a from other.public.n"), "42601")
        self.client.run(f'drop table "{database}".public.n')
