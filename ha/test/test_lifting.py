"""Literals lifted out of texts: what may be shared, what must not, and that it means the same."""

from __future__ import annotations

import apsw
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sql import lifting
from ha.sql.lifting import lift, put_back
from ha.sql.statements import split
from ha.sql.tokens import tokenize
from ha.test.fake_backend import MemoryConnection

#: Texts, what their statements become, and the values that were in them.
LIFTED = (
    ("SELECT a FROM t WHERE id = 4711;", "SELECT a FROM t WHERE id = ?1", (4711,)),
    ("select a from t where id=-1", "select a from t where id=?1", (-1,)),
    (
        "SELECT a FROM t WHERE id BETWEEN 5 AND 104 ORDER BY 1, 2 LIMIT 50",
        "SELECT a FROM t WHERE id BETWEEN ?1 AND ?2 ORDER BY 1, 2 LIMIT 50",
        (5, 104),
    ),
    (
        "SELECT a FROM t WHERE a>=5 AND b <> -7 AND c!=8 OR d==9",
        "SELECT a FROM t WHERE a>=?1 AND b <> ?2 AND c!=?3 OR d==?4",
        (5, -7, 8, 9),
    ),
    ("UPDATE t SET n = 42, m = n + 1 WHERE id = 7", "UPDATE t SET n = ?1, m = n + ?2 WHERE id = ?3", (42, 1, 7)),
    ("UPDATE t SET n = n + 421 WHERE id = 7", "UPDATE t SET n = n + ?1 WHERE id = ?2", (421, 7)),
    ("UPDATE t SET n=n+-421, m = t.m*2, k = abs - 5", "UPDATE t SET n=n+?1, m = t.m*?2, k = abs - ?3", (-421, 2, 5)),
    ("DELETE FROM t WHERE n<5 RETURNING id", "DELETE FROM t WHERE n<?1 RETURNING id", (5,)),
    (
        "INSERT INTO t(a, b) VALUES (1, 'it''s'), (-2, 'VALUES (3)') RETURNING id",
        "INSERT INTO t(a, b) VALUES (?1, ?2), (?3, ?4) RETURNING id",
        (1, "it's", -2, "VALUES (3)"),
    ),
    ("INSERT INTO t VALUES (1, null, true, 1.5)", "INSERT INTO t VALUES (?1, null, true, 1.5)", (1,)),
)

#: Texts that are read as they stand.
LEFT = (
    "SELECT 1",
    "SELECT a = 5 FROM t",  # SQLite and clients name a column by its text
    "SELECT a = 5 FROM t WHERE b = 6",
    "SELECT a FROM t WHERE b = '2020-01-01'::date",
    "SELECT a FROM t WHERE b = 't'",  # it takes the type of the column, which only the schema knows
    "UPDATE t SET b = 't' WHERE c = 5",
    "INSERT INTO t VALUES (round(5, 2))",
    "INSERT INTO t VALUES ((SELECT max(a) FROM u WHERE b IN (1, 2)), 3)",
    "SELECT a FROM t WHERE b = 1.5",
    "SELECT a FROM t WHERE b > 1e-5",
    "SELECT a FROM t WHERE b = 5 OFFSET 4000",  # would be another shape for each number that stays
    "UPDATE t SET n = 3 WHERE m + 5 = 7",  # it may be in an index
    "UPDATE t SET n = (SELECT m + 5 FROM u GROUP BY m + 5)",
    "UPDATE t SET n = m + 1e-5",
    "UPDATE t SET n = 1e-5",
    "UPDATE t SET n = 1.e-5",
    "UPDATE t SET n = n + 1 - 5",
    "UPDATE t SET n = b->5",
    "UPDATE t SET n = n + 42::text",
    "UPDATE t SET n = n / 10",
    "UPDATE t SET a = 3 RETURNING n + 5",
    "SELECT a FROM t WHERE n + 50 = 7",  # 50 might be another each time
    "SELECT a FROM t WHERE b = 1234567890123456789",  # 19 digits may not fit
    "SELECT a FROM t WHERE b->'x' = 'y'",
    "SELECT a FROM t WHERE b ->> 'x' = 'y'",
    "SELECT a FROM t WHERE b LIKE 'x' AND c = 'y'",
    "SELECT a FROM t WHERE b = 'x = ' AND c LIKE 'y = 5' AND d = 'z'",
    "SELECT a FROM t WHERE b = 'a' 'b'",
    "SELECT a FROM t WHERE b = 5 --5",
    "SELECT a FROM t WHERE b = 5 /* = 6 */",
    "SELECT a FROM t WHERE b = $1 AND c = 5",
    "SELECT a FROM t WHERE b = ? AND c = 5",
    'SELECT a FROM t WHERE "b = 5" = 6',
    "SELECT a FROM t WHERE [b = 5] = 6",
    "SELECT a FROM t WHERE b = 5 UNION SELECT 6",
    "SELECT a FROM t WHERE CASE WHEN b = 5 THEN 6 END",
    "SELECT f(x => 5) FROM t WHERE a = 1",
    "SELECT a FROM t WHERE f(x => 5)",
    "SELECT a FROM t WHERE b = 5; SELECT 6",
    "UPDATE t SET a = 5 RETURNING a = 6",
    "INSERT INTO t SELECT a, 2 FROM u ORDER BY (1), 2",
    "INSERT INTO t VALUES (1, 'x') ON CONFLICT (a) DO UPDATE SET b = 'y'",
    "INSERT INTO t VALUES (1) RETURNING coalesce(a, 5)",
    "CREATE INDEX i ON t (a) WHERE b = 5",
    "EXPLAIN SELECT a FROM t WHERE b = 5",
    "",
)

