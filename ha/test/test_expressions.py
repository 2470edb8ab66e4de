"""Types of expressions, read from their words."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.sql.expressions import Expressions
from ha.sql.reading import Reading
from ha.test.two_tables import Schema


class TypeTests(SynchronousTestCase):
    """What the schema and the words tell."""

    def test_types(self) -> None:
        """Operators, functions, branches."""
        for text, name in (
            ("select id + 1 from users", "int8"),
            ("select amount * 2 from orders", "numeric"),
            ("select name || 'x' from users", "text"),
            ("select id in (1, 2) from users", "bool"),
            ("select not active from users", "bool"),
            ("select id between 1 and 2 and active from users", "bool"),
            ("select max(created) from users", "timestamp"),
            ("select coalesce(null, id) from users", "int8"),
            ("select case when active then amount end from users, orders", "numeric"),
            ("select u.created - interval '1 day' from users u", "timestamp"),
            ("select day - day from orders", "int4"),
            ("select day + 1 from orders", "date"),
            ("select now()", "timestamptz"),
            ("select array_agg(name) from users", "_text"),
            ("select (array[1,2])[1]", "int4"),
            ("select '{}'::jsonb -> 'a'", "jsonb"),
            ("select exists (select 1)", "bool"),
            ("select (select name from users)", "text"),
            ("select nosuch(1)", None),
            ("select $1", None),
            ("select count(*) > 1", "bool"),
            ("select sqrt(id) from users", "float8"),
            ("select power(2, 0.5)", "numeric"),
            ("select power(2, id) from users", "float8"),
            ("select round(amount) from orders", "numeric"),
            ("select round(2, 1)", "numeric"),
            ("select ceil(1.5::float8)", "float8"),
        ):
            reading = Reading(text)
            (item,) = reading.items()
            self.assertEqual(Expressions(reading, Schema()).type_of(item.first, item.last), name, text)
