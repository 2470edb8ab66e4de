"""MERGE becomes a query for what is to be done, and a statement for each thing that can be."""

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sql.kinds import Merge, Statement
from ha.sql.statements import client_position, split, with_schema
from ha.test.two_tables import Schema


def fitted(text: str) -> Statement:
    (statement,) = split(text)
    return with_schema(statement, Schema())


class MergeTests(SynchronousTestCase):
    """What SQLite is given."""

    def test_matched_and_not_matched_are_found_apart(self) -> None:
        """Rows of the source that have a partner are joined to it; those without do not see the table at all."""
        made = fitted(
            "MERGE INTO orders USING users AS u ON orders.id = u.id WHEN MATCHED AND u.active THEN DELETE"
            " WHEN MATCHED THEN DO NOTHING WHEN NOT MATCHED THEN INSERT (id) VALUES (u.id)"
        )
        self.assertEqual(
            made.sql,
            'SELECT CASE WHEN u.active THEN pg_packed(0, "orders".rowid) WHEN true THEN NULL END'
            ' FROM users AS u JOIN "orders" AS "orders" ON (orders.id = u.id) UNION ALL '
            "SELECT CASE WHEN true THEN pg_packed(2, u.id) END"
            ' FROM users AS u WHERE NOT EXISTS (SELECT 1 FROM "orders" AS "orders" WHERE (orders.id = u.id))',
        )
        assert isinstance(made.argument, Merge)
        self.assertEqual(
            [action.sql for action in made.argument.actions],
            ['DELETE FROM "orders" WHERE rowid = ?1', "", 'INSERT INTO "orders" ("id") VALUES (?1)'],
        )

    def test_what_is_assigned_is_made_to_fit_its_column(self) -> None:
        """As an UPDATE and an INSERT make it; columns that are not named come in the table's order; DEFAULT is the column's."""
        made = fitted(
            "MERGE INTO users AS t USING orders o ON t.id = o.id"
            " WHEN MATCHED THEN UPDATE SET email = 'a', (name, active) = (DEFAULT, o.id > 1)"
            " WHEN NOT MATCHED THEN INSERT VALUES (o.id, o.amount)"
        )
        self.assertIn("pg_packed(0, \"t\".rowid, 'a', ('nobody'), pg_bool(o.id > 1))", made.sql)
        assert isinstance(made.argument, Merge)
        self.assertEqual(
            [action.sql for action in made.argument.actions],
            [
                'UPDATE "users" SET "email" = ?2, "name" = ?3, "active" = ?4 WHERE rowid = ?1',
                'INSERT INTO "users" ("id", "name") VALUES (?1, ?2)',
            ],
        )

    def test_a_query_behind_using_is_asked_once(self) -> None:
        """What it gives by chance must be the same for those with a partner and those without."""
        made = fitted(
            "WITH c AS (SELECT 1) MERGE INTO users USING (SELECT random() AS id) q ON users.id = q.id"
            " WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT DEFAULT VALUES"
        )
        self.assertTrue(
            made.sql.startswith(
                "WITH c AS (SELECT 1), ha_source AS MATERIALIZED (SELECT pg_random() AS id) SELECT CASE"
            ),
            made.sql,
        )
        self.assertEqual(made.sql.count("FROM ha_source q"), 2)

    def test_a_place_in_the_query_is_one_in_the_clients_text(self) -> None:
        """The parts stand in another order there."""
        text = "MERGE INTO users t USING orders o ON t.bad1 = 1 WHEN MATCHED AND t.bad2 THEN UPDATE SET name = t.bad3"
        made = fitted(f"SELECT 1; {text}".split("; ")[1])
        for word in ("bad1", "bad2", "bad3"):
            self.assertEqual(client_position(made, made.sql.index(word)), text.index(word), word)

    def test_what_is_no_merge_is_refused_with_its_place(self) -> None:
        """Before anything is asked of the schema."""
        for text, near in (
            ("MERGE users USING orders ON true WHEN MATCHED THEN DELETE", '"users"'),
            ("MERGE INTO users USING orders WHEN MATCHED THEN DELETE", '"WHEN"'),
            ("MERGE INTO users USING orders ON true", "end of input"),
            ("MERGE INTO users USING orders ON true WHEN MATCHED THEN INSERT VALUES (1)", '"INSERT"'),
            ("MERGE INTO users USING orders ON true WHEN NOT MATCHED THEN DELETE", '"DELETE"'),
            ("MERGE INTO users USING orders ON true WHEN MATCHED THEN DELETE RETURNING *", '"RETURNING"'),
            ("MERGE INTO users USING orders ON true WHEN MATCHED THEN UPDATE SET a", "end of input"),
        ):
            error = self.assertRaises(StatementError, split, text)
            self.assertEqual((error.sqlstate, error.message.endswith(near)), ("42601", True), (text, error.message))

    def test_what_it_names_must_be_there(self) -> None:
        """Each with PostgreSQL's SQLSTATE."""
        for text, sqlstate in (
            ("MERGE INTO nobody USING orders ON true WHEN MATCHED THEN DELETE", "42P01"),
            ("MERGE INTO users USING orders ON true WHEN MATCHED THEN UPDATE SET nope = 1", "42703"),
            ("MERGE INTO users USING orders ON true WHEN MATCHED THEN UPDATE SET id = 1, id = 2", "42601"),
            ("MERGE INTO users USING orders ON true WHEN NOT MATCHED THEN INSERT (id, id) VALUES (1, 2)", "42701"),
            ("MERGE INTO users USING orders ON true WHEN NOT MATCHED THEN INSERT (id) VALUES (1, 2)", "42601"),
            ("MERGE INTO users USING orders ON true WHEN NOT MATCHED THEN INSERT (id) VALUES (users.id)", "42P01"),
            ("MERGE INTO users USING users ON true WHEN MATCHED THEN DELETE", "42712"),
            ("MERGE INTO users USING orders ON true WHEN MATCHED THEN DELETE WHEN MATCHED THEN DELETE", "42601"),
            ("WITH m AS (MERGE INTO users USING orders ON true WHEN MATCHED THEN DELETE) SELECT 1", "0A000"),
        ):
            error = self.assertRaises(StatementError, fitted, text)
            self.assertEqual(error.sqlstate, sqlstate, text)
