"""What is put into columns is made to fit them."""

from __future__ import annotations

from ha.sql.assignments import fitting_mark
from ha.test.translated import RuleTests

TYPED = (
    # What fits stays as it is.
    (
        "insert into users values (1, 'x', 'short', true, null)",
        "insert into users values (1, 'x', 'short', true, null)",
    ),
    ("insert into orders values (1, 12.5, '2026-01-01')", "insert into orders values (1, 12.5, '2026-01-01')"),
    ("insert into users(id, name) values ($1, $2)", "insert into users(id, name) values (?1, ?2)"),
    ("update users set name = lower(name), id = id + 1", "update users set name = lower(name), id = id + 1"),
    ("update users set email = users.email", "update users set email = users.email"),
    # What may not fit is given to a function.
    ("insert into users(email) values ($1)", "insert into users(email) values (pg_fit_varchar(?1, 50))"),
    ("update users set email = email || 'x'", "update users set email = pg_fit_varchar(email || 'x', 50)"),
    (
        "update users set active = 'no', created = '2026-1-1'",
        "update users set active = 0, created = pg_timestamp('2026-1-1')",
    ),
    ("update orders set amount = amount * 1.5", "update orders set amount = pg_fit_numeric(amount * 1.5, 10, 2)"),
    ("update orders set amount = 1.234", "update orders set amount = pg_fit_numeric(1.234, 10, 2)"),
    (
        "update orders set amount = 1234567890123456.5",
        "update orders set amount = pg_fit_numeric('1234567890123456.5', 10, 2)",
    ),
    ("update users set (email, active) = ($1, 't')", "update users set (email, active) = (pg_fit_varchar(?1, 50), 1)"),
    # Around what other rules put around an operand of it.
    (
        "update orders set amount = id / 3.0",
        "update orders set amount = pg_fit_numeric(CAST(id AS REAL) / 3.0, 10, 2)",
    ),
    ("update users set (name, id) = (default, 1)", "update users set (name, id) = (('nobody'), 1)"),
    ("update users set name = default, id = default", "update users set name = ('nobody'), id = (NULL)"),
    (
        "insert into users(id, email) values (1, 'a') on conflict (id) do update set email = excluded.email || '!'",
        "insert into users(id, email) values (1, 'a') on conflict (id) "
        "do update set email = pg_fit_varchar(excluded.email || '!', 50)",
    ),
    # Queries: each item, or all that they give.
    (
        "insert into orders(id, amount) select id, id / 2 from users",
        "insert into orders(id, amount) select id, pg_fit_numeric(id / 2, 10, 2) from users",
    ),
    (
        "insert into orders(id, amount) select 1, 2 union select 3, 4",
        "insert into orders(id, amount) SELECT pg_integer(ha_0), pg_fit_numeric(ha_1, 10, 2) "
        "FROM (WITH ha_given(ha_0, ha_1) AS (select 1, 2 union select 3, 4) SELECT * FROM ha_given) WHERE true",
    ),
    # Fewer values than columns.
    ("insert into users values (1, 'x')", 'insert into users ("id", "name") values (1, \'x\')'),
    ("insert into users select 1, 'x'", 'insert into users ("id", "name") select 1, \'x\''),
    # Nothing is known of the table.
    ("insert into nosuch values ('1', 2)", "insert into nosuch values ('1', 2)"),
)


class AssignmentTests(RuleTests):
    """Each rule by its example."""

    typed = TYPED

    def test_marks_of_rows_that_have_their_types(self) -> None:
        """Only their sizes are looked at."""
        for words, mark in (
            ("varchar(3)", "pg_fit_varchar(?, 3)"),
            ("char", "pg_fit_bpchar(?)"),
            ("numeric(6,2)", "pg_fit_numeric(?, 6, 2)"),
            ("numeric", "?"),
            ("int", "?"),
            ("text", "?"),
            (None, "?"),
        ):
            self.assertEqual(fitting_mark(words), mark)
