"""The clients people use, with their default settings: psql, psycopg, asyncpg, curl."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from contextlib import closing

import asyncpg
import psycopg
from twisted.trial.unittest import SynchronousTestCase

from ha.test.integration.asyncpgclient import connected, converse
from ha.test.integration.nodes import Node, environment, eventually, temporary_folder


class ClientTestCase(SynchronousTestCase):
    """A node with a table."""

    def setUp(self) -> None:
        """The table is made over HTTP."""
        self.node = Node(self).start()
        self.node.run(
            "CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, weight REAL, picture BLOB)"
        )


class PsqlTests(ClientTestCase):
    """psql, as a person types into it."""

    def test_rows_and_tags(self) -> None:
        """As PostgreSQL would print them."""
        self.assertEqual(self.node.psql("INSERT INTO users(name) VALUES ('a'), ('b')"), "INSERT 0 2")
        self.assertEqual(self.node.psql("UPDATE users SET name = 'c' WHERE id = 2"), "UPDATE 1")
        self.assertEqual(self.node.psql("SELECT id, name FROM users ORDER BY id"), "1|a\n2|c")
        self.assertEqual(self.node.psql("DELETE FROM users"), "DELETE 2")

    def test_null_is_not_the_empty_text(self) -> None:
        """psql shows the difference when asked."""
        self.node.psql("INSERT INTO users(name) VALUES (NULL), ('')")
        shown = self.node.psql("SELECT name FROM users ORDER BY id", options=("-X", "-A", "-t", "-P", "null=NULL"))
        self.assertEqual(shown, "NULL")  # and an empty line, which is stripped

    def test_several_statements_in_one_message_are_one_transaction(self) -> None:
        """The second fails, so the first never was."""
        shown = self.node.psql("INSERT INTO users(name) VALUES ('a'); INSERT INTO nowhere VALUES (1)")
        self.assertIn("ERROR:", shown)
        self.assertIn("nowhere", shown)
        self.assertEqual(self.node.psql("SELECT count(*) FROM users"), "0")

    def test_a_failed_transaction_refuses_until_rollback(self) -> None:
        """With PostgreSQL's own words for it."""
        shown = self.node.psql("BEGIN", "SELECT * FROM nowhere", "SELECT 1", "ROLLBACK", "SELECT 2")
        self.assertIn("current transaction is aborted", shown)
        self.assertTrue(shown.startswith("BEGIN\n"), shown)
        self.assertIn("ROLLBACK\n2", shown)

    def test_describing_commands(self) -> None:
        r"""``\d`` and ``\dt`` find the table."""
        self.assertIn("users", self.node.psql(r"\dt"))
        described = self.node.psql(r"\d users")
        for column in ("id", "name", "weight", "picture"):
            self.assertIn(column, described)
        self.assertNotIn("ERROR", described)


class PsycopgTests(ClientTestCase):
    """psycopg 3."""

    def test_transactions(self) -> None:
        """Committed by the end of the block, rolled back by an exception in it."""
        with psycopg.connect(self.node.dsn()) as connection:
            connection.execute("INSERT INTO users(name, weight, picture) VALUES (%s, %s, %s)", ("a", 1.5, b"\0\xff"))
            connection.commit()
            with self.assertRaises(ZeroDivisionError), connection.transaction():
                connection.execute("INSERT INTO users(name) VALUES ('b')")
                raise ZeroDivisionError
            rows = connection.execute("SELECT * FROM users").fetchall()
        self.assertEqual(rows, [(1, "a", 1.5, b"\0\xff")])

    def test_an_error_has_its_class(self) -> None:
        """psycopg makes it from the SQLSTATE."""
        with psycopg.connect(self.node.dsn(), autocommit=True) as connection:
            connection.execute("INSERT INTO users(name) VALUES ('a')")
            with self.assertRaises(psycopg.errors.UniqueViolation):
                connection.execute("INSERT INTO users(name) VALUES ('a')")
            with self.assertRaises(psycopg.errors.UndefinedTable):
                connection.execute("SELECT * FROM nowhere")
            with self.assertRaises(psycopg.errors.SyntaxError):
                connection.execute("SELEKT 1")
            self.assertEqual(connection.execute("SELECT count(*) FROM users").fetchone(), (1,))

    def test_prepared_statements(self) -> None:
        """psycopg prepares by itself what comes often."""
        with psycopg.connect(self.node.dsn(), autocommit=True) as connection:
            for number in range(20):
                connection.execute("INSERT INTO users(weight) VALUES (%s)", (number,))
            for number in range(20):
                row = connection.execute("SELECT weight FROM users WHERE id = %s", (number + 1,)).fetchone()
                self.assertEqual(row, (float(number),))

    def test_many_rows_by_a_cursor(self) -> None:
        """A server-side cursor reads in portions."""
        with psycopg.connect(self.node.dsn()) as connection:
            with connection.cursor() as cursor:
                cursor.executemany("INSERT INTO users(name) VALUES (%s)", [(f"n{n}",) for n in range(500)])
            connection.commit()
            with connection.cursor("portions") as cursor:
                cursor.itersize = 100
                cursor.execute("SELECT id FROM users ORDER BY id")
                self.assertEqual([row[0] for row in cursor], list(range(1, 501)))

    def test_a_killed_client_leaves_nothing(self) -> None:
        """Its transaction is rolled back, the next writer does not wait for it."""
        connection = psycopg.connect(self.node.dsn())
        connection.execute("INSERT INTO users(name) VALUES ('never')")
        connection.pgconn.finish()
        self.node.run("INSERT INTO users(name) VALUES ('next')")
        self.assertEqual(self.node.rows("SELECT name FROM users"), [["next"]])

    def test_the_wrong_password(self) -> None:
        """Is said as PostgreSQL says it."""
        error = self.assertRaises(psycopg.OperationalError, psycopg.connect, self.node.dsn().replace(":ha@", ":no@"))
        self.assertIn('password authentication failed for user "ha"', str(error))

    def test_an_unknown_database(self) -> None:
        """Is not made by asking for it."""
        error = self.assertRaises(psycopg.OperationalError, psycopg.connect, self.node.dsn() + "x")
        self.assertIn("does not exist", str(error))

    def test_cancel(self) -> None:
        """A statement without end ends."""
        with psycopg.connect(self.node.dsn(), autocommit=True) as connection:
            endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
            connection.pgconn.send_query(endless.encode())
            connection.pgconn.get_cancel().cancel()

            def ended() -> bool:
                connection.pgconn.consume_input()
                return not connection.pgconn.is_busy()

            eventually(ended, "the statement was cancelled", 10)
            result = connection.pgconn.get_result()
            assert result is not None and connection.pgconn.get_result() is None
            self.assertEqual(result.error_field(psycopg.pq.DiagnosticField.SQLSTATE), b"57014")


