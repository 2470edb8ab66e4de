"""Long INSERTs of literals: the same rows and the same errors as from short ones."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sql.literalrows import LENGTH_MIN, LiteralRows, fitted_rows, literal_rows
from ha.test.clients import BackendCase

TYPES = (
    "integer", "int", "smallint", "bigint", "real", "double precision", "numeric", "numeric(6,2)", "boolean", "text", "varchar",
    "varchar(3)", "char(3)", "date", "timestamp", "timestamptz", "uuid", "json", "bytea", "blob",
)  # fmt: skip
LITERALS = (
    "null", "true", "0", "1", "-7", "40000", "3000000000", "123456789012345678", "12.5", "1.5", "-0.25", "1.005", "1.0e5", "'1'", "''",
    "'abc'", "'abcd'", "'ab '", "'ab  '", "'it''s'", "'t'", "'off'", "'2026-01-02'", "'2026-99-02'", "'2026-1-2 3:04'", "'{\"a\": 1}'",
    "'{'", "'a0eebc999c0b4ef8bb6d6bb9bd380a11'", "'1.005'", "'\\x00ff'", "'12345678901234567.89'", "'é'",
)  # fmt: skip


def padded(text: str) -> str:
    """The same statement, long enough to be seen as a whole."""
    before, values, after = text.partition("VALUES")
    return before + values + " " * LENGTH_MIN + after


class Schema:
    """One table."""

    def column_type(self, table: str, column: str) -> str | None:
        return {"a": "text", "b": "smallint"}.get(column.lower()) if table == "t" else None

    def columns(self, table: str) -> list[str] | None:
        return ["a", "b"] if table == "t" else None


class LiteralRowsTests(SynchronousTestCase):
    """What is one, and what it says."""

    def test_what_it_says(self) -> None:
        for text, wanted in (
            ("INSERT INTO t VALUES (1, 'a')", ("t", None, 2)),
            ('insert into "T t" (a, "b,c") VALUES (1, \'(,)\'), (2, null) ;', ("T t", ("a", "b,c"), 2)),
            ("INSERT INTO t(a)VALUES(-1.5)", ("t", ("a",), 1)),
        ):
            long = padded(text)
            found = literal_rows(long)
            self.assertEqual(found, LiteralRows(*wanted, values=long.index("VALUES")))
            self.assertIsNone(literal_rows(text))

    def test_anything_else_is_none(self) -> None:
        for text in (
            "INSERT INTO t VALUES (now())",
            "INSERT INTO t VALUES ($1)",
            "INSERT INTO t VALUES (DEFAULT)",
            "INSERT INTO t VALUES (1 + 1)",
            "INSERT INTO t VALUES ('1'::int)",
            "INSERT INTO t VALUES (1) RETURNING a",
            "INSERT INTO t VALUES (1); SELECT 1",
            "INSERT INTO s.t VALUES (1)",
            "INSERT INTO t VALUES (1234567890123456789)",
            "INSERT INTO t VALUES (1234567890123456.5)",
            "INSERT INTO t VALUES (1.5e300)",
            "INSERT INTO t VALUES ('\0')",
            "INSERT INTO t VALUES (E'a')",
            "INSERT INTO t VALUES (1.2.3)",
            "SELECT VALUES (1)",
        ):
            self.assertIsNone(literal_rows(padded(text)), text)

    def test_columns_that_fit_are_left_alone(self) -> None:
        """No table is made of the rows where nothing can be wrong with them."""
        text = padded("INSERT INTO t VALUES ('x')")
        rows = literal_rows(text)
        assert rows is not None
        self.assertEqual(fitted_rows(text, rows, Schema())[0], text.replace("VALUES", '("a") VALUES'))

    def test_too_many_values_are_for_sqlite_to_refuse(self) -> None:
        text = padded("INSERT INTO t VALUES ('x', 1, 2)")
        rows = literal_rows(text)
        assert rows is not None
        self.assertEqual(fitted_rows(text, rows, Schema()), (text, ()))


class RowsTests(BackendCase):
    """A long one and a short one are the same."""

    def outcome(self, table: str, text: str) -> object:
        """What the column holds afterwards, or the error."""

        async def run() -> object:
            try:
                await self.client.message(text.replace("TABLE", table))
            except StatementError as error:
                return error.sqlstate, error.message
            return [
                row for answer in await self.client.message(f"SELECT typeof(v), v FROM {table}") for row in answer.rows
            ]

        return self.client.wait(run())

    def test_any_literal_in_any_column(self) -> None:
        for number, words in enumerate(TYPES):
            for table in ("short", "long"):
                self.client.run(f"CREATE TABLE {table}{number} (id INTEGER PRIMARY KEY, v {words})")
            for literal in LITERALS:
                text = f"INSERT INTO TABLE VALUES (1, {literal})"
                short = self.outcome(f"short{number}", text)
                self.assertEqual(self.outcome(f"long{number}", padded(text)), short, (words, literal))
                for table in ("short", "long"):
                    self.client.run(f"DELETE FROM {table}{number}")

    def test_rows_of_several_widths(self) -> None:
        text = "INSERT INTO t VALUES (1, 'x'), (2, 'y', 3)"
        self.assertEqual(self.client.refused(padded(text)), self.client.refused(text))
        text = "INSERT INTO t(id) VALUES (1, 'x')"
        self.assertEqual(self.client.refused(padded(text)), self.client.refused(text))

    def test_where_its_error_is(self) -> None:
        """In the client's text, though SQLite saw another one."""
        self.client.run("CREATE TABLE u (a smallint, d date)")
        text = padded("INSERT INTO u VALUES (1, '2026-01-01'), (2, '2026-99-01')")
        error = self.client.fails(self.client.message(text))
        self.assertEqual((error.sqlstate, error.position), ("22008", text.index("'2026-99-01'") + 1))
