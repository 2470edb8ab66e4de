"""Types of parameters, told by their neighbours."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.sql.infer import parameters
from ha.sql.statements import split
from ha.test.two_tables import MOOD, Schema


class WantTests(SynchronousTestCase):
    """What a statement wants."""

    def test_neighbours_tell(self) -> None:
        """Columns, casts, lists, LIMIT; and nothing where nothing does."""
        for text, types in (
            ("select * from users where id = $1 and name like $2 limit $3", ("int8", "text", "int8")),
            ("insert into users(name, email, active) values ($1,$2,$3),($4,$5,$6)", ("text", "varchar", "bool") * 2),
            ("insert into users values ($1,$2,$3,$4,$5)", ("int8", "text", "varchar", "bool", "timestamp")),
            ("insert into users(id, name) select $1, $2", ("int8", "text")),
            ("update users set name = $1, active = $2 where id = $3", ("text", "bool", "int8")),
            (
                "select * from users u where u.id = any($1) and created between $2 and $3",
                ("_int8", "timestamp", "timestamp"),
            ),
            ("select * from people where $1 = any(moods) and moods[1] = $2", (MOOD, MOOD)),
            ("select * from users where $1 = any(select id from users)", (None,)),
            ("select * from users where id in ($1, $2) or $3 < id", ("int8", "int8", "int8")),
            ("select * from users where lower(name) = $1 and count(*) > $2", ("text", "int8")),
            ("select $1::int, $2", ("int4", None)),
            (
                "with r as (select * from (values (1), (2)) as x(a)) select * from r where a in ($1, $2)",
                ("int4", "int4"),
            ),
            ("select * from (values (1, 'x')) as x(a, b) where a = $1 and b = $2", ("int4", "text")),
            ("select * from (select created as c from users) as x where $1 < c", ("timestamp",)),
            ("select 1 from users where email ? $1 = active", (None,)),
            ("delete from users where active = $1", ("bool",)),
            ("select coalesce($1, id) from users", ("int8",)),
        ):
            (statement,) = split(text)
            self.assertEqual(parameters(statement, Schema()), types, text)
