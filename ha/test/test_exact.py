"""Which numerics are computed digit by digit, and that nothing else is touched."""

from __future__ import annotations

from ha.sql.statements import split, with_schema
from ha.test.spoken import Spoken
from ha.test.translated import RuleTests
from ha.test.two_tables import Schema

TYPED = (
    # Items of the result.
    ("select 1.50", "select '1.50'"),
    ("select amount * 1.1 from orders", "select dec_mul(dec_of(amount, 2), '1.1') from orders"),
    ("select -amount, +1.5 from orders", "select dec_neg(dec_of(amount, 2)), dec_of('1.5') from orders"),
    ("select id + 1, amount from orders where id > 2 - 1", "select id + 1, amount from orders where id > 2 - 1"),
    ("select '1'::numeric(5,2)::text", "select CAST(pg_shown(dec_cast('1', 5, 2), 'numeric') AS TEXT)"),
    ("select coalesce(amount, 0) from orders", "select coalesce( dec_of(dec_of(amount, 2)), dec_of(0)) from orders"),
    (
        "select greatest(amount * 2, 1.5) from orders",
        "select pg_most('pg_numeric', dec_mul(dec_of(amount, 2), 2), '1.5') from orders",
    ),
    (
        "select (select amount * 2 from orders limit 1)",
        "select (select dec_mul(dec_of(amount, 2), 2) from orders limit 1)",
    ),
    (
        "select amount::int, 2.5::int from orders",
        "select pg_int4(dec_integer(amount)), pg_int4(dec_integer('2.5')) from orders",
    ),
    ("select 'nan'::float8", "select pg_float_or_nan('nan')"),
    (
        "select 'x' || amount * 2 || id, concat(amount, 1.50), id || 'x' from orders",
        "select 'x' || (pg_shown(dec_mul(dec_of(amount, 2) , 2), 'numeric')) || id, "
        "concat(pg_put(dec_of(amount, 2), 'numeric'),pg_put( '1.50', 'numeric')), id || 'x' from orders",
    ),
    # Aggregates.
    (
        "select sum(amount), max(amount) from orders",
        "select dec_units(sum(CAST(round(amount * 1e2) AS INTEGER)), 2), dec_of(max(amount), 2) from orders",
    ),
    ("select avg(amount) from orders", "select dec_avg(dec_of(amount, 2)) from orders"),
    ("select avg(id), sum(id) from orders", "select dec_mean(sum(id), count(id)), sum(id) from orders"),
    # What is sorted, grouped, compared.
    (
        "select amount * 2 as twice from orders order by twice",
        "select dec_mul(dec_of(amount, 2), 2) as twice from orders order by twice COLLATE pg_numeric NULLS LAST",
    ),
    (
        "select id from orders where amount > 12.5 and amount = 2 * 1.5",
        "select id from orders where amount > 12.5 and amount = dec_number(dec_mul(2, '1.5'))",
    ),
    (
        "select id from orders where amount * 1.1 < 5",
        "select id from orders where dec_mul(dec_of(amount, 2), '1.1' COLLATE pg_numeric) < dec_of(5)",
    ),
    (
        "select id from orders where amount between 1.5 * 2 and 4 * 1.5",
        "select id from orders where amount between dec_number(dec_mul('1.5', 2), 1) and dec_number(dec_mul(4, '1.5'), -1)",
    ),
    (
        "select 1.5 union select id from users",
        "select '1.5' COLLATE pg_numeric union select dec_of(id COLLATE pg_numeric)from users",
    ),
    # Parameters: with all their digits where that is asked, as numbers elsewhere.
    ("select $1::numeric, amount = $1 from orders", "select dec_cast(?1), amount = pg_fit_numeric(?1) from orders"),
    # Elsewhere they stay what SQLite computes.
    ("select f(amount * 1.5) from orders", "select f(amount * 1.5) from orders"),
    ("update orders set amount = amount * 2", "update orders set amount = pg_fit_numeric(amount * 2, 10, 2)"),
)


class ExactTests(RuleTests):
    """Each case by its example."""

    typed = TYPED

    def test_parameters_that_keep_their_digits(self) -> None:
        """The statement says which."""
        (statement,) = split("select $1::numeric, $2::int, amount + $3 from orders")
        self.assertEqual(sorted(with_schema(statement, Schema()).exact), [1, 3])
        (statement,) = split("select pg_typeof($1), amount * 2, $1::int from orders")
        self.assertEqual(sorted(with_schema(statement, Schema()).exact), [])

    def test_values(self) -> None:
        """What comes out of a whole node, as PostgreSQL 15 answers."""
        spoken = Spoken(self)
        spoken.query("create table t(id int primary key, p numeric(10,2), n numeric)")
        spoken.query("insert into t values (1, 0.1, 0.3), (2, 9.5, 100), (3, null, 2.5), (4, 0.3, null)")
        for text, rows in (
            (
                "select 123456789012345678901234567890.5, 1e3, -0.00",
                [("123456789012345678901234567890.5", "1000", "0.00")],
            ),
            ("select id from t where p * 3 = 0.3 or p * 3 = 28.50 order by id", [("1",), ("2",)]),
            ("select id from t where p = 0.1 * 3", [("4",)]),
            ("select id from t where p in (0.1 * 1.0, 19.0 / 2) order by p desc", [("2",), ("1",)]),
            ("select sum(p), avg(p), sum(n), max(p * 2) from t", [("9.90", "3.3000000000000000", "102.8", "19.00")]),
            ("select sum(p) over (order by id) from t order by id", [("0.10",), ("9.60",), ("9.60",), ("9.90",)]),
            (
                "select p * 1.0 as x, count(*) from t group by x order by x",
                [("0.100", "1"), ("0.300", "1"), ("9.500", "1"), (None, "1")],
            ),
            (
                "select p || 'x' || p + 1 || 'y', 1 / 4.0 || '' from t where id = 1",
                [("0.10x1.10y", "0.25000000000000000000")],
            ),
            ("select distinct p * 0 from t order by 1", [("0.00",), (None,)]),
            ("select case when n > 50 then n else p end from t order by id", [("0.10",), ("100",), (None,), ("0.30",)]),
            ("select nullif(1.50, 1.5), 10::numeric > 9::numeric, 'NaN'::numeric > 1e300", [(None, "t", "t")]),
            ("select 1.50 union all select 10 union all select 9.5 order by 1", [("1.50",), ("9.5",), ("10",)]),
            ("select 'NaN'::float8, 'NaN'::numeric, array['nan'::float8, 1.5::float8]", [("NaN", "NaN", "{NaN,1.5}")]),
            ("select 'NaN'::float8 = 'nan'::float8, 'NaN'::float8 > 1e300::float8", [("t", "t")]),
        ):
            self.assertEqual(spoken.rows(text), rows, text)
        self.assertEqual(spoken.error("insert into t values (9, 1, 123456789012345678901.5)").sqlstate, "22003")

    def test_parameters_come_back_digit_by_digit(self) -> None:
        """However many there are, in text and in binary; a column refuses what it cannot keep."""
        spoken = Spoken(self)
        spoken.query("create table t(n numeric)")
        for text in (b"1.50", b"-123456789012345678901234567890.0012300", b"NaN", b"0.000"):
            heard = spoken.extended("select $1::numeric", text)
            self.assertIn((text,), [message.values for message in heard if hasattr(message, "values")])
        heard = spoken.extended("insert into t values ($1)", b"123456789012345678901.5")
        self.assertIn("22003", [message.sqlstate for message in heard if hasattr(message, "sqlstate")])
