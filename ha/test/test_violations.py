"""Which constraint refused a row."""

from __future__ import annotations

from ha.test.test_faults import FaultCase


class ViolationTests(FaultCase):
    """Rows that are refused."""

    def test_unique(self) -> None:
        """Constraints are named by PostgreSQL's rule, or as their author did."""
        for sql, table, name, detail in (
            ("INSERT INTO ev VALUES (1, 'a', 2, 1, 'x')", "ev", "ev_pkey", "Key (id)=(1) already exists."),
            ("INSERT INTO ev VALUES (2, 'a', 1, 5, 'x')", "ev", "ev_b_key", "Key (b)=(1) already exists."),
            ("INSERT INTO aliased VALUES (1)", "aliased", "aliased_pkey", "Key (id)=(1) already exists."),
            ("INSERT INTO named VALUES (2, 1, 1)", "named", "both of them", "Key (b, c)=(1, 1) already exists."),
            (
                'INSERT INTO "we, ird.t" VALUES (1, 1)',
                "we, ird.t",
                "we, ird.t_pkey",
                "Key (a, b)=(1, 1) already exists.",
            ),
            ("INSERT INTO indexed VALUES (1, 'x')", "indexed", "indexed_a", "Key (a)=(1) already exists."),
            ("INSERT INTO indexed VALUES (2, 'b')", "indexed", "indexed_lower", None),
        ):
            error = self.fail_with(sql)
            self.assertEqual(
                (error.sqlstate, error.message, error.table, error.constraint, error.detail),
                ("23505", f'duplicate key value violates unique constraint "{name}"', table, name, detail),
            )

    def test_not_null(self) -> None:
        """With table and column."""
        error = self.fail_with("INSERT INTO ev VALUES (2, NULL, 2, 1, 'x')")
        self.assertEqual((error.sqlstate, error.table, error.column), ("23502", "ev", "a"))
        self.assertEqual(error.message, 'null value in column "a" of relation "ev" violates not-null constraint')

    def test_check(self) -> None:
        """SQLite tells the name or the expression; the rest is looked up."""
        for sql, name in (
            ("INSERT INTO ev VALUES (2, 'a', 2, -1, 'x')", "ev_c_check"),
            ("INSERT INTO ev VALUES (2, 'aaaaaaaaaaaa', 2, 1, 'x')", "cc"),
            ("UPDATE ev SET b = 5", "ev_check"),
        ):
            error = self.fail_with(sql)
            self.assertEqual((error.sqlstate, error.table, error.constraint), ("23514", "ev", name))
            self.assertEqual(error.message, f'new row for relation "ev" violates check constraint "{name}"')

    def test_foreign_key(self) -> None:
        """Named where only one can have failed."""
        error = self.fail_with("INSERT INTO ev2 VALUES (99)")
        self.assertEqual((error.sqlstate, error.table, error.constraint), ("23503", "ev2", "ev2_x_fkey"))
        self.assertEqual(error.detail, 'Key (x)=(99) is not present in table "ev".')
        error = self.fail_with("DELETE FROM ev WHERE id = 1")
        self.assertEqual(
            error.message, 'update or delete on table "ev" violates foreign key constraint "ev2_x_fkey" on table "ev2"'
        )
        error = self.fail_with("DROP TABLE ev")
        self.assertEqual(
            (error.sqlstate, error.detail), ("2BP01", "constraint ev2_x_fkey on table ev2 depends on table ev")
        )