VALUES = st.one_of(
    st.integers(-(10**18) + 1, 10**18 - 1),
    st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=8),
    st.sampled_from(
        ["now", "t", "{1,2}", "2020-01-01", "5", "1e5", "infinity", "'", "= 5", "--", "$1", "?1", "\\", "("]
    ),
)


def quoted(value: int | str) -> str:
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value)


class LiftTests(SynchronousTestCase):
    """Which texts share a statement."""

    def test_what_is_lifted(self) -> None:
        """Values that are compared, counted up or inserted."""
        for text, words, values in LIFTED:
            lifted = lift(text)
            assert lifted is not None, text
            self.assertEqual((lifted.statement.text, lifted.values), (words, values))
            self.assertEqual(lifted.statement.sql, split(words)[0].sql)

    def test_what_is_left(self) -> None:
        """Where a literal says more than its value, or might, the text stands as it is."""
        for text in LEFT:
            self.assertIsNone(lift(text), text)

    def test_texts_that_differ_in_values_share_a_statement(self) -> None:
        """The same object: what is known of it is known of all."""
        one, other = lift("INSERT INTO t VALUES (1)"), lift("INSERT INTO t VALUES ('x')")
        assert one is not None and other is not None
        self.assertIs(one.statement, other.statement)

    def test_numbers_that_stay_must_come_again(self) -> None:
        """Each might be another: only a shape that is met twice is worth a statement of its own."""
        text = "SELECT a FROM t WHERE b BETWEEN {0} AND {0} + 99 LIMIT 20 OFFSET {1}"
        self.assertIsNone(lift(text.format(5, 4000)))
        self.assertIsNone(lift(text.format(6, 4001)))
        lifted = lift(text.format(7, 4000))
        assert lifted is not None
        self.assertEqual(lifted.values, (7, 7))
        self.assertEqual(lifted.statement.text, "SELECT a FROM t WHERE b BETWEEN ?1 AND ?2 + 99 LIMIT 20 OFFSET 4000")
        for number in range(lifting.SHAPES_KEPT + 10):
            lift(text.format(5, 100_000 + number))
        self.assertLessEqual(len(lifting._met), lifting.SHAPES_KEPT)

    def test_a_text_that_is_data_is_left(self) -> None:
        """Its statement would only push others out."""
        words = "INSERT INTO t VALUES ('{}')"
        self.assertIsNotNone(lift(words.format("x" * (lifting.LIFTED_TEXT_MAX - len(words) + 2))))
        self.assertIsNone(lift(words.format("x" * (lifting.LIFTED_TEXT_MAX - len(words) + 3))))

    def test_a_thousand_shapes(self) -> None:
        """What is remembered is bounded."""
        for n in range(lifting.SHAPES_KEPT + 10):
            lift(f"SELECT a FROM t WHERE c{n} = 5")
        self.assertLessEqual(len(lifting._known), lifting.SHAPES_KEPT)

    @given(VALUES, st.integers(-(10**18) + 1, 10**18 - 1), st.integers(-5, 5))
    @settings(max_examples=200, deadline=None)
    def test_it_means_the_same(self, value: int | str, one: int, other: int) -> None:
        """Rows are stored, found and changed by lifted statements as by the texts themselves."""
        seen = []
        for as_lifted in (False, True):
            connection = MemoryConnection()
            connection.execute("CREATE TABLE t (i INTEGER, r REAL, s TEXT, n NUMERIC, b)")
            for text in (
                f"INSERT INTO t VALUES ({', '.join([quoted(value)] * 5)}), ({one}, {other}, {other}, {one}, {one})",
                f"UPDATE t SET b = {other} WHERE i = {one} OR s = {one}",
                f"UPDATE t SET i = i + {one}, r = r*{other}, s = s - {one}, n = n+{other}, b = b * {other} WHERE r <> {one}",
                f"SELECT * FROM t WHERE i = {one} OR r < {other} AND s >= {one} OR n <> {other}",
                f"SELECT * FROM t WHERE n BETWEEN {one} AND {other} OR b = {one}",
            ):
                lifted = lift(text)
                assert lifted is not None, text
                (statement,) = split(text)
                rows = (
                    connection.execute(lifted.statement.sql, lifted.values)
                    if as_lifted
                    else connection.execute(statement.sql)
                )
                seen.append([[(type(value), value) for value in row] for row in rows])
            seen.append([[(type(value), value) for value in row] for row in connection.execute("SELECT * FROM t")])
        self.assertEqual(seen[: len(seen) // 2], seen[len(seen) // 2 :])

    @given(st.text("sSeElLcCtT '=<>-+1AND5();", max_size=60))
    @settings(max_examples=500, deadline=None)
    def test_garbage(self, text: str) -> None:
        """Whatever comes, what is lifted is one statement whose values, put back, give the text again."""
        for verb in ("SELECT a WHERE ", "UPDATE t SET ", "INSERT INTO t VALUES (", "DELETE FROM t WHERE "):
            lifted = lift(verb + text)
            if lifted is not None:
                again = lifted.statement.text
                for number, value in reversed(list(enumerate(lifted.values, 1))):
                    assert isinstance(value, int | str)
                    again = again.replace(f"?{number}", quoted(value))
                self.assertEqual(tokens_of(again), tokens_of(verb + text))


def tokens_of(text: str) -> list[str]:
    """A text's words, without what means nothing: white space, leading zeros, the last semicolon."""
    words = [text[token.start : token.end] for token in tokenize(text)]
    words = [str(int(word)) if word.isdigit() else word for word in words]
    return words[:-1] if words[-1:] == [";"] else words


class PositionTests(SynchronousTestCase):
    """Errors say where, in the text that the client sent."""

    def test_positions_around_literals(self) -> None:
        """Before, between and behind them."""
        text = "SELECT a FROM t WHERE nope = 123456 AND b = 7 AND missing = -1 AND last"
        lifted = lift(text)
        assert lifted is not None
        for word in ("nope", "b =", "missing", "last"):
            position = lifted.statement.text.index(word) + 1
            error = put_back(StatementError("42703", "no such column", position=position), text)
            self.assertEqual(error.position, text.index(word) + 1)

    def test_at_a_literal(self) -> None:
        """Where it begins, longer or shorter than what stands for it."""
        text = "INSERT INTO t VALUES (1, 'three', 22)"
        lifted = lift(text)
        assert lifted is not None
        for number, word in enumerate(("1", "'three'", "22"), 1):
            position = lifted.statement.text.index(f"?{number}") + 1
            error = put_back(StatementError("42601", "too many", position=position), text)
            self.assertEqual(error.position, text.index(word) + 1)

    def test_an_error_without_a_position(self) -> None:
        """It stays one, unless it shows a value: that has a place."""
        text = "INSERT INTO t VALUES (1, 'x')"
        self.assertIsNone(put_back(StatementError("23505", "duplicate"), text).position)
        error = StatementError("22P02", 'invalid input syntax for type integer: "x"')
        self.assertEqual(put_back(error, text).position, text.index("'x'") + 1)


class PlanTests(SynchronousTestCase):
    """Sharing costs no index."""

    def test_a_partial_index_is_still_used(self) -> None:
        """SQLite looks at the values that are bound."""
        connection = apsw.Connection(":memory:")
        connection.execute("CREATE TABLE t (a, b); CREATE INDEX i ON t (a) WHERE b = 5")
        lifted = lift("SELECT * FROM t WHERE a = 1 AND b = 5")
        assert lifted is not None
        plan = connection.execute("EXPLAIN QUERY PLAN " + lifted.statement.sql, lifted.values).fetchall()
        self.assertIn("USING INDEX i", plan[0][3])
