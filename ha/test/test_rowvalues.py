"""ROW(…): one value, or several that are compared."""

from __future__ import annotations

from ha.sql.made import Composite
from ha.test.translated import RuleTests
from ha.test.two_tables import POINT


def words(*types: str) -> str:
    """Those of the record that values of these types make."""
    return Composite("", tuple((f"f{at}", name) for at, name in enumerate(types, 1))).words


class RowTests(RuleTests):
    """What SQLite is given for rows."""

    typed = (
        (
            "select row(id, 'x', null) from users",
            f"select pg_row('{words('int8', 'unknown', 'unknown')}', id, 'x', null) from users",
        ),
        ("select row() from users where id = '1'", f"select pg_row('{words()}') from users where id = 1"),
        (
            "select row(row(1), array[1]) from users",
            f"select pg_row('{words(words('int4'), 'int4[]')}', pg_row('{words('int4')}', 1), json_array(1)) from users",
        ),
        ("select count(row(id, 1)) from users", f"select count(pg_row('{words('int8', 'int4')}', id, 1)) from users"),
        # Compared, they are several values.
        ("select 1 from users where row(id, 1) = row(2, 3)", "select 1 from users where (id, 1) = (2, 3)"),
        ("select 1 from users where row(id, 1) < (2, 3)", "select 1 from users where (id, 1) < (2, 3)"),
        (
            "select 1 from users where (id, 1) in (row(2, 3), row(4, 5))",
            "select 1 from users where (id, 1) in ((2, 3), (4, 5))",
        ),
        # Beside a composite value, or cast to its type, they are one.
        (
            "select 1 from places where at = row(1, 'x')",
            f"select 1 from places where at = pg_composite(pg_row('{words('int4', 'unknown')}', 1, 'x'), '{POINT}')",
        ),
        (
            "select (1, null)::pt from users where id = '1'",
            f"select pg_composite(pg_row('{words('int4', 'unknown')}', 1, null), '{POINT}') from users where id = 1",
        ),
        (
            "insert into places values (row(1, 'x'), $1)",
            f"insert into places values (pg_composite(pg_row('{words('int4', 'unknown')}', 1, 'x'), '{POINT}'), "
            f"pg_composite(?1, '_{POINT}'))",
        ),
        (
            "select (at).x, (at).raw from places",
            """select json_extract((at), '$."x"'), pg_bytea(json_extract((at), '$."raw"')) from places""",
        ),
        # Whose columns cannot be counted here.
        ("select row(users.*) = row(users.*) from users", "select (users.*) = (users.*) from users"),
    )