class AsyncpgTests(ClientTestCase):
    """asyncpg, which prepares everything and reads binary."""

    def test_values(self) -> None:
        """In both directions, with the types of the columns."""

        async def conversation() -> None:
            async with connected(self.node) as connection:
                insert = "INSERT INTO users(name, weight, picture) VALUES ($1, $2, $3)"
                self.assertEqual(await connection.execute(insert, "a", 0.1, b"\0\xff"), "INSERT 0 1")
                row = await connection.fetchrow("SELECT * FROM users WHERE id = $1", 1)
                self.assertEqual(tuple(row), (1, "a", 0.1, b"\0\xff"))

        converse(conversation())

    def test_transactions(self) -> None:
        """With a savepoint inside."""

        async def conversation() -> None:
            async with connected(self.node) as connection:
                async with connection.transaction():
                    await connection.execute("INSERT INTO users(name) VALUES ('kept')")
                    with self.assertRaises(asyncpg.UniqueViolationError):
                        async with connection.transaction():
                            await connection.execute("INSERT INTO users(name) VALUES ('kept')")
                self.assertEqual([row["name"] for row in await connection.fetch("SELECT name FROM users")], ["kept"])

        converse(conversation())

    def test_a_prepared_statement_runs_often(self) -> None:
        """And a cursor reads its rows in portions."""

        async def conversation() -> None:
            async with connected(self.node) as connection:
                await connection.executemany("INSERT INTO users(name) VALUES ($1)", [(f"n{n}",) for n in range(100)])
                statement = await connection.prepare("SELECT name FROM users WHERE id = $1")
                self.assertEqual([await statement.fetchval(n) for n in (1, 100)], ["n0", "n99"])
                async with connection.transaction():
                    seen = [
                        row["id"] async for row in connection.cursor("SELECT id FROM users ORDER BY id", prefetch=10)
                    ]
                self.assertEqual(seen, list(range(1, 101)))

        converse(conversation())


class CurlTests(ClientTestCase):
    """curl, which calls everything it posts a form."""

    def setUp(self) -> None:
        """Somewhere to write, beside the node's own folder."""
        super().setUp()
        self.folder = temporary_folder(self)

    def curl(self, *words: str, path: str = "/") -> str:
        """What it prints."""
        done = subprocess.run(
            ["curl", "-sS", *words, f"http://localhost:{self.node.http_port}{path}"],
            cwd=self.folder,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=60,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_a_write_and_a_read(self) -> None:
        """In one transaction."""
        commands = [
            {"sql": "INSERT INTO users(name) VALUES (:name)", "params": {"name": "a"}},
            {"sql": "SELECT id, name, picture FROM users"},
        ]
        self.assertEqual(
            json.loads(self.curl("-d", json.dumps(commands))),
            {
                "results": [
                    {"columns": ["rows_affected", "last_insert_id"], "rows": [[1, 1]]},
                    {"columns": ["id", "name", "picture"], "rows": [[1, "a", None]]},
                ]
            },
        )

    def test_all_or_nothing(self) -> None:
        """The answer names the command that failed."""
        commands = [{"sql": "INSERT INTO users(name) VALUES ('a')"}, {"sql": "INSERT INTO users(id) VALUES ('x')"}]
        answer = self.curl("-d", json.dumps(commands), "-w", "\n%{http_code}")
        body, _, status = answer.rpartition("\n")
        self.assertEqual(status, "422")
        self.assertEqual(json.loads(body)["error"]["index"], 1)
        self.assertEqual(self.node.rows("SELECT count(*) FROM users"), [[0]])

    def test_statuses(self) -> None:
        """Each means something."""
        for words, path, status in (
            (["-d", "{"], "/", "400"),
            (["-d", '{"sql": 1}'], "/", "400"),
            (["-d", '{"sql": "SELEKT"}'], "/", "422"),
            ([], "/nowhere", "404"),
            (["-X", "PATCH"], "/", "405"),
            (["-d", "[]", "-H", "Origin: http://elsewhere.example"], "/", "403"),
            (["-H", "Host: elsewhere.example"], "/", "403"),
        ):
            answer = self.curl(*words, "-o", "/dev/null", "-w", "%{http_code}", path=path)
            self.assertEqual(answer, status, f"{words} {path}")

    def test_a_copy_of_the_running_database(self) -> None:
        """With its name, and whole."""
        self.node.run("INSERT INTO users(name) VALUES ('a')")
        self.curl("-O", "-J")
        with closing(sqlite3.connect(self.folder / "mydatabase.db")) as connection:
            self.assertEqual(connection.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
            self.assertEqual(connection.execute("SELECT name FROM users").fetchall(), [("a",)])
